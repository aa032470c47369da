"""Types, errors, clock, seeds, hashing, registries, logging: what every floor stands on."""

from gnomon.core.clock import Clock, FixedClock, SystemClock
from gnomon.core.errors import (
    ConfigError,
    DataError,
    GateError,
    GnomonError,
    IntegrityError,
    LockedError,
    PlanError,
    StageError,
    StoreError,
)
from gnomon.core.registry import Registry
from gnomon.core.seeds import generator

__all__ = [
    "Clock",
    "ConfigError",
    "DataError",
    "FixedClock",
    "GateError",
    "GnomonError",
    "IntegrityError",
    "LockedError",
    "PlanError",
    "Registry",
    "StageError",
    "StoreError",
    "SystemClock",
    "generator",
]
