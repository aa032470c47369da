"""As-of joins: known at the close and not before, the same as a plain loop, and blind to what is published later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.asof import join_asof

START = datetime(2020, 1, 1, tzinfo=UTC)
UTC_US = pl.Datetime("us", "UTC")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def panel(hours: list[int], symbols: str = "AB") -> pl.DataFrame:
    rows = [(at(hour), symbol) for symbol in symbols for hour in sorted(hours)]
    return pl.DataFrame(rows, schema={"timestamp": UTC_US, "symbol": pl.String}, orient="row")


def table(rows: list[tuple[float, float | None]], symbol: str | None = None) -> pl.DataFrame:
    frame = pl.DataFrame(
        [(at(hour), value) for hour, value in rows], schema={"known_at": UTC_US, "x": pl.Float64}, orient="row"
    )
    return frame if symbol is None else frame.with_columns(symbol=pl.lit(symbol))


def test_a_value_published_at_the_close_is_known_at_it() -> None:
    bars = panel([1, 2, 3], symbols="A")
    a_moment_late = at(2) + timedelta(microseconds=1)
    assert join_asof(bars, table([(2, 7.0)]), prefix="t")["t.x"].to_list() == [None, 7.0, 7.0]
    late = table([(2, 7.0)]).with_columns(known_at=pl.lit(a_moment_late).cast(UTC_US))
    assert join_asof(bars, late, prefix="t")["t.x"].to_list() == [None, None, 7.0]


def test_tolerance_is_the_age_since_publication() -> None:
    bars = panel([1, 2, 3, 4], symbols="A")
    joined = join_asof(bars, table([(1, 7.0)]), prefix="t", tolerance=timedelta(hours=2))
    assert joined["t.x"].to_list() == [7.0, 7.0, 7.0, None]


def test_a_published_nothing_is_taken_as_such() -> None:
    assert join_asof(panel([1, 2], "A"), table([(1, 7.0), (2, None)]), prefix="t")["t.x"].to_list() == [7.0, None]


def test_global_and_per_symbol_tables() -> None:
    bars = panel([1, 2])
    assert join_asof(bars, table([(1, 5.0), (2, 6.0)]), prefix="t")["t.x"].to_list() == [5.0, 6.0, 5.0, 6.0]
    own = table([(1, 5.0)], symbol="B")
    assert join_asof(bars, own, prefix="t")["t.x"].to_list() == [None, None, 5.0, 5.0]


def test_rows_order_and_columns_of_the_bars_stay() -> None:
    bars = panel([1, 2, 3]).with_columns(extra=pl.int_range(pl.len())).sample(fraction=1.0, shuffle=True, seed=1)
    for own in (table([(2, 5.0)]), table([(2, 5.0)], symbol="A")):
        joined = join_asof(bars, own, prefix="t")
        assert joined.columns == ["timestamp", "symbol", "extra", "t.x"]
        assert_frame_equal(joined.drop("t.x"), bars)


stamps = st.lists(st.integers(0, 40), max_size=12, unique=True)


@given(stamps, stamps, st.integers(0, 10), st.booleans())
def test_the_join_is_that_of_a_plain_loop(hours: list[int], known: list[int], tolerance: int, per_symbol: bool) -> None:
    rows = [(hour, float(hour) * 10) for hour in sorted(known)]
    own = table(rows, symbol="A" if per_symbol else None)
    joined = join_asof(panel(hours), own, prefix="t", tolerance=timedelta(hours=tolerance))
    for stamp, symbol, value in joined.iter_rows():
        past = [(hour, x) for hour, x in rows if at(hour) <= stamp and (not per_symbol or symbol == "A")]
        expected = past[-1][1] if past and stamp - at(past[-1][0]) <= timedelta(hours=tolerance) else None
        assert value == expected


def join_on_the_event(bars: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """The control: joins on the date that a value is about, a day before it came out."""
    return join_asof(bars, own.with_columns(pl.col("known_at") - timedelta(hours=24)), prefix="t")


def looks_ahead(join: object, hours: list[int], known: list[int], cut: int) -> bool:
    """Whether values published after the cut change what bars up to the cut got."""
    bars = panel(hours)
    rows = [(hour, float(hour)) for hour in sorted(known)]
    others = [(hour, value if hour <= cut else value * -10 - 1) for hour, value in rows]
    gone = [row for row in rows if row[0] <= cut]
    past = pl.col("timestamp") <= at(cut)
    whole, changed, shorter = (join(bars, table(r)).filter(past) for r in (rows, others, gone))  # type: ignore[operator]
    return not (whole.equals(changed) and whole.equals(shorter))


@given(stamps, stamps, st.integers(0, 40))
def test_nothing_published_later_changes_an_earlier_bar(hours: list[int], known: list[int], cut: int) -> None:
    assert not looks_ahead(lambda bars, own: join_asof(bars, own, prefix="t"), hours, known, cut)


def test_a_join_on_the_event_is_caught() -> None:
    assert looks_ahead(join_on_the_event, list(range(40)), list(range(0, 40, 8)), 20)


@pytest.mark.parametrize(
    ("own", "says"),
    [
        (table([(1, 1.0)]).rename({"known_at": "timestamp"}), "delay"),
        (table([(1, 1.0), (1, 2.0)]), "share known_at"),
        (table([(2, 1.0), (1, 2.0)]), "order of publication"),
        (table([(1, 1.0)]).with_columns(known_at=pl.lit(None, dtype=UTC_US)), "without"),
        (table([(1, 1.0)]).cast({"known_at": pl.Datetime("us")}), "UTC"),
        (pl.concat([table([(2, 1.0)], "A"), table([(9, 1.0)], "B"), table([(1, 1.0)], "A")]), "order of publication"),
        (pl.concat([table([(2, 1.0)], "A"), table([(2, 1.0)], "A")]), "symbol and known_at"),
        (table([(2, 1.0)], "A").with_columns(symbol=pl.lit(None, dtype=pl.String)), "without"),
    ],
)
def test_tables_that_cannot_be_trusted_are_refused(own: pl.DataFrame, says: str) -> None:
    with pytest.raises(DataError, match=says):
        join_asof(panel([1, 2]), own, prefix="cpi")


def test_unknown_columns_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'x'"):
        join_asof(panel([1]), table([(1, 1.0)]), columns=["X"], prefix="cpi")
    with pytest.raises(ConfigError, match="symbol"):
        join_asof(panel([1]), table([(1, 1.0)], "A"), columns=["symbol"], prefix="cpi")


def test_the_moment_of_publication_can_be_joined_too() -> None:
    bars, own = panel([1, 2, 3, 9], "A"), table([(2, 7.0), (3, None)])
    joined = join_asof(bars, own, columns=["known_at", "x"], prefix="t", tolerance=timedelta(hours=5))
    assert joined["t.known_at"].to_list() == [None, *own["known_at"], None]
    assert "t.known_at" not in join_asof(bars, own, prefix="t").columns, "only where it is asked for"


def test_an_empty_table_gives_nulls() -> None:
    assert join_asof(panel([1]), table([]), prefix="t")["t.x"].to_list() == [None, None]
