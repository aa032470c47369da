"""Features: registered kernels, whole and streaming."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.features.base import FeatureSpec
    from gnomon.features.registry import FEATURES, Lag, Window, feature
    from gnomon.features.sets import FeatureSet
    from gnomon.features.state import FeatureState
    from gnomon.features.streaming import FeatureStream
    from gnomon.features.windows import feature_expression, feature_function

__all__ = [
    "FEATURES",
    "FeatureSet",
    "FeatureSpec",
    "FeatureState",
    "FeatureStream",
    "Lag",
    "Window",
    "feature",
    "feature_expression",
    "feature_function",
]

_HOMES = {
    "FEATURES": "registry",
    "FeatureSet": "sets",
    "FeatureSpec": "base",
    "FeatureState": "state",
    "FeatureStream": "streaming",
    "Lag": "registry",
    "Window": "registry",
    "feature": "registry",
    "feature_expression": "windows",
    "feature_function": "windows",
}


def __getattr__(name: str) -> Any:
    # Kernels bring numba, half a second: not for a command that computes nothing.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
