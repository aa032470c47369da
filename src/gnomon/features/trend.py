"""Features of trend: distances from averages, MACD, ADX."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, feature
from gnomon.kernels.indicators import trend as kernels


@feature(default=True)
def sma_distance(window: Window = 20) -> FeatureSpec:
    """Distance of the close from its simple moving average."""
    return FeatureSpec(
        name="sma_distance",
        inputs=("close",),
        outputs=(f"sma_distance_{window}",),
        params={"window": window, "relative": 1.0},
        kernel=kernels.sma,
        warmup=window - 1,
        theme="trend",
        reference="Brock, Lakonishok and LeBaron 1992",
    )


@feature(default=True)
def ema_distance(window: Window = 50) -> FeatureSpec:
    """Distance of the close from its exponential moving average."""
    return FeatureSpec(
        name="ema_distance",
        inputs=("close",),
        outputs=(f"ema_distance_{window}",),
        params={"window": window, "relative": 1.0},
        kernel=kernels.ema,
        warmup=window - 1,
        theme="trend",
        reference="Brock, Lakonishok and LeBaron 1992",
    )


@feature()
def wma_distance(window: Window = 20) -> FeatureSpec:
    """Distance of the close from its linearly weighted moving average."""
    return FeatureSpec(
        name="wma_distance",
        inputs=("close",),
        outputs=(f"wma_distance_{window}",),
        params={"window": window, "relative": 1.0},
        kernel=kernels.wma,
        warmup=window - 1,
        theme="trend",
        reference="Kaufman 2013, ch. 7",
    )


@feature(default=True)
def macd(fast: Window = 12, slow: Window = 26, signal: Window = 9) -> FeatureSpec:
    """MACD line and its signal, as fractions of the close."""
    if fast >= slow:
        raise ValueError(f"fast must be below slow, were {fast} and {slow}")
    label = f"{fast}_{slow}"
    return FeatureSpec(
        name="macd",
        inputs=("close",),
        outputs=(f"macd_{label}", f"macd_signal_{label}_{signal}"),
        params={"fast": fast, "slow": slow, "signal": signal, "relative": 1.0},
        kernel=kernels.macd,
        warmup=slow + signal - 2,
        theme="trend",
        reference="Appel 1979",
    )


@feature(default=True)
def adx(window: Window = 14) -> FeatureSpec:
    """Strength of the trend (ADX) with its upward and downward parts."""
    return FeatureSpec(
        name="adx",
        inputs=("high", "low", "close"),
        outputs=(f"adx_{window}", f"plus_di_{window}", f"minus_di_{window}"),
        params={"window": window},
        kernel=kernels.adx,
        warmup=2 * window - 1,
        units="0 to 100",
        theme="trend",
        reference="Wilder 1978",
    )
