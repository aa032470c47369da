"""Gnomon: raw market data to a monitored paper-trading deployment, with numbers that can be believed.

Each name loads on first use, so that `import gnomon` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon import metrics
    from gnomon.config.loader import load_config
    from gnomon.data.probe import probe_lookahead, probe_resampling
    from gnomon.data.read import read_bars
    from gnomon.data.resample import resample_bars
    from gnomon.evaluation.engine import evaluate
    from gnomon.execution.base import ExecutionConfig
    from gnomon.features.sets import FeatureSet
    from gnomon.honesty.labels import probe_labels
    from gnomon.honesty.orders import probe_orders
    from gnomon.honesty.path import TradingPath
    from gnomon.honesty.refits import probe_refits
    from gnomon.labels.triple_barrier import triple_barrier
    from gnomon.models.base import ModelRegistry
    from gnomon.pipeline.model_pipeline import run
    from gnomon.simulation.engine import simulate
    from gnomon.simulation.workflow import backtest
    from gnomon.splits.combinatorial import CombinatorialPurgedKFold
    from gnomon.splits.purged import PurgedKFold
    from gnomon.splits.walk_forward import WalkForward
    from gnomon.training.refits import Refits

_HOMES = {
    "CombinatorialPurgedKFold": "gnomon.splits.combinatorial",
    "ExecutionConfig": "gnomon.execution.base",
    "FeatureSet": "gnomon.features.sets",
    "ModelRegistry": "gnomon.models.base",
    "PurgedKFold": "gnomon.splits.purged",
    "Refits": "gnomon.training.refits",
    "TradingPath": "gnomon.honesty.path",
    "WalkForward": "gnomon.splits.walk_forward",
    "backtest": "gnomon.simulation.workflow",
    "evaluate": "gnomon.evaluation.engine",
    "load_config": "gnomon.config.loader",
    "probe_labels": "gnomon.honesty.labels",
    "probe_lookahead": "gnomon.data.probe",
    "probe_orders": "gnomon.honesty.orders",
    "probe_refits": "gnomon.honesty.refits",
    "probe_resampling": "gnomon.data.probe",
    "read_bars": "gnomon.data.read",
    "resample_bars": "gnomon.data.resample",
    "run": "gnomon.pipeline.model_pipeline",
    "simulate": "gnomon.simulation.engine",
    "triple_barrier": "gnomon.labels.triple_barrier",
}

__all__ = [
    "CombinatorialPurgedKFold",
    "ExecutionConfig",
    "FeatureSet",
    "ModelRegistry",
    "PurgedKFold",
    "Refits",
    "TradingPath",
    "WalkForward",
    "backtest",
    "evaluate",
    "load_config",
    "metrics",
    "probe_labels",
    "probe_lookahead",
    "probe_orders",
    "probe_refits",
    "probe_resampling",
    "read_bars",
    "resample_bars",
    "run",
    "simulate",
    "triple_barrier",
]


def __getattr__(name: str) -> Any:
    if name == "metrics":
        return importlib.import_module("gnomon.metrics")
    if name not in _HOMES:
        raise AttributeError(f"module 'gnomon' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
