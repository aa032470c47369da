from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.evaluation.trials import Trials, as_trials, family_of
from gnomon.execution.base import ExecutionConfig
from gnomon.metrics import sharpe_ratio
from gnomon.simulation.engine import simulate
from gnomon.store.trials import TrialLedger


def stamps_of(bars: pl.DataFrame) -> pl.Series:
    return bars["timestamp"].unique().sort()


def test_the_evaluated_strategy_is_one_of_the_trials(market: Any, targets: Any) -> None:
    bars = market(1, n=200)
    runs = {f"run {seed}": simulate(bars, targets(bars, seed), ExecutionConfig()) for seed in range(6)}
    own = runs["run 3"].returns
    among = family_of(as_trials(runs), own, stamps_of(bars), intraday=False)
    assert (among.count, among.matrix.shape, among.unknown) == (6, (200, 6), 0)
    np.testing.assert_array_equal(among.matrix[:, 0], own)
    assert among.variance == pytest.approx(np.var([sharpe_ratio(run.returns) for run in runs.values()], ddof=1))
    assert 0.0 <= among.pbo <= 1.0
    without = {name: run for name, run in runs.items() if name != "run 3"}
    assert family_of(as_trials(without), own, stamps_of(bars), intraday=False).count == 6


def test_alone_it_is_one_try(market: Any, targets: Any) -> None:
    bars = market(1, n=100)
    own = simulate(bars, targets(bars, 1), ExecutionConfig()).returns
    alone = family_of(as_trials(None), own, stamps_of(bars), intraday=False)
    assert (alone.count, alone.effective, alone.unknown) == (1, 1.0, 0)
    assert math.isnan(alone.variance)
    assert math.isnan(alone.pbo)


def test_trials_without_returns_still_count(market: Any, targets: Any) -> None:
    bars = market(1, n=100)
    own = simulate(bars, targets(bars, 1), ExecutionConfig()).returns
    trials = Trials(count=50, sharpes=tuple(np.linspace(-0.1, 0.1, 50)))
    family = family_of(trials, own, stamps_of(bars), intraday=False)
    assert (family.count, family.unknown) == (50, 49)
    assert family.variance == pytest.approx(np.var(trials.sharpes, ddof=1))
    assert family.effective == 50.0


def test_a_ledger_gives_its_trials(market: Any, targets: Any, tmp_path: Path) -> None:
    bars = market(1, n=120)
    ledger = TrialLedger(tmp_path / "trials")
    stamps = stamps_of(bars)
    for seed in range(3):
        run = simulate(bars, targets(bars, seed), ExecutionConfig())
        ledger.append(
            dataset="d", config={"seed": seed}, name=str(seed), kind="train", returns=run.returns,
            timestamps=stamps.dt.timestamp("us").to_numpy(),
        )  # fmt: skip
    ledger.append(dataset="d", config={"seed": 9}, name="9", kind="search", sharpe=0.2, bars=120)
    trials = as_trials(ledger)
    assert (trials.count, len(trials.sharpes)) == (4, 4)
    family = family_of(trials, run.returns, stamps, intraday=False)
    assert (family.count, family.matrix.shape[1], family.unknown) == (4, 3, 1)
    assert as_trials(TrialLedger(tmp_path / "none")).count == 0


def test_intraday_returns_are_judged_by_the_day(market: Any, targets: Any) -> None:
    bars = market(1, n=24 * 40, minutes=60)
    own = simulate(bars, targets(bars, 1), ExecutionConfig()).returns
    days = family_of(as_trials(None), own, stamps_of(bars), intraday=True).matrix[:, 0]
    assert len(days) == 41
    assert np.prod(1 + days) == pytest.approx(np.prod(1 + own))


def test_bars_that_a_trial_lacks_are_0(market: Any, targets: Any) -> None:
    bars = market(1, n=100)
    own = simulate(bars, targets(bars, 1), ExecutionConfig()).returns
    frame = pl.DataFrame({"timestamp": stamps_of(bars).tail(50), "late": np.full(50, 0.01)})
    column = family_of(as_trials(frame), own, stamps_of(bars), intraday=False).matrix[:, 1]
    np.testing.assert_array_equal(column, np.repeat([0.0, 0.01], 50))


def test_what_holds_no_trials_is_refused() -> None:
    with pytest.raises(TypeError, match="was int"):
        as_trials(3)
    with pytest.raises(ValueError, match="0 or more, was -1"):
        Trials(count=-1)
    with pytest.raises(DataError, match="no column 'timestamp'"):
        as_trials(pl.DataFrame({"a": [0.1]}))
    assert as_trials({}).count == 0
