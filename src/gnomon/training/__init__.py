"""Fitting: one model, a choice among several, and what watches a fit."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.training.callbacks import (
        CallbackBase,
        EarlyStoppingCallback,
        LoggingCallback,
        MLflowCallback,
        ModelCheckpointCallback,
        ProgressCallback,
    )
    from gnomon.training.choice import SELECTION_RULES, Choice, SelectionRule
    from gnomon.training.cross_validation import CrossValidation, CrossValidator
    from gnomon.training.engine import TrainingEngine, TrainingResult
    from gnomon.training.fit import ModelTrainer, Trainer, fit_model
    from gnomon.training.prepare import Prepared, checked_bars
    from gnomon.training.refits import Refits
    from gnomon.training.search.base import SearchResult, SearchTrial
    from gnomon.training.search.optimizer import HPOptimizer, HyperparameterOptimizer
    from gnomon.training.selection import ValidationScore, select_model, validation_scores

_HOMES = {
    "CallbackBase": "callbacks",
    "EarlyStoppingCallback": "callbacks",
    "LoggingCallback": "callbacks",
    "MLflowCallback": "callbacks",
    "ProgressCallback": "callbacks",
    "ModelCheckpointCallback": "callbacks",
    "SELECTION_RULES": "choice",
    "Choice": "choice",
    "SelectionRule": "choice",
    "CrossValidation": "cross_validation",
    "CrossValidator": "cross_validation",
    "HPOptimizer": "search.optimizer",
    "HyperparameterOptimizer": "search.optimizer",
    "Refits": "refits",
    "SearchResult": "search.base",
    "SearchTrial": "search.base",
    "TrainingEngine": "engine",
    "TrainingResult": "engine",
    "ModelTrainer": "fit",
    "Trainer": "fit",
    "fit_model": "fit",
    "Prepared": "prepare",
    "checked_bars": "prepare",
    "ValidationScore": "selection",
    "select_model": "selection",
    "validation_scores": "selection",
}

__all__ = [
    "SELECTION_RULES",
    "CallbackBase",
    "Choice",
    "CrossValidation",
    "CrossValidator",
    "EarlyStoppingCallback",
    "HPOptimizer",
    "HyperparameterOptimizer",
    "LoggingCallback",
    "MLflowCallback",
    "ModelCheckpointCallback",
    "ModelTrainer",
    "Prepared",
    "ProgressCallback",
    "Refits",
    "SearchResult",
    "SearchTrial",
    "SelectionRule",
    "Trainer",
    "TrainingEngine",
    "TrainingResult",
    "ValidationScore",
    "checked_bars",
    "fit_model",
    "select_model",
    "validation_scores",
]


def __getattr__(name: str) -> Any:
    """The engine brings features, labels and data with it; fitting alone does not need them."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnomon.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
