"""Labels, behind the wall: what a model should have known."""

from gnomon.labels.base import LABEL_SCHEMA, LABELERS, Labeler
from gnomon.labels.fixed_horizon import FixedHorizon, fixed_horizon
from gnomon.labels.trend_scanning import TrendScanning, trend_scan, trend_scanning
from gnomon.labels.triple_barrier import TripleBarrier, triple_barrier
from gnomon.labels.weights import (
    average_uniqueness,
    label_spans,
    return_attribution,
    sequential_bootstrap,
    time_decay,
)

__all__ = [
    "LABELERS",
    "LABEL_SCHEMA",
    "FixedHorizon",
    "Labeler",
    "TrendScanning",
    "TripleBarrier",
    "average_uniqueness",
    "fixed_horizon",
    "label_spans",
    "return_attribution",
    "sequential_bootstrap",
    "time_decay",
    "trend_scan",
    "trend_scanning",
    "triple_barrier",
]
