from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.metrics import expectancy, profit_factor, round_trips, trade_distribution, trade_summary, win_rate

START = datetime(2020, 1, 1, tzinfo=UTC)


def fills_of(*rows: tuple[str, float, float, float]) -> pl.DataFrame:
    """Fills of (symbol, quantity, price, fee), an hour apart."""
    return pl.DataFrame(
        {
            "timestamp": pl.Series(
                [START + timedelta(hours=i) for i in range(len(rows))], dtype=pl.Datetime("us", "UTC")
            ),
            "symbol": pl.Series([row[0] for row in rows], dtype=pl.String),
            **{
                name: pl.Series([row[i] for row in rows], dtype=pl.Float64)
                for i, name in enumerate(("quantity", "price", "fee"), start=1)
            },
        }
    )


def test_a_long_and_a_short_by_hand() -> None:
    trips = round_trips(fills_of(("A", 10, 100, 1), ("B", -5, 50, 2), ("A", -10, 110, 1), ("B", 5, 60, 2)))
    assert trips["symbol"].to_list() == ["A", "B"]
    assert trips["side"].to_list() == ["long", "short"]
    assert trips["pnl"].to_list() == [98.0, -54.0]
    assert trips["return"].to_list() == pytest.approx([0.098, -0.216])
    assert trips["fees"].to_list() == [2.0, 4.0]
    assert (trips["exit_time"] - trips["entry_time"]).to_list() == [timedelta(hours=2)] * 2


def test_fifo_closes_the_oldest_lot_first() -> None:
    fills = fills_of(("A", 10, 100, 1), ("A", 10, 200, 1), ("A", -15, 300, 3), ("A", -5, 100, 1))
    trips = round_trips(fills)
    assert trips["quantity"].to_list() == [10.0, 5.0, 5.0]
    assert trips["entry_price"].to_list() == [100.0, 200.0, 200.0]
    assert trips["pnl"].to_list() == pytest.approx([2000 - 1 - 2, 500 - 0.5 - 1, -500 - 0.5 - 1])


def test_average_cost_closes_against_the_mean() -> None:
    fills = fills_of(("A", 10, 100, 1), ("A", 10, 200, 1), ("A", -15, 300, 3), ("A", -5, 100, 1))
    trips = round_trips(fills, method="average")
    assert trips["entry_price"].to_list() == [150.0, 150.0]
    assert trips["pnl"].to_list() == pytest.approx([2250 - 1.5 - 3, -250 - 0.5 - 1])
    assert trips["entry_time"].to_list() == [START, START]


@pytest.mark.parametrize("method", ["fifo", "average"])
def test_a_flip_is_split(method: str) -> None:
    trips = round_trips(fills_of(("A", 10, 100, 0), ("A", -30, 110, 3), ("A", 20, 100, 0)), method=method)  # type: ignore[arg-type]
    assert trips["side"].to_list() == ["long", "short"]
    assert trips["quantity"].to_list() == [10.0, 20.0]
    assert trips["pnl"].to_list() == pytest.approx([99.0, 198.0])


def slow_fifo(fills: pl.DataFrame) -> float:
    """Profit of what was closed, by plain lists."""
    total = 0.0
    for _, group in fills.group_by("symbol", maintain_order=True):
        lots: deque[list[float]] = deque()
        for quantity, price, fee in group.select("quantity", "price", "fee").rows():
            unit, left = fee / abs(quantity), quantity
            while lots and left * lots[0][0] < 0:
                size = math.copysign(min(abs(left), abs(lots[0][0])), lots[0][0])
                total += size * (price - lots[0][1]) - abs(size) * (unit + lots[0][2])
                lots[0][0] -= size
                left += size
                if lots[0][0] == 0:
                    lots.popleft()
            if left:
                lots.append([left, price, unit])
    return total


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B"]),
            st.integers(-8, 8).filter(bool).map(float),
            st.floats(1, 100),
            st.floats(0, 1),
        ),
        max_size=40,
    )
)
def test_trips_are_those_of_plain_lists(rows: list[tuple[str, float, float, float]]) -> None:
    fills = fills_of(*rows)
    trips = round_trips(fills)
    assert trips["pnl"].sum() == pytest.approx(slow_fifo(fills.sort("symbol", maintain_order=True)), abs=1e-9)
    # Whatever the method, closing everything at one price earns the same in all.
    closing = [
        (symbol, -sum(row[1] for row in rows if row[0] == symbol), 7.0, 0.0) for symbol in {row[0] for row in rows}
    ]
    closed = fills_of(*rows, *[row for row in closing if row[1] != 0])
    cash = -(closed["quantity"] * closed["price"] + closed["fee"]).sum()
    for method in ("fifo", "average"):
        assert round_trips(closed, method=method)["pnl"].sum() == pytest.approx(cash, abs=1e-6)  # type: ignore[arg-type]


def test_dust_of_rounding_opens_no_lot() -> None:
    fills = fills_of(
        *[("A", 0.1, 10.0, 0.0)] * 3, ("A", -0.3, 11.0, 0.0), ("A", 0.3, 12.0, 0.0), ("A", -0.3, 13.0, 0.0)
    )
    trips = round_trips(fills)
    assert trips.height == 4
    assert set(trips["side"]) == {"long"}


def test_summary_by_hand() -> None:
    trips = round_trips(fills_of(("A", 1, 100, 0), ("A", -1, 130, 0), ("A", 1, 100, 0), ("A", -1, 90, 0)))
    bars = pl.Series([START + timedelta(hours=i) for i in range(4)], dtype=pl.Datetime("us", "UTC"))
    summary = trade_summary(trips, bars)
    assert summary["trades"] == 2
    assert summary["win_rate"] == 0.5
    assert summary["profit_factor"] == 3.0
    assert summary["expectancy"] == 10.0
    assert summary["payoff_ratio"] == 3.0
    assert summary["holding_hours_mean"] == summary["holding_bars_median"] == 1.0
    assert summary["long_share"] == 1.0
    assert trade_distribution(trips)["count"].sum() == 2


def test_edges() -> None:
    empty = round_trips(fills_of())
    summary = trade_summary(empty, pl.Series([], dtype=pl.Datetime("us", "UTC")))
    assert summary.pop("trades") == 0
    assert summary.pop("fees") == 0
    assert all(math.isnan(value) for value in summary.values())
    assert trade_distribution(empty).is_empty()
    assert round_trips(fills_of(("A", 1, 100, 0))).is_empty()  # still open
    assert profit_factor([1.0]) == math.inf
    assert math.isnan(profit_factor([0.0]))
    assert math.isnan(expectancy([]))
    assert math.isnan(win_rate([]))
    with pytest.raises(ValueError, match="fifo or average, was 'lifo'"):
        round_trips(fills_of(), method="lifo")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fills lack fee"):
        round_trips(fills_of().drop("fee"))


def test_the_outer_bins_hold_the_tails() -> None:
    prices = np.concatenate([[500.0, 1.0], np.linspace(90, 110, 400)])
    rows = [row for price in prices for row in (("A", 1.0, 100.0, 0.0), ("A", -1.0, float(price), 0.0))]
    table = trade_distribution(round_trips(fills_of(*rows)), bins=10)
    assert table["count"].sum() == 402
    assert table["low"][0] == -0.99
    assert table["high"][-1] == 4.0
    same = trade_distribution(round_trips(fills_of(*[("A", 1.0, 100.0, 0.0), ("A", -1.0, 101.0, 0.0)] * 3)))
    assert same["count"].sum() == 3
