"""Types, errors, clock, seeds, hashing, files, registries, logging: what every floor stands on."""

from __future__ import annotations

import importlib
from typing import Any

# Names load on first use: `gnomon --help` passes through here and must not pay for numpy or pydantic.
_HOMES = {
    "Clock": "clock",
    "ConfigError": "errors",
    "DataError": "errors",
    "FixedClock": "clock",
    "GateError": "errors",
    "GnomonError": "errors",
    "IntegrityError": "errors",
    "LockedError": "errors",
    "NotFoundError": "errors",
    "PlanError": "errors",
    "Registry": "registry",
    "StageError": "errors",
    "StoreError": "errors",
    "SystemClock": "clock",
    "generator": "seeds",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
