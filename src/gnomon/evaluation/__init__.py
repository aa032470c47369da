"""Judging results: benchmarks, thresholds, doubt, and an honest verdict."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from gnomon.evaluation.benchmarks import BENCHMARKS, Benchmark, BenchmarkManager
    from gnomon.evaluation.engine import evaluate
    from gnomon.evaluation.selection import ModelSelectionTester, SelectionResult
    from gnomon.evaluation.stored import EvaluationEngine, ModelEvaluation, ModelEvaluator
    from gnomon.evaluation.trials import Trials
    from gnomon.metrics.calculator import MetricsCalculator

# Loaded when asked for: the ledger's compiled loops, and for stored models the training room.
_HOMES = {
    "BENCHMARKS": "gnomon.evaluation.benchmarks",
    "Benchmark": "gnomon.evaluation.benchmarks",
    "BenchmarkManager": "gnomon.evaluation.benchmarks",
    "EvaluationEngine": "gnomon.evaluation.stored",
    "MetricsCalculator": "gnomon.metrics.calculator",
    "ModelEvaluation": "gnomon.evaluation.stored",
    "ModelEvaluator": "gnomon.evaluation.stored",
    "ModelSelectionTester": "gnomon.evaluation.selection",
    "SelectionResult": "gnomon.evaluation.selection",
    "Trials": "gnomon.evaluation.trials",
    "evaluate": "gnomon.evaluation.engine",
}

__all__ = [
    "BENCHMARKS",
    "Benchmark",
    "BenchmarkManager",
    "BenchmarkResult",
    "Evaluation",
    "EvaluationEngine",
    "ForecastQuality",
    "LagResult",
    "MetricsCalculator",
    "ModelEvaluation",
    "ModelEvaluator",
    "ModelSelectionTester",
    "SelectionResult",
    "SharpeDoubt",
    "ThresholdResult",
    "TradeReport",
    "Trials",
    "Verdict",
    "evaluate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
