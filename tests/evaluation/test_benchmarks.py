from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.evaluation.benchmarks import BENCHMARKS, BenchmarkManager, MovingAverageCross, RandomTiming, random_offsets
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.engine import simulate

RNG = np.random.default_rng(1)


def own(bars: pl.DataFrame, wanted: pl.DataFrame) -> Any:
    return simulate(bars, wanted, ExecutionConfig(fee_bps=1.0))


def test_every_registered_benchmark_makes_targets_that_can_be_traded(market: Any, targets: Any) -> None:
    bars = market(1, n=400, symbols=2)
    simulation = own(bars, targets(bars, 1))
    manager = BenchmarkManager.of()
    assert {"buy_and_hold", "equal_weight", "moving_average_cross", "random", "cash"} <= set(manager.benchmarks)
    for name in manager.benchmarks:
        account = manager.run(name, simulation, bars=bars)
        assert account.equity["timestamp"].equals(simulation.equity["timestamp"])
        assert account.execution == simulation.execution
        again = manager.run(name, simulation, bars=bars)
        assert account.equity.equals(again.equity)


def test_buy_and_hold_by_hand(market: Any, targets: Any) -> None:
    bars = market(2, n=100, symbols=2)
    simulation = simulate(bars, targets(bars, 1), ExecutionConfig())
    account = BenchmarkManager.of(["buy_and_hold"]).run("buy_and_hold", simulation, bars=bars)
    close = bars.pivot("symbol", index="timestamp", values="close")
    first = bars.filter(pl.col("timestamp") == close["timestamp"][1]).sort("symbol")["open"].to_numpy()
    expected = 1e6 * 0.5 * (close["S0"][-1] / first[0] + close["S1"][-1] / first[1])
    assert account.equity["equity"][-1] == pytest.approx(expected)
    assert account.fills.height == 2


def test_buy_and_hold_leaves_out_what_was_not_there_yet(market: Any, targets: Any) -> None:
    bars = market(2, n=100, symbols=2)
    late = bars.filter((pl.col("symbol") == "S0") | (pl.col("timestamp") > bars["timestamp"][50]))
    simulation = own(late, targets(late.filter(pl.col("symbol") == "S0"), 1))
    wanted = BENCHMARKS.create("buy_and_hold").targets(late, simulation, rng=RNG)
    assert wanted.rows() == [(bars["timestamp"][0], "S0", 1.0)]


def test_equal_weight_is_put_right_each_month(market: Any, targets: Any) -> None:
    bars = market(3, n=100, symbols=3)
    ended = bars.filter((pl.col("symbol") != "S2") | (pl.col("timestamp") <= bars["timestamp"][40]))
    wanted = BENCHMARKS.create("equal_weight").targets(ended, own(ended, targets(ended, 1)), rng=RNG)
    by_month = wanted.pivot("symbol", index="timestamp", values="target").sort("timestamp")
    assert by_month["timestamp"].dt.month().to_list() == [1, 2, 3, 4]
    assert by_month["S2"].to_list() == pytest.approx([1 / 3, 1 / 3, 0.0, 0.0])
    assert by_month["S0"].to_list() == pytest.approx([1 / 3, 1 / 3, 0.5, 0.5])


def test_moving_averages_use_the_history_and_decide_at_changes(market: Any, targets: Any) -> None:
    bars = market(4, n=600)
    period = bars.tail(300)
    simulation = own(period, targets(period, 1))
    cross = MovingAverageCross(fast=10, slow=40)
    with_history = cross.targets(bars, simulation, rng=RNG)
    assert with_history["timestamp"].min() >= period["timestamp"][0]
    close = bars["close"].to_numpy()
    slow_twin = []
    for bar in range(300, 600):
        held = close[bar - 9 : bar + 1].mean() > close[bar - 39 : bar + 1].mean()
        slow_twin.append(held)
    changes = np.flatnonzero(np.diff(np.array(slow_twin, dtype=int), prepend=0))
    assert with_history["timestamp"].to_list() == [period["timestamp"][int(i)] for i in changes]
    with pytest.raises(ConfigError, match="below slow, was 5 and 5"):
        BENCHMARKS.create("moving_average_cross", fast=5, slow=5)


def test_random_timing_keeps_turnover_and_exposure(market: Any, targets: Any) -> None:
    bars = market(5, n=500, symbols=2)
    simulation = own(bars, targets(bars, 1, hold=5))
    wanted = RandomTiming().targets(bars, simulation, rng=np.random.default_rng(3))
    assert wanted.height == simulation.targets.height
    assert sorted(wanted["target"].to_list()) == sorted(simulation.targets["target"].to_list())
    account = own(bars, wanted)
    assert account.equity["turnover"].sum() == pytest.approx(simulation.equity["turnover"].sum(), rel=0.15)
    assert not account.equity.equals(simulation.equity)


def test_offsets_are_never_small() -> None:
    offsets = random_offsets(1000, 500, np.random.default_rng(1))
    assert offsets.min() >= 50
    assert offsets.max() <= 950
    assert random_offsets(2, 3, np.random.default_rng(1)).tolist() == [0, 0, 0]


def test_an_unknown_benchmark_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'buy_and_hold'"):
        BenchmarkManager.of(["buy_and_hol"])
