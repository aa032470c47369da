"""Orders and their price: costs, sizing, guardrails, and the account that keeps them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gnomon.execution.base import ExecutionConfig

if TYPE_CHECKING:
    from gnomon.execution.guardrails import (
        GUARDRAILS,
        Guardrail,
        MaxDailyLoss,
        MaxDrawdown,
        MaxPosition,
        MaxRollingLoss,
        MaxTurnover,
        StalePrice,
    )
    from gnomon.execution.ledger import Ledger
    from gnomon.execution.sizing import SIZERS, FixedSizer, KellySizer, Sizer, SizingState, VolatilityTargetSizer, size

_HOMES = {
    "GUARDRAILS": "guardrails",
    "Guardrail": "guardrails",
    "MaxDailyLoss": "guardrails",
    "MaxDrawdown": "guardrails",
    "MaxPosition": "guardrails",
    "MaxRollingLoss": "guardrails",
    "MaxTurnover": "guardrails",
    "StalePrice": "guardrails",
    "Ledger": "ledger",
    "SIZERS": "sizing",
    "FixedSizer": "sizing",
    "KellySizer": "sizing",
    "Sizer": "sizing",
    "SizingState": "sizing",
    "VolatilityTargetSizer": "sizing",
    "size": "sizing",
}

__all__ = [
    "GUARDRAILS",
    "SIZERS",
    "ExecutionConfig",
    "FixedSizer",
    "Guardrail",
    "KellySizer",
    "Ledger",
    "MaxDailyLoss",
    "MaxDrawdown",
    "MaxPosition",
    "MaxRollingLoss",
    "MaxTurnover",
    "Sizer",
    "SizingState",
    "StalePrice",
    "VolatilityTargetSizer",
    "size",
]


def __getattr__(name: str) -> Any:
    """The compiled loops are loaded when they are asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnomon.execution.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
