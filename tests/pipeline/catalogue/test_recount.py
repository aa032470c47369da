"""The tries of a market as one figure: in whatever order they were made, and whatever was tried first."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gnomon.core.clock import FixedClock
from gnomon.evaluation.benchmarks import TARGET_SCHEMA, BenchmarkManager
from gnomon.pipeline.catalogue.recount import _tries
from gnomon.pipeline.trial_record import trial_ledger
from gnomon.simulation.engine import simulate
from gnomon.simulation.workflow import execution_from_config


@pytest.fixture
def tried(swept, tmp_path):
    """`tried(names)`: the doubt of a market on which "hold" (holds the market) and "skill" were tried in this order."""
    tiny, _ = swept
    data_set = tiny.sets[0]
    idle = simulate(data_set.bars, pl.DataFrame(schema=TARGET_SCHEMA), execution_from_config(tiny.config.execution))
    hold = BenchmarkManager.of(["buy_and_hold"]).run("buy_and_hold", idle, bars=data_set.bars).returns
    noise = np.random.default_rng(5).standard_normal(len(hold))
    series = {"hold": hold, "skill": 0.002 + 0.01 * noise, "luck": 0.01 * noise[::-1]}
    stamps = idle.equity["timestamp"].to_physical().to_numpy()

    def tries(*names: str):
        folder = tmp_path / "-".join(names)
        ledger = trial_ledger(folder, clock=FixedClock(swept[0].sweep().clock.now()))
        for name in names:
            ledger.append(
                dataset=data_set.market, config=name, name=name, kind="bench", returns=series[name], timestamps=stamps
            )
        return _tries(ledger, data_set, tiny.config, set(names))

    return tries


def test_what_was_tried_first_changes_nothing(tried):
    first, last = tried("hold", "skill", "luck"), tried("skill", "luck", "hold")
    assert first.spa_pvalue == last.spa_pvalue
    assert first.spa_pvalue < 0.05


def test_who_holds_the_market_is_no_better_than_the_market(tried):
    assert tried("hold").spa_pvalue == 1.0
    assert tried("hold", "luck").spa_pvalue > 0.05
