"""Features of traded volume."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lags, Window, Windows, across, each, feature, floats, pairs
from gnomon.kernels.indicators import liquidity
from gnomon.kernels.indicators.averages import sma_cross
from gnomon.kernels.indicators.statistics import rolling_zscore
from gnomon.kernels.indicators.volume import signed_volume as signed_volume_kernel


@feature(basic=True)
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


@feature(basic=True)
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


@feature()
def volume_ratio(fast: Lags = (1, 5), slow: Windows = (20, 60)) -> FeatureSpec:
    """Mean volume of short windows over that of long ones, less 1, in pairs of `fast` and `slow`."""
    return FeatureSpec(
        name="volume_ratio",
        inputs=("volume",),
        outputs=across("volume_ratio", fast, slow),
        params={"windows": pairs(fast, slow)},
        kernel=sma_cross,
        warmup=max(slow) - 1,
        theme="volume",
        reference="Lee and Swaminathan 2000",
    )


@feature()
def vwap_distance(windows: Windows = (20, 60)) -> FeatureSpec:
    """Distance of the close from the volume-weighted average price of each window."""
    return FeatureSpec(
        name="vwap_distance",
        inputs=("high", "low", "close", "volume"),
        outputs=each(("vwap_distance",), windows),
        params={"windows": floats(*windows)},
        kernel=liquidity.vwap_distance,
        warmup=max(windows) - 1,
        theme="volume",
        reference="Berkowitz, Logue and Noser 1988",
    )


@feature()
def money_flow(window: Window = 20) -> FeatureSpec:
    """Chaikin money flow: volume weighted by where the close stands in its bar, over volume."""
    return FeatureSpec(
        name="money_flow",
        inputs=("high", "low", "close", "volume"),
        outputs=(f"money_flow_{window}",),
        params={"window": window},
        kernel=liquidity.money_flow,
        warmup=window - 1,
        units="-1 to 1",
        theme="volume",
        reference="Achelis 2000",
    )


@feature()
def price_volume_correlation(windows: Windows = (20, 60)) -> FeatureSpec:
    """Correlation of log returns with volume."""
    return FeatureSpec(
        name="price_volume_correlation",
        inputs=("close", "volume"),
        outputs=each(("price_volume_correlation",), windows),
        params={"windows": floats(*windows)},
        kernel=liquidity.price_volume_correlation,
        warmup=max(windows),
        units="-1 to 1",
        theme="volume",
        reference="Karpoff 1987",
    )
