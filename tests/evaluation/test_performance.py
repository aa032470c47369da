from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.evaluation.base import MAX_POINTS
from gnomon.evaluation.performance import (
    account_metrics,
    equity_frame,
    equity_line,
    growth_metrics,
    relative_metrics,
)
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.engine import simulate


def test_growth_by_hand() -> None:
    figures = growth_metrics(
        np.array([-0.5, 0.5, 0.5]), np.array([50.0, 75.0, 112.5]), periods_per_year=3, initial=100.0
    )
    assert figures["total_return"] == pytest.approx(0.125)
    assert figures["annual_return"] == pytest.approx(0.125)
    assert figures["max_drawdown"] == 0.5  # from the initial equity
    assert figures["positive_bars"] == pytest.approx(2 / 3)
    assert not any("sharpe" in name for name in figures)


def test_an_account_by_hand(market: Any) -> None:
    bars = market(1, n=365 + 1, volatility=1e-9)
    first = bars.head(1).select("timestamp", "symbol", pl.lit(0.5).alias("target"))
    figures = account_metrics(simulate(bars, first, ExecutionConfig(fee_bps=10.0)), periods_per_year=366)
    assert figures["traded"] == pytest.approx(5e5, rel=1e-3)
    assert figures["costs"] == pytest.approx(5e2, rel=1e-3)
    assert figures["cost_share"] == pytest.approx(1e-3)
    assert figures["turnover"] == pytest.approx(0.5, rel=1e-2)
    assert figures["time_in_market"] == pytest.approx(365 / 366)
    assert figures["net_exposure"] == pytest.approx(0.5 * 365 / 366, rel=1e-2)


def test_a_benchmark_against_itself() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, 300)
    figures = relative_metrics(2 * returns, returns, periods_per_year=252)
    assert figures["beta"] == pytest.approx(2.0)
    assert figures["alpha"] == pytest.approx(0.0, abs=1e-9)
    assert figures["correlation"] == pytest.approx(1.0)


def test_thinning_keeps_the_last_bar_the_sums_and_the_depth(market: Any, targets: Any) -> None:
    bars = market(2, n=MAX_POINTS * 2 + 100, minutes=60)
    simulation = simulate(bars, targets(bars, 2, hold=10), ExecutionConfig(fee_bps=1.0))
    frame = equity_frame(simulation)
    assert frame.height <= MAX_POINTS
    assert frame["equity"][-1] == simulation.equity["equity"][-1]
    assert frame["costs"].sum() == pytest.approx(simulation.equity["costs"].sum())
    assert frame["timestamp"].is_sorted()
    stamps = simulation.equity["timestamp"]
    assert equity_line(stamps, simulation.equity["equity"].to_numpy())["equity"][-1] == frame["equity"][-1]
    short = stamps.head(10)
    assert equity_line(short, np.arange(10.0)).height == 10
