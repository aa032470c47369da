"""Rules of one bar, worked by hand, and pandera as the judge of the schema."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest

from gnomon.data.checks import check_bars
from gnomon.data.checks.values import RULES, schema, validate

NAN, INF = float("nan"), float("inf")


def bar(**values: float | None) -> pl.DataFrame:
    """One healthy bar of 2020-01-06 with some values replaced, after a healthy one of 2020-01-03."""
    healthy = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0}
    rows = [
        {"timestamp": datetime(2020, 1, 3, 21, tzinfo=UTC), "symbol": "A", **healthy},
        {"timestamp": datetime(2020, 1, 6, 21, tzinfo=UTC), "symbol": "A", **healthy, **values},
    ]
    numbers = dict.fromkeys(healthy, pl.Float64)
    return pl.DataFrame(rows, schema={"timestamp": pl.Datetime("us", "UTC"), "symbol": pl.String, **numbers})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"close": None}, ["nulls"]),
        ({"volume": NAN}, ["non_finite"]),
        ({"high": INF}, ["non_finite"]),
        ({"open": 0.0, "low": 0.0}, ["non_positive"]),
        ({"volume": -1.0}, ["negative_volume"]),
        ({"close": 12.5}, ["ohlc"]),
        ({"low": 10.5}, ["ohlc"]),
        ({"open": 8.0}, ["ohlc"]),
        ({"high": 9.0, "low": 12.0}, ["ohlc"]),
        # A close a float32 away from the high is rounding and no contradiction.
        ({"close": 12.0 * (1 + 6e-8)}, []),
        # Each fault has its own name: a NaN is not also a price at or below zero or a contradiction.
        ({"close": NAN}, ["non_finite"]),
    ],
)
def test_each_rule_by_hand(values: dict[str, float | None], expected: list[str]) -> None:
    report = check_bars(bar(**values))
    assert [issue.check for issue in report.errors] == expected
    for issue in report.errors:
        assert issue.count == 1
        assert issue.rows["row"].to_list() == [1]
        assert "2020-01-06 21:00" in issue.message
        assert "repair" in issue.message


def test_symbols_without_any_volume_are_named_apart() -> None:
    issue = next(issue for issue in check_bars(bar().with_columns(volume=0.0)).issues if issue.check == "zero_volume")
    assert issue.severity == "warning"
    assert "no volume at all (A)" in issue.message


def test_pandera_and_the_expressions_agree_on_every_rule() -> None:
    broken = {"nulls": {"close": None}, "non_finite": {"open": NAN}, "non_positive": {"low": -1.0}}
    broken |= {"negative_volume": {"volume": -5.0}, "ohlc": {"high": 1.0}}
    assert {rule.name for rule in RULES} == set(broken)
    import pandera.errors

    for name, values in broken.items():
        with pytest.raises(pandera.errors.SchemaErrors) as caught:
            schema().validate(bar(**values), lazy=True)
        assert name in {getattr(error.check, "name", error.check) for error in caught.value.schema_errors}
    schema().validate(bar(), lazy=True)


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b.drop("open"), lambda b: b.cast({"volume": pl.Int64}), lambda b: b.with_columns(timestamp=None)],
)
def test_faults_of_the_table_itself(spoil: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    assert validate(bar()) == ([], frozenset())
    faults, _ = validate(spoil(bar()))
    assert faults


def test_failures_in_every_bar_of_many_parts_are_quick() -> None:
    import time

    part = pl.concat([bar()] * 500, rechunk=True).with_columns(close=-1.0)
    bars = pl.concat([part] * 200, rechunk=False)
    begin = time.process_time()
    issues = check_bars(bars).issues
    assert next(issue for issue in issues if issue.check == "non_positive").count == 200_000
    # A guard, not a benchmark: pandera alone collects failing rows one by one, in a minute.
    assert time.process_time() - begin < 10
