"""The adjusted close, the dividends and the splits of a vendor's file held against each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gnomon.data.checks import check_bars
from gnomon.data.checks.base import vendor_columns
from gnomon.data.issues import Issue

DAYS = 60


def vendor(
    dividends: dict[int, float],
    *,
    adjusted_for: dict[int, float] | None = None,
    splits: dict[int, float] | None = None,
    closes: np.ndarray | None = None,
    fall: bool = True,
) -> pl.DataFrame:
    """A file as Yahoo writes it, about 100 a share. `adjusted_for`: the dividends that the adjusted close knows of."""
    if closes is None:
        noise = np.random.default_rng(5).normal(0, 0.004, size=DAYS)
        closes = 100 * np.exp(np.cumsum(noise))
        for day, amount in dividends.items() if fall else ():
            closes[day:] *= 1 - amount / closes[day - 1]
    factor = np.ones(DAYS)
    for day, amount in (dividends if adjusted_for is None else adjusted_for).items():
        factor[:day] *= 1 - amount / closes[day - 1]
    start = datetime(2022, 1, 3, 21, tzinfo=UTC)
    return pl.DataFrame(
        {
            "timestamp": [start + timedelta(days=day) for day in range(DAYS)],
            "symbol": "A",
            "open": closes,
            "high": closes * 1.01,
            "low": closes * 0.99,
            "close": closes,
            "volume": 1e6,
            "Adj Close": closes * factor,
            "Dividends": [dividends.get(day, 0.0) for day in range(DAYS)],
            "Stock Splits": [(splits or {}).get(day, 0.0) for day in range(DAYS)],
        }
    ).cast({"timestamp": pl.Datetime("us", "UTC")})


def faults(bars: pl.DataFrame) -> list[tuple[int, str]]:
    issues = [issue for issue in check_bars(bars).issues if issue.check == "adjustment"]
    return [pair for issue in issues for pair in issue.rows.select("row", "fault").iter_rows()]


def test_a_consistent_file_passes() -> None:
    assert faults(vendor({10: 1.0, 30: 0.02, 50: 5.0})) == []


@pytest.mark.parametrize(
    ("dividends", "adjusted_for", "fault"),
    [
        ({20: 2.0}, {}, "dividend without an adjustment"),
        ({20: 2.0}, {20: 0.02}, "dividend and adjustment differ by a factor of 100"),
        ({20: 2.0}, {20: 4.0}, "dividend adjusted for twice"),
        ({20: 2.0}, {20: 2.9}, "dividend and adjustment differ"),
        ({20: 2.0}, {21: 2.0}, "dividend recorded one bar before its adjustment"),
        ({}, {20: 2.0}, "adjustment without a dividend"),
        ({20: 95.0}, None, "dividend as large as the price"),
    ],
)
def test_each_contradiction_has_its_name(
    dividends: dict[int, float], adjusted_for: dict[int, float] | None, fault: str
) -> None:
    row = 20
    assert faults(vendor(dividends, adjusted_for=adjusted_for)) == [(row, fault)]


def test_a_dividend_paid_twice_within_a_week() -> None:
    assert faults(vendor({20: 1.5, 22: 1.5})) == [(22, "dividend repeated within a week")]
    assert faults(vendor({20: 1.5, 40: 1.5})) == [], "the control: a quarter later it is the next one"


def test_a_dividend_that_the_price_did_not_fall_by() -> None:
    assert faults(vendor({20: 18.0}, fall=False)) == [(20, "dividend that the price did not fall by")]
    assert faults(vendor({20: 18.0})) == []


def test_a_dividend_of_shares_before_the_split() -> None:
    bars = vendor({20: 5.0}, adjusted_for={20: 1.0}, splits={20: 5.0})
    assert faults(bars) == [(20, "dividend and adjustment differ by the ratio of the split")]


def test_a_capital_gain_counted_twice() -> None:
    bars = vendor({20: 8.0}, adjusted_for={20: 14.0}).with_columns(
        pl.when(pl.int_range(pl.len()) == 20).then(6.0).otherwise(0.0).alias("Capital Gains")
    )
    assert faults(bars) == [(20, "capital gain counted twice")]


def test_a_split_that_the_prices_still_show() -> None:
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(6).normal(0, 0.004, size=DAYS)))
    assert faults(vendor({}, splits={30: 4.0}, closes=closes)) == []
    late = closes.copy()
    late[:28] *= 4
    fault = "price jumps by the ratio of a split that is recorded"
    assert faults(vendor({}, splits={30: 4.0}, closes=late)) == [(28, fault)]
    far = closes.copy()
    far[:10] *= 4
    assert faults(vendor({}, splits={30: 4.0}, closes=far)) == [], "too far from the split to be its trace"


def test_raw_prices_whose_factor_holds_the_split_too() -> None:
    # As Quandl wrote them: the close is raw, the adjusted close knows the split.
    closes = np.full(DAYS, 100.0) * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.004, size=DAYS)))
    bars = vendor({}, splits={30: 2.0}, closes=closes)
    raw = bars.with_columns(close=pl.when(pl.int_range(pl.len()) < 30).then(pl.col("close") * 2).otherwise("close"))
    assert faults(raw) == []


def test_prices_rounded_to_cents_are_no_contradiction() -> None:
    bars = vendor({20: 0.5, 40: 0.5}).with_columns(pl.col("close", "Adj Close") / 50)
    rounded = bars.with_columns(pl.col("Dividends") / 50, pl.col("Adj Close").round(2), pl.col("close").round(2))
    assert faults(rounded) == []


def test_consistent_errors_cannot_be_seen() -> None:
    # Amount and adjustment are wrong by the same factor, and the price is too restless to contradict.
    right = vendor({20: 1.0})
    both_small = vendor({20: 1.0}, adjusted_for={20: 0.01}).with_columns(pl.col("Dividends") / 100)
    assert faults(right) == []
    assert faults(both_small) == []


def test_files_without_such_columns_are_not_judged() -> None:
    bars = vendor({20: 2.0}, adjusted_for={})
    assert faults(bars.drop("Dividends", "Stock Splits")) == []
    assert faults(bars.drop("Adj Close")) == []


def test_the_message_counts_each_kind() -> None:
    bars = vendor({10: 2.0, 20: 2.0, 40: 3.0}, adjusted_for={40: 0.03})
    [issue] = [issue for issue in check_bars(bars).issues if issue.check == "adjustment"]
    assert isinstance(issue, Issue)
    assert issue.count == 3
    assert "2 dividend without an adjustment; 1 dividend and adjustment differ by a factor of 100" in issue.message
    assert "data.actions" in issue.message


def test_columns_are_found_by_many_names() -> None:
    assert vendor_columns(["close", "AdjClose", "Dividend", "Split Ratio", "volume"]) == {
        "adjusted": "AdjClose",
        "dividend": "Dividend",
        "split": "Split Ratio",
    }
    assert vendor_columns(["close", "volume"]) == {}
