"""Evaluations made by hand, for the tests of this room."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.data.base import TIMESTAMP
from gnomon.evaluation.base import (
    BenchmarkResult,
    Evaluation,
    ForecastQuality,
    LagResult,
    SharpeDoubt,
    ThresholdResult,
    TradeReport,
    Verdict,
)
from gnomon.evaluation.engine import evaluate
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate


def make_doubt(**changes: Any) -> SharpeDoubt:
    values: dict[str, Any] = {
        "sharpe": 0.05,
        "n": 1000,
        "periods_per_year": 252.0,
        "annual_sharpe": 0.05 * math.sqrt(252),
        "standard_error": 0.03,
        "skew": -0.2,
        "kurtosis": 4.0,
        "autocorrelation": 0.01,
        "adjusted_annual_sharpe": 0.78,
        "psr": 0.94,
        "dsr": 0.4,
        "dsr_effective": 0.5,
        "trials": 12,
        "effective_trials": 3.5,
        "trials_variance": 0.001,
        "minimum_track_record": math.inf,
        "pbo": math.nan,
        "spa_pvalue": 0.3,
    }
    return SharpeDoubt(**(values | changes))


def make_evaluation(**changes: Any) -> Evaluation:
    doubt = make_doubt()
    stamps = [datetime(2020, 1, day, 21, tzinfo=UTC) for day in (1, 2, 3)]
    timestamp = pl.Series("timestamp", stamps, dtype=pl.Datetime("us", "UTC"))
    equity = pl.DataFrame({"timestamp": timestamp, "equity": [1.0, math.nan, math.inf]})
    values: dict[str, Any] = {
        "name": "model",
        "start": stamps[0],
        "end": stamps[-1],
        "n": 3,
        "periods_per_year": 252.0,
        "judged_on": "bars",
        "metrics": {"total_return": 0.1, "profit_factor": math.inf, "win_rate": math.nan},
        "doubt": doubt,
        "benchmarks": {
            "cash": BenchmarkResult(
                name="cash", description="nothing", metrics={}, relative={"beta": 0.0}, equity=equity, doubt=doubt
            )
        },
        "thresholds": (
            ThresholdResult(name="sharpe_ratio", value=0.8, relation="at least", limit=0.5, passed=True, doubt=doubt),
            ThresholdResult(name="max_drawdown", value=0.3, relation="at most", limit=0.2, passed=False),
        ),
        "verdict": Verdict(edge=False, text="No edge.", reasons=("because",), short_record=True),
        "equity": equity,
        "regimes": pl.DataFrame([{"regime": "year", "value": "2020", **doubt.row()}]),
        "trades": TradeReport(
            summary={"trades": 3.0},
            distribution=pl.DataFrame({"low": [0.0], "high": [1.0], "count": [3]}),
            largest=pl.DataFrame({"symbol": ["A"], "day": [date(2020, 1, 1)], "long": [True]}),
        ),
        "risk": {"value_at_risk": 0.02},
        "stress": pl.DataFrame({"scenario": ["x"], "kind": ["shock"], "return": [-0.2]}),
        "cost_sensitivity": pl.DataFrame([{"multiple": 1.0, **doubt.row()}]),
        "break_even_bps": 12.0,
        "break_even_multiple": 3.0,
        "forecast": {
            "test": ForecastQuality(metrics={"accuracy": 0.4}, calibration=pl.DataFrame(), confusion=pl.DataFrame())
        },
        "monthly": pl.DataFrame({"year": [2020], "month": [1], "return": [0.1]}),
        "yearly": pl.DataFrame({"year": [2020], "return": [0.1]}),
        "drawdowns": pl.DataFrame(
            {"start": timestamp, "end": pl.Series([None, None, stamps[0]], dtype=timestamp.dtype)}
        ),
        "one_bar_lag": LagResult(metrics={"total_return": 0.0}, doubt=doubt, kept=0.9, suspicious=False),
    }
    return Evaluation(**(values | changes))


@pytest.fixture
def doubt() -> SharpeDoubt:
    """A doubt with an infinity and a NaN in it."""
    return make_doubt()


@pytest.fixture
def evaluation() -> Evaluation:
    """An evaluation with every kind of value in it."""
    return make_evaluation()


@pytest.fixture
def evaluation_with() -> Any:
    """Makes an evaluation with some fields changed."""
    return make_evaluation


def make_market(
    seed: int, *, n: int = 1000, symbols: int = 1, drift: float = 0.0, minutes: int = 1440, volatility: float = 0.01
) -> pl.DataFrame:
    """Random walks; each bar opens where the one before closed, so that a decision at a close fills at that price."""
    rng = np.random.default_rng([17, seed])
    start = datetime(2010, 1, 1, 21, tzinfo=UTC)
    stamps = pl.Series("timestamp", [start + timedelta(minutes=minutes * i) for i in range(n)]).cast(TIMESTAMP)
    frames = []
    for number in range(symbols):
        close = 100.0 * np.exp(np.cumsum(rng.normal(drift, volatility, n)))
        opened = np.concatenate(([100.0], close[:-1]))
        frames.append(
            pl.DataFrame(
                {
                    "timestamp": stamps,
                    "symbol": f"S{number}",
                    "open": opened,
                    "high": np.maximum(opened, close),
                    "low": np.minimum(opened, close),
                    "close": close,
                    "volume": 1e6,
                }
            )
        )
    return pl.concat(frames)


def make_targets(bars: pl.DataFrame, seed: int, *, skill: float = 0.0, hold: int = 1) -> pl.DataFrame:
    """Long or short by a signal of the next `hold` bars' return: `skill` is its correlation, 0 is noise."""
    rng = np.random.default_rng([18, seed])
    ahead = bars.select(
        (pl.col("close").shift(-hold).over("symbol") / pl.col("close") - 1.0).fill_null(0.0)
    ).to_series()
    noise = rng.normal(0.0, 1.0, bars.height)
    signal = skill * (ahead / ahead.std()).to_numpy() + math.sqrt(1.0 - skill**2) * noise
    size = 1.0 / bars["symbol"].n_unique()
    frame = bars.select("timestamp", "symbol").with_columns(pl.Series("target", np.sign(signal) * size))
    return frame.filter(pl.int_range(pl.len()).over("symbol") % hold == 0)


@pytest.fixture(scope="session")
def market() -> Any:
    """Makes bars (see `make_market`)."""
    return make_market


@pytest.fixture(scope="session")
def targets() -> Any:
    """Makes targets (see `make_targets`)."""
    return make_targets


@pytest.fixture(scope="session")
def judged() -> Any:
    """Makes bars, targets of some skill, a simulation with costs, and its evaluation."""

    def make(seed: int, *, skill: float = 0.0, **market: Any) -> tuple[pl.DataFrame, Simulation, Evaluation]:
        bars = make_market(seed, **market)
        simulation = simulate(bars, make_targets(bars, seed, skill=skill), ExecutionConfig(fee_bps=1.0))
        return bars, simulation, evaluate(simulation, bars=bars, seed=seed)

    return make
