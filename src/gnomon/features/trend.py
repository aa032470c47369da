"""Features of trend: distances from averages, MACD, ADX."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, Windows, across, each, feature, floats, pairs
from gnomon.kernels.indicators import averages, extremes
from gnomon.kernels.indicators import regression as straightness
from gnomon.kernels.indicators import trend as kernels


@feature(basic=True)
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


@feature(basic=True)
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


@feature(basic=True)
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


@feature(basic=True)
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


@feature()
def sma_cross(fast: Windows = (5, 20), slow: Windows = (20, 100)) -> FeatureSpec:
    """Short simple averages of the close over long ones, less 1, in pairs of `fast` and `slow`."""
    return FeatureSpec(
        name="sma_cross",
        inputs=("close",),
        outputs=across("sma_cross", fast, slow),
        params={"windows": pairs(fast, slow)},
        kernel=averages.sma_cross,
        warmup=max(slow) - 1,
        theme="trend",
        reference="Brock, Lakonishok and LeBaron 1992",
    )


@feature()
def ema_chain(window: Window = 15) -> FeatureSpec:
    """Distances of the close from DEMA and TEMA, and TRIX (percent a bar)."""
    return FeatureSpec(
        name="ema_chain",
        inputs=("close",),
        outputs=(f"dema_distance_{window}", f"tema_distance_{window}", f"trix_{window}"),
        params={"window": window},
        kernel=averages.ema_chain,
        warmup=3 * window - 2,
        units="fraction; percent",
        theme="trend",
        reference="Mulloy 1994; Hutson 1983",
    )


@feature()
def kama_distance(window: Window = 30) -> FeatureSpec:
    """Distance of the close from Kaufman's adaptive average."""
    return FeatureSpec(
        name="kama_distance",
        inputs=("close",),
        outputs=(f"kama_distance_{window}",),
        params={"window": window},
        kernel=averages.kama,
        warmup=window,
        theme="trend",
        reference="Kaufman 1995",
    )


@feature()
def ppo(fast: Window = 12, slow: Window = 26) -> FeatureSpec:
    """Percentage price oscillator: fast exponential average over slow one, less 1, in percent."""
    if fast >= slow:
        raise ValueError(f"fast must be below slow, were {fast} and {slow}")
    return FeatureSpec(
        name="ppo",
        inputs=("close",),
        outputs=(f"ppo_{fast}_{slow}",),
        params={"fast": fast, "slow": slow},
        kernel=averages.ppo,
        warmup=slow - 1,
        units="percent",
        theme="trend",
        reference="Appel 1979",
    )


@feature()
def regression(windows: Windows = (20, 60)) -> FeatureSpec:
    """Straight line through the window's log closes: slope a bar, R squared, and how far the last close lies off it."""
    return FeatureSpec(
        name="regression",
        inputs=("close",),
        outputs=each(("regression_slope", "regression_r2", "regression_residual"), windows),
        params={"windows": floats(*windows)},
        kernel=straightness.regression,
        warmup=max(windows) - 1,
        units="log fraction; 0 to 1; log fraction",
        theme="trend",
        reference="Clenow 2015",
    )


@feature()
def aroon(window: Window = 25) -> FeatureSpec:
    """How new the highest high and the lowest low of the window are."""
    return FeatureSpec(
        name="aroon",
        inputs=("high", "low"),
        outputs=(f"aroon_up_{window}", f"aroon_down_{window}"),
        params={"window": window},
        kernel=extremes.aroon,
        warmup=window,
        units="0 to 100",
        theme="trend",
        reference="Chande 1995",
    )


@feature()
def vortex(window: Window = 14) -> FeatureSpec:
    """Ways up and down between neighbouring bars, over the true range."""
    return FeatureSpec(
        name="vortex",
        inputs=("high", "low", "close"),
        outputs=(f"vortex_up_{window}", f"vortex_down_{window}"),
        params={"window": window},
        kernel=extremes.vortex,
        warmup=window,
        units="ratio",
        theme="trend",
        reference="Botes and Siepman 2010",
    )
