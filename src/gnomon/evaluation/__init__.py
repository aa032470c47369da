"""Judging results: benchmarks, thresholds, doubt."""

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

__all__ = [
    "BenchmarkResult",
    "Evaluation",
    "ForecastQuality",
    "LagResult",
    "SharpeDoubt",
    "ThresholdResult",
    "TradeReport",
    "Verdict",
]
