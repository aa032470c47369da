"""Features of past returns."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lag, Window, feature
from gnomon.kernels.indicators.channels import donchian_position as donchian_kernel
from gnomon.kernels.indicators.returns import log_return as log_return_kernel

Lags = Annotated[tuple[Lag, ...], Field(min_length=1)]


@feature(default=True)
def log_return(windows: Lags = (1, 5, 20)) -> FeatureSpec:
    """Log growth of the close over each of the windows."""
    return FeatureSpec(
        name="log_return",
        inputs=("close",),
        outputs=tuple(f"log_return_{window}" for window in windows),
        params={"windows": tuple(float(window) for window in windows)},
        kernel=log_return_kernel,
        warmup=max(windows),
        units="log fraction",
        theme="momentum",
        reference="Campbell, Lo and MacKinlay 1997, ch. 1",
    )


@feature(default=True)
def donchian_position(window: Window = 20) -> FeatureSpec:
    """Where the close stands between the lowest low (0) and the highest high (1) of the window."""
    return FeatureSpec(
        name="donchian_position",
        inputs=("high", "low", "close"),
        outputs=(f"donchian_position_{window}",),
        params={"window": window},
        kernel=donchian_kernel,
        warmup=window - 1,
        units="0 to 1",
        theme="momentum",
        reference="Donchian 1960",
    )
