from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.evaluation.stress import risk_metrics, stress_table
from gnomon.execution.base import ExecutionConfig
from gnomon.metrics import value_at_risk
from gnomon.simulation.engine import simulate


def kind(table: pl.DataFrame, name: str) -> dict[str, float]:
    return dict(table.filter(pl.col("kind") == name).select("scenario", "return").rows())


def test_shocks_strike_the_exposure_that_they_hurt_most(market: Any) -> None:
    bars = market(1, n=60, volatility=1e-6)
    wanted = pl.DataFrame({"timestamp": bars["timestamp"][[0, 30]], "symbol": "S0", "target": [0.8, -0.5]})
    simulation = simulate(bars, wanted, ExecutionConfig())
    table = stress_table(simulation, simulation.returns, judged="bars", rng=np.random.default_rng(1))
    shocks = kind(table, "shock")
    assert shocks["fall of 10%"] == pytest.approx(-0.08, rel=1e-3)
    assert shocks["rise of 10%"] == pytest.approx(-0.05, rel=1e-3)


def test_windows_and_redrawn_histories(market: Any, targets: Any) -> None:
    bars = market(2, n=400)
    simulation = simulate(bars, targets(bars, 2), ExecutionConfig())
    returns = simulation.returns
    table = stress_table(simulation, returns, judged="days", rng=np.random.default_rng(1))
    assert kind(table, "window")["worst day"] == pytest.approx(returns.min())
    assert "worst 252 days" in kind(table, "window")
    drawn = kind(table, "drawdown")
    assert drawn["drawdown of redrawn histories, 99%"] < drawn["drawdown of redrawn histories, 50%"] < 0.0
    other = kind(table, "returns")
    assert other["with swings twice as large"] < np.prod(1 + returns) - 1
    assert stress_table(simulation, returns, judged="days", rng=np.random.default_rng(1)).equals(table)


def test_an_account_that_never_trades_loses_nothing(market: Any, targets: Any) -> None:
    bars = market(3, n=30)
    simulation = simulate(bars, targets(bars, 3).head(0), ExecutionConfig())
    table = stress_table(simulation, simulation.returns, judged="bars", rng=np.random.default_rng(1))
    assert table["return"].abs().max() == 0.0


def test_risk_goes_deeper_at_one_percent() -> None:
    returns = np.random.default_rng(4).normal(0.0, 0.01, 5000)
    risk = risk_metrics(returns)
    assert risk["value_at_risk"] == value_at_risk(returns)
    for name in [name for name in risk if not name.endswith("_1")]:
        assert risk[f"{name}_1"] < risk[name] < 0.0
