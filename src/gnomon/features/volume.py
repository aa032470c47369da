"""Features of traded volume."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, feature
from gnomon.kernels.indicators.statistics import rolling_zscore
from gnomon.kernels.indicators.volume import signed_volume as signed_volume_kernel


@feature(default=True)
def volume_zscore(window: Window = 20) -> FeatureSpec:
    """Standard deviations of the volume from the mean of its window."""
    return FeatureSpec(
        name="volume_zscore",
        inputs=("volume",),
        outputs=(f"volume_zscore_{window}",),
        params={"window": window},
        kernel=rolling_zscore,
        warmup=window - 1,
        units="standard deviations",
        theme="volume",
        reference="Gervais, Kaniel and Mingelgrin 2001",
    )


@feature(default=True)
def signed_volume(window: Window = 20) -> FeatureSpec:
    """Share of the window's volume on rising closes minus that on falling ones."""
    return FeatureSpec(
        name="signed_volume",
        inputs=("close", "volume"),
        outputs=(f"signed_volume_{window}",),
        params={"window": window},
        kernel=signed_volume_kernel,
        warmup=window,
        units="-1 to 1",
        theme="volume",
        reference="Granville 1963",
    )
