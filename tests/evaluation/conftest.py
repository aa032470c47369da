"""Evaluations made by hand, for the tests of this room."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

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
