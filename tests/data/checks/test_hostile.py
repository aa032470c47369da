"""Whatever the numbers are, the checks and repairs answer in words: a report or a DataError, never a traceback."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.core.errors import GnomonError
from gnomon.data.checks import check_bars
from gnomon.data.repair import repair_bars

NUMBERS = ("open", "high", "low", "close", "volume")
START = datetime(2020, 1, 1, tzinfo=UTC)

numbers = st.one_of(
    st.none(),
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, 1e-320, 1e308, -1e308, 1.0, 10.0, 100.0, 1e4]),
)
rows = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from("ABC"), *([numbers] * 5), numbers, numbers, numbers),
    min_size=1,
    max_size=30,
)
REPAIRS = (
    {"kind": "sort"},
    {"kind": "deduplicate"},
    {"kind": "forward_fill", "limit": 2, "frequency": "1d"},
    {"kind": "hampel", "window": 3},
    {"kind": "winsorise", "window": 3},
    {"kind": "clip", "columns": ["volume"], "lower": 0.0},
    {"kind": "drop", "checks": ["nulls", "non_finite", "non_positive", "negative_volume", "ohlc", "stale"]},
)


@settings(max_examples=150)
@given(rows, st.sampled_from([None, "24/7"]))
def test_any_numbers_get_an_answer(table: list[tuple[object, ...]], calendar: str | None) -> None:
    extras = ("Adj Close", "Dividends", "Stock Splits")
    bars = pl.DataFrame(
        [(START + timedelta(days=int(str(row[0]))), *row[1:]) for row in table],
        schema={
            "timestamp": pl.Datetime("us", "UTC"),
            "symbol": pl.String,
            **dict.fromkeys((*NUMBERS, *extras), pl.Float64),
        },
        orient="row",
    )
    report = check_bars(bars, frequency="1d", calendar=calendar)
    for issue in report.issues:
        assert issue.count >= 1
        assert issue.rows.height >= 1
        assert set(issue.rows["row"]) <= set(range(bars.height))
    mended, refusal = None, ""
    try:
        mended, _ = repair_bars(bars, REPAIRS)
    except GnomonError as error:
        refusal = str(error)
    if mended is None:
        assert "left no bars" in refusal
        return
    errors = {issue.check for issue in check_bars(mended, frequency="1d").errors}
    # What was dropped or put in order stays so; a unit is no matter of one bar.
    assert errors <= {"units"}
