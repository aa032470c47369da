"""Features of the shape of the window's returns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, Windows, each, feature, floats
from gnomon.kernels.indicators import distribution as kernels

Quantiles = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]


@feature()
def return_shape(windows: Windows = (60, 120)) -> FeatureSpec:
    """Skewness and kurtosis (3 for the normal) of log returns."""
    return FeatureSpec(
        name="return_shape",
        inputs=("close",),
        outputs=each(("skewness", "kurtosis"), windows),
        params={"windows": floats(*windows)},
        kernel=kernels.shape,
        warmup=max(windows),
        units="moment",
        theme="distribution",
        reference="Harvey and Siddique 2000",
    )


@feature()
def return_quantiles(window: Window = 120, quantiles: Quantiles = (0.05, 0.25, 0.75, 0.95)) -> FeatureSpec:
    """Quantiles of log returns."""
    return FeatureSpec(
        name="return_quantiles",
        inputs=("close",),
        outputs=tuple(f"return_quantile_{quantile:g}_{window}" for quantile in quantiles),
        params={"window": window, "quantiles": floats(*quantiles)},
        kernel=kernels.return_quantiles,
        warmup=window,
        units="log fraction",
        theme="distribution",
        reference="Hyndman and Fan 1996",
    )


@feature()
def percentile_rank(windows: Windows = (60, 120)) -> FeatureSpec:
    """Where the close stands among those of its window: 0 the lowest, 1 the highest."""
    return FeatureSpec(
        name="percentile_rank",
        inputs=("close",),
        outputs=each(("percentile_rank",), windows),
        params={"windows": floats(*windows)},
        kernel=kernels.percentile_rank,
        warmup=max(windows) - 1,
        units="0 to 1",
        theme="distribution",
        reference="Connors and Alvarez 2009",
    )
