"""Searching for settings: Optuna or Ray Tune ask, purged folds judge, and every try is counted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.training.search.base import SearchResult, SearchTrial
    from gnomon.training.search.optimizer import HPOptimizer, HyperparameterOptimizer

_HOMES = {
    "HPOptimizer": "optimizer",
    "HyperparameterOptimizer": "optimizer",
    "SearchResult": "base",
    "SearchTrial": "base",
}

__all__ = ["HPOptimizer", "HyperparameterOptimizer", "SearchResult", "SearchTrial"]


def __getattr__(name: str) -> Any:
    """Optuna takes a while to import; it is loaded when a search is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnomon.training.search.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
