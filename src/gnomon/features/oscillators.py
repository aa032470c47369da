"""Features that swing between bounds: RSI, stochastic, MFI."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lag, Window, feature
from gnomon.kernels.indicators import oscillators as kernels
from gnomon.kernels.indicators.volume import mfi as mfi_kernel


@feature(default=True)
def rsi(window: Window = 14) -> FeatureSpec:
    """Relative strength index of the close."""
    return FeatureSpec(
        name="rsi",
        inputs=("close",),
        outputs=(f"rsi_{window}",),
        params={"window": window},
        kernel=kernels.rsi,
        warmup=window,
        units="0 to 100",
        theme="oscillators",
        reference="Wilder 1978",
    )


@feature(default=True)
def stochastic(window: Window = 14, slowing: Lag = 3, smoothing: Lag = 3) -> FeatureSpec:
    """Slow stochastic %K and %D."""
    return FeatureSpec(
        name="stochastic",
        inputs=("high", "low", "close"),
        outputs=(f"stochastic_k_{window}", f"stochastic_d_{window}"),
        params={"window": window, "slowing": slowing, "smoothing": smoothing},
        kernel=kernels.stochastic,
        warmup=window + slowing + smoothing - 3,
        units="0 to 100",
        theme="oscillators",
        reference="Lane 1984",
    )


@feature(default=True)
def mfi(window: Window = 14) -> FeatureSpec:
    """Money flow index: the share of money that traded on rising prices."""
    return FeatureSpec(
        name="mfi",
        inputs=("high", "low", "close", "volume"),
        outputs=(f"mfi_{window}",),
        params={"window": window},
        kernel=mfi_kernel,
        warmup=window,
        units="0 to 100",
        theme="oscillators",
        reference="Quong and Soudack 1989",
    )
