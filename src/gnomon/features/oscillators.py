"""Features that swing between bounds: RSI, stochastic, MFI."""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lag, Window, feature
from gnomon.kernels.indicators import oscillators as kernels
from gnomon.kernels.indicators import swings
from gnomon.kernels.indicators.volume import mfi as mfi_kernel


@feature(basic=True)
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


@feature(basic=True)
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


@feature(basic=True)
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


@feature()
def cci(window: Window = 14) -> FeatureSpec:
    """Commodity channel index: the typical price from its mean, over 0.015 mean deviations."""
    return FeatureSpec(
        name="cci",
        inputs=("high", "low", "close"),
        outputs=(f"cci_{window}",),
        params={"window": window},
        kernel=swings.cci,
        warmup=window - 1,
        units="index",
        theme="oscillators",
        reference="Lambert 1980",
    )


@feature()
def williams_r(window: Window = 14) -> FeatureSpec:
    """Williams %R: -100 at the window's low, 0 at its high."""
    return FeatureSpec(
        name="williams_r",
        inputs=("high", "low", "close"),
        outputs=(f"williams_r_{window}",),
        params={"window": window},
        kernel=swings.williams_r,
        warmup=window - 1,
        units="-100 to 0",
        theme="oscillators",
        reference="Williams 1979",
    )


@feature()
def ultimate(short: Window = 7, middle: Window = 14, long: Window = 28) -> FeatureSpec:
    """Ultimate oscillator: buying pressure over three windows."""
    return FeatureSpec(
        name="ultimate",
        inputs=("high", "low", "close"),
        outputs=(f"ultimate_{short}_{middle}_{long}",),
        params={"short": short, "middle": middle, "long": long},
        kernel=swings.ultimate,
        warmup=max(short, middle, long),
        units="0 to 100",
        theme="oscillators",
        reference="Williams 1985",
    )


@feature()
def cmo(window: Window = 20) -> FeatureSpec:
    """Chande's momentum oscillator: smoothed gains minus losses, over both."""
    return FeatureSpec(
        name="cmo",
        inputs=("close",),
        outputs=(f"cmo_{window}",),
        params={"window": window},
        kernel=swings.cmo,
        warmup=window,
        units="-100 to 100",
        theme="oscillators",
        reference="Chande and Kroll 1994",
    )


@feature()
def stochastic_rsi(window: Window = 14, span: Window = 5, smoothing: Lag = 3) -> FeatureSpec:
    """Where the RSI stands in its own range, and that smoothed."""
    return FeatureSpec(
        name="stochastic_rsi",
        inputs=("close",),
        outputs=(f"stochastic_rsi_k_{window}", f"stochastic_rsi_d_{window}"),
        params={"window": window, "span": span, "smoothing": smoothing},
        kernel=swings.stochastic_rsi,
        warmup=window + span + smoothing - 2,
        units="0 to 100",
        theme="oscillators",
        reference="Chande and Kroll 1994",
    )


@feature()
def balance_of_power(window: Window = 14) -> FeatureSpec:
    """Mean share of the bar's range that the close won over the open."""
    return FeatureSpec(
        name="balance_of_power",
        inputs=("open", "high", "low", "close"),
        outputs=(f"balance_of_power_{window}",),
        params={"window": window},
        kernel=swings.balance_of_power,
        warmup=window - 1,
        units="-1 to 1",
        theme="oscillators",
        reference="Livshin 2001",
    )


@feature()
def tsi(slow: Window = 25, fast: Window = 13) -> FeatureSpec:
    """True strength index: moves smoothed twice, over their sizes smoothed twice."""
    return FeatureSpec(
        name="tsi",
        inputs=("close",),
        outputs=(f"tsi_{slow}_{fast}",),
        params={"slow": slow, "fast": fast},
        kernel=swings.tsi,
        warmup=slow + fast,
        units="-100 to 100",
        theme="oscillators",
        reference="Blau 1991",
    )
