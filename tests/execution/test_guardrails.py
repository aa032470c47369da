"""Each guardrail by hand, through the ledger that obeys it; the slow twin of the simulation covers their mixtures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.execution import (
    GUARDRAILS,
    ExecutionConfig,
    Guardrail,
    MaxDailyLoss,
    MaxDrawdown,
    MaxPosition,
    MaxRollingLoss,
    MaxTurnover,
    StalePrice,
)
from gnomon.simulation import Simulation, simulate

EXECUTION = ExecutionConfig(initial_cash=1_000.0)


def trade(
    closes: list[float], wanted: list[float | None], *guardrails: Guardrail, hours: float = 24.0, symbols: int = 1
) -> Simulation:
    """Opens are the closes of the bar before; every symbol has the same prices and targets."""
    stamps = [datetime(2024, 1, 1, 1, tzinfo=UTC) + timedelta(hours=hours * t) for t in range(len(closes))]
    opens = [closes[0], *closes[:-1]]
    bars = pl.DataFrame({"timestamp": stamps, "open": opens, "close": closes}).join(
        pl.DataFrame({"symbol": [f"S{k}" for k in range(symbols)]}), how="cross"
    )
    schema = {"timestamp": pl.Datetime("us", "UTC"), "target": pl.Float64}
    days = pl.DataFrame({"timestamp": stamps[: len(wanted)], "target": wanted}, schema=schema)
    targets = bars.join(days.drop_nulls(), on="timestamp").select("timestamp", "symbol", "target")
    return simulate(bars, targets, EXECUTION, guardrails=guardrails)


def held(run: Simulation) -> list[float]:
    """Quantity of the first symbol at each close."""
    own = run.positions.filter(symbol="S0")
    return run.equity.join(own, on="timestamp", how="left")["quantity"].fill_null(0.0).round(9).to_list()


def test_max_position_cuts_targets_and_what_grew() -> None:
    assert held(trade([10.0] * 3, [0.9], MaxPosition(limit=0.4))) == [0.0, 40.0, 40.0]
    assert held(trade([10.0] * 3, [-0.9], MaxPosition(limit=0.4))) == [0.0, -40.0, -40.0]
    # 40 at 10, then at 30: 1,200 of 1,800 is above 0.4; 720 / 30 = 24 are left.
    assert held(trade([10.0, 10.0, 30.0, 30.0], [0.4], MaxPosition(limit=0.4))) == [0.0, 40.0, 40.0, 24.0]
    assert held(trade([10.0, 10.0, 30.0, 30.0], [0.4])) == [0.0, 40.0, 40.0, 40.0]


def test_max_drawdown_closes_for_good_or_for_a_while() -> None:
    closes = [10.0, 10.0, 12.0, 10.8, 10.8, 10.8, 10.8, 10.8]
    asked: list[float | None] = [1.0] * 8
    # The peak is 1,200; 1,080 is exactly 10% below it.
    assert held(trade(closes, asked, MaxDrawdown(limit=0.1)))[4:] == [0.0] * 4
    assert held(trade(closes, asked, MaxDrawdown(limit=0.11)))[4:] == [100.0] * 4
    # Flat at the closes 3 and 4, so not held at 4 and 5; the new peak is 1,080.
    assert held(trade(closes, asked, MaxDrawdown(limit=0.1, cooldown_bars=2))) == [0, 100, 100, 100, 0, 0, 100, 100]


def test_max_daily_loss_is_over_at_midnight() -> None:
    """Bars every 8 hours at 1, 9 and 17 o'clock: the fall at 9 on the second day halts that day only."""
    closes = [10.0, 10.0, 10.0, 10.0, 9.0, 9.0, 9.0, 9.0, 9.0]
    quantities = held(trade(closes, [1.0] * 9, MaxDailyLoss(limit=0.05), hours=8.0))
    assert quantities == [0.0, 100.0, 100.0, 100.0, 100.0, 0.0, 0.0, 100.0, 100.0]
    assert held(trade(closes, [1.0] * 9, MaxDailyLoss(limit=0.15), hours=8.0))[5] == 100.0


def test_max_rolling_loss_looks_back_so_many_bars() -> None:
    closes = [10.0, 10.0, 9.8, 9.6, 9.4, 9.4, 9.4, 9.4]
    # 960 is 4% below the 1,000 of two bars before: flat at the closes 3 and 4; in again at 9.4 with 960.
    again = [0.0, 0.0, 102.127659574, 102.127659574]
    assert held(trade(closes, [1.0] * 8, MaxRollingLoss(limit=0.035, bars=2)))[3:] == [100.0, *again]
    # Of three bars before, halting one close at a time: close 4 is still 4% below close 1.
    assert held(trade(closes, [1.0] * 8, MaxRollingLoss(limit=0.035, bars=3, cooldown_bars=1)))[3:] == [100.0, *again]
    # Of nine bars before is of the first cash.
    assert held(trade(closes, [1.0] * 8, MaxRollingLoss(limit=0.035, bars=9, cooldown_bars=1)))[3:] == [
        100.0,
        *[0.0] * 4,
    ]
    assert held(trade(closes, [1.0] * 8, MaxRollingLoss(limit=0.07, bars=2)))[3:] == [100.0] * 5


def test_max_turnover_goes_part_of_the_way() -> None:
    """Two symbols want 0.5 each: a turnover of 1 is cut to 0.4, 0.2 each; the next close goes on."""
    run = trade([10.0] * 4, [0.5, 0.5, 0.5], MaxTurnover(limit=0.4), symbols=2)
    assert held(run) == [0.0, 20.0, 40.0, 50.0]
    assert run.equity["turnover"].to_list() == pytest.approx([0.0, 400.0, 400.0, 200.0])


def test_stale_prices_stop_new_decisions() -> None:
    closes = [10.0, 11.0, 11.0, 11.0, 12.0, 12.0]
    # The close has stood still for 2 bars at bar 3, so its decision is refused; at bar 4 it has moved.
    asked = [0.1, 0.2, 0.3, 0.4, 0.5]
    fills = trade(closes, list(asked), StalePrice(bars=2)).fills["timestamp"].dt.day().to_list()
    assert fills == [2, 3, 4, 6]
    assert trade(closes, list(asked)).fills["timestamp"].dt.day().to_list() == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("max_position", {"limit": 0.0}, "limit must be above 0"),
        ("max_drawdown", {"limit": 1.0}, "above 0 and below 1, was 1.0"),
        ("max_drawdown", {"limit": 0.1, "cooldown_bars": 0}, "cooldown_bars must be 1 or more"),
        ("max_daily_loss", {"limit": -0.1}, "limit must be above 0"),
        ("max_rolling_loss", {"limit": 0.1, "bars": 0}, "bars must be 1 or more"),
        ("max_turnover", {"limit": float("nan")}, "limit must be above 0 and finite"),
        ("stale_price", {"bars": 0}, "bars must be 1 or more"),
        ("stale_price", {"bar": 3}, "did you mean 'bars'"),
        ("max_drawdow", {}, "did you mean 'max_drawdown'"),
    ],
)
def test_a_wrong_guardrail_is_named(name: str, fields: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GUARDRAILS.create(name, where="guardrails[0]", **fields)


def test_the_same_limit_twice_and_things_that_are_none() -> None:
    with pytest.raises(ConfigError, match=r"two guardrails set max_position \(0.2 and 0.3\)"):
        trade([10.0], [], MaxPosition(limit=0.2), MaxPosition(limit=0.3))
    with pytest.raises(ConfigError, match="must have `limits"):
        trade([10.0], [], "max_position")  # type: ignore[arg-type]

    class Odd:
        def limits(self) -> dict[str, float]:
            return {"max_positon": 0.1}

    with pytest.raises(ConfigError, match="did you mean 'max_position'"):
        trade([10.0], [], Odd())


def test_each_has_its_place_in_the_registry() -> None:
    assert GUARDRAILS.names() == [
        "max_daily_loss",
        "max_drawdown",
        "max_position",
        "max_rolling_loss",
        "max_turnover",
        "stale_price",
    ]
