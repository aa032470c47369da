"""Arrays that models learn from, and the values Forecast and Targets."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gnomon.samples.base import CLASSES, UNKNOWN_END, Forecast, Samples

if TYPE_CHECKING:
    from gnomon.samples.assemble import Assembly, build_samples
    from gnomon.samples.export import export_scaled, scaled_table
    from gnomon.samples.forecast import load_forecast, save_forecast
    from gnomon.samples.projection import PROJECTIONS, PrincipalComponents, ProjectionParams, RandomProjection
    from gnomon.samples.storage import load_samples, save_samples
    from gnomon.samples.transforms import SCALERS, RobustScaler, ScalerParams, StandardScaler, Transform
    from gnomon.samples.windows import TimeSeriesDataset, WindowState

_HOMES = {
    "Assembly": "assemble",
    "build_samples": "assemble",
    "export_scaled": "export",
    "scaled_table": "export",
    "load_forecast": "forecast",
    "save_forecast": "forecast",
    "PROJECTIONS": "projection",
    "PrincipalComponents": "projection",
    "ProjectionParams": "projection",
    "RandomProjection": "projection",
    "load_samples": "storage",
    "save_samples": "storage",
    "SCALERS": "transforms",
    "RobustScaler": "transforms",
    "ScalerParams": "transforms",
    "StandardScaler": "transforms",
    "Transform": "transforms",
    "TimeSeriesDataset": "windows",
    "WindowState": "windows",
}

__all__ = [
    "CLASSES",
    "PROJECTIONS",
    "SCALERS",
    "UNKNOWN_END",
    "Assembly",
    "Forecast",
    "PrincipalComponents",
    "ProjectionParams",
    "RandomProjection",
    "RobustScaler",
    "Samples",
    "ScalerParams",
    "StandardScaler",
    "TimeSeriesDataset",
    "Transform",
    "WindowState",
    "build_samples",
    "export_scaled",
    "load_forecast",
    "load_samples",
    "save_forecast",
    "save_samples",
    "scaled_table",
]


def __getattr__(name: str) -> Any:
    """Polars comes with the tables, not with the arrays."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"gnomon.samples.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
