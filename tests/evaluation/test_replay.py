from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.evaluation.replay import Replay, break_even_bps, break_even_multiple, flat_costs, scale_costs
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import MaxPosition
from gnomon.simulation.engine import simulate

COSTS = ExecutionConfig(
    fee_bps=2.0, half_spread_bps=1.0, slippage_bps=0.5, min_fee=1.0, borrow_rate=0.01, cash_rate=0.02
)


@pytest.mark.parametrize("symbols", [1, 3])
def test_a_replay_is_a_simulation_to_the_last_bit(market: Any, targets: Any, symbols: int) -> None:
    bars = market(1, n=300, symbols=symbols)
    wanted = targets(bars, 1)
    replay = Replay(simulate(bars, wanted, COSTS), bars)
    for execution in (COSTS, scale_costs(COSTS, 3.0), flat_costs(COSTS, 7.0), replace(COSTS, latency_bars=2)):
        again, account = simulate(bars, wanted, execution), replay.run(execution)
        np.testing.assert_array_equal(account.equity, again.equity["equity"].to_numpy())
        np.testing.assert_array_equal(account.returns, again.returns)
        assert account.costs == pytest.approx(again.equity["costs"].sum())
        assert account.turnover == pytest.approx(again.equity["turnover"].sum())


def test_other_targets_leave_the_own_ones_alone(market: Any, targets: Any) -> None:
    bars = market(2, n=200, symbols=2)
    simulation = simulate(bars, targets(bars, 2), COSTS)
    replay = Replay(simulation, bars)
    shifted = replay.run(targets=replay.shifted_targets(50))
    assert not np.array_equal(shifted.equity, replay.run().equity)
    np.testing.assert_array_equal(replay.run().equity, simulation.equity["equity"].to_numpy())
    assert replay.decisions().size == 200


def test_a_simulation_that_cannot_be_repeated_is_refused(market: Any, targets: Any) -> None:
    bars = market(3, n=200)
    wanted = targets(bars, 3)
    simulation = simulate(bars, wanted, COSTS)
    longer = pl.concat([bars, bars.tail(1).with_columns(pl.col("timestamp") + pl.duration(days=1))])
    with pytest.raises(DataError, match="another number of bars; hand in the bars, the guardrails"):
        Replay(simulation, longer)
    hundredth = pl.int_range(pl.len()) == 100
    changed = bars.with_columns(pl.when(hundredth).then(pl.col("open") * 1.1).otherwise("open").alias("open"))
    with pytest.raises(DataError, match="another equity from"):
        Replay(simulation, changed)
    guard = MaxPosition(limit=0.5)
    guarded = simulate(bars, wanted, COSTS, guardrails=[guard])
    with pytest.raises(DataError, match="hand in the bars, the guardrails"):
        Replay(guarded, bars)
    Replay(guarded, bars, guardrails=[guard])  # control: with its guardrails it can


def test_costs_scale_and_interest_stays() -> None:
    twice = scale_costs(COSTS, 2.0)
    assert (twice.fee_bps, twice.half_spread_bps, twice.slippage_bps, twice.min_fee) == (4.0, 2.0, 1.0, 2.0)
    assert (twice.borrow_rate, twice.cash_rate) == (0.02, 0.02)
    flat = flat_costs(COSTS, 5.0)
    assert (flat.fee_bps, flat.half_spread_bps, flat.slippage_bps, flat.min_fee) == (5.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_at_the_break_even_cost_nothing_is_left(market: Any, targets: Any, seed: int) -> None:
    bars = market(seed, n=500)
    wanted = targets(bars, seed, skill=0.15)
    replay = Replay(simulate(bars, wanted, COSTS), bars)
    found = break_even_bps(replay)
    assert 0.0 < found < 500.0
    assert abs(simulate(bars, wanted, flat_costs(COSTS, found)).returns.sum()) < 0.2
    assert simulate(bars, wanted, flat_costs(COSTS, found * 0.999)).equity["equity"][-1] > COSTS.initial_cash
    assert simulate(bars, wanted, flat_costs(COSTS, found * 1.001)).equity["equity"][-1] < COSTS.initial_cash


@pytest.mark.parametrize("seed", range(3))
def test_at_the_break_even_multiple_no_more_than_cash_is_left(market: Any, targets: Any, seed: int) -> None:
    bars = market(seed, n=500)
    wanted = targets(bars, seed, skill=0.15)
    replay = Replay(simulate(bars, wanted, COSTS), bars)
    cash = float(np.log1p(replay.idle().returns).sum())
    assert cash > 0.0
    found = break_even_multiple(replay, cash=cash)
    assert 1.0 < found < 100.0
    left = [simulate(bars, wanted, scale_costs(COSTS, found * near)).equity["equity"][-1] for near in (0.999, 1.001)]
    idle = replay.idle().equity[-1]
    assert left[0] > idle > left[1]
    # Without the interest there is more room.
    assert break_even_multiple(replay) > found


def test_the_break_even_multiple_by_hand(market: Any) -> None:
    # A fee of 250 bps on one purchase that gains 10%: four times as much takes all of it.
    bars = market(1, n=3).with_columns(
        pl.Series("open", [100.0, 100.0, 110.0]), pl.Series("close", [100.0, 110.0, 110.0])
    )
    wanted = bars.head(1).select("timestamp", "symbol", pl.lit(1.0).alias("target"))
    charged = ExecutionConfig(fee_bps=250.0)

    def multiple(targets: pl.DataFrame, execution: ExecutionConfig = charged, **more: float) -> float:
        return break_even_multiple(Replay(simulate(bars, targets, execution), bars), **more)

    assert multiple(wanted) == pytest.approx(4.0, rel=1e-3)
    assert multiple(wanted, highest=3.0) == math.inf
    assert multiple(wanted, cash=0.2) == 0.0
    assert multiple(wanted.with_columns(target=-1.0)) == 0.0
    assert math.isnan(multiple(wanted.head(0)))
    # Where nothing is charged, no multiple of it says anything.
    assert math.isnan(multiple(wanted, ExecutionConfig()))


def test_break_even_by_hand(market: Any) -> None:
    # One purchase of all equity at 100, marked at 110 at the end: a fee of 10% of the notional takes all of it.
    bars = market(1, n=3).with_columns(
        pl.Series("open", [100.0, 100.0, 110.0]), pl.Series("close", [100.0, 110.0, 110.0])
    )
    wanted = bars.head(1).select("timestamp", "symbol", pl.lit(1.0).alias("target"))
    replay = Replay(simulate(bars, wanted, ExecutionConfig()), bars)
    assert break_even_bps(replay) == pytest.approx(1000.0, rel=1e-3)
    assert break_even_bps(replay, highest=500.0) == math.inf
    assert math.isnan(break_even_bps(Replay(simulate(bars, wanted.head(0), ExecutionConfig()), bars)))
    short = wanted.with_columns(target=-1.0)
    assert math.isnan(break_even_bps(Replay(simulate(bars, short, ExecutionConfig()), bars)))
