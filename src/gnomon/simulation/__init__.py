"""Forecasts to targets to the ledger to equity."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.simulation.base import Simulation
    from gnomon.simulation.engine import simulate, simulate_many
    from gnomon.simulation.workflow import BacktestingWorkflow, backtest

_HOMES = {
    "BacktestingWorkflow": "workflow",
    "Simulation": "base",
    "backtest": "workflow",
    "simulate": "engine",
    "simulate_many": "engine",
}

__all__ = ["BacktestingWorkflow", "Simulation", "backtest", "simulate", "simulate_many"]


def __getattr__(name: str) -> Any:
    """The compiled loops are loaded when they are asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnomon.simulation.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
