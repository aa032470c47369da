"""Features of how much the price moves; all per bar, not annualised."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, Windows, each, feature, floats
from gnomon.kernels.indicators import extremes
from gnomon.kernels.indicators import realised as measured
from gnomon.kernels.indicators import volatility as kernels
from gnomon.kernels.indicators.channels import bollinger as bollinger_kernel
from gnomon.kernels.indicators.statistics import rolling_zscore

Deviations = Annotated[float, Field(gt=0, le=100)]
Decay = Annotated[float, Field(gt=0, lt=1)]


@feature(basic=True)
def natr(window: Window = 14) -> FeatureSpec:
    """Average true range as a fraction of the close."""
    return FeatureSpec(
        name="natr",
        inputs=("high", "low", "close"),
        outputs=(f"natr_{window}",),
        params={"window": window, "relative": 1.0},
        kernel=kernels.atr,
        warmup=window,
        theme="volatility",
        reference="Wilder 1978",
    )


@feature(basic=True)
def volatility(window: Window = 20) -> FeatureSpec:
    """Standard deviation of the last log returns."""
    return FeatureSpec(
        name="volatility",
        inputs=("close",),
        outputs=(f"volatility_{window}",),
        params={"window": window},
        kernel=kernels.volatility,
        warmup=window,
        theme="volatility",
        reference="Hull 2018, ch. 15",
    )


@feature(basic=True)
def parkinson(window: Window = 20) -> FeatureSpec:
    """Volatility from the range between high and low."""
    return FeatureSpec(
        name="parkinson",
        inputs=("high", "low"),
        outputs=(f"parkinson_{window}",),
        params={"window": window},
        kernel=kernels.parkinson,
        warmup=window - 1,
        theme="volatility",
        reference="Parkinson 1980",
    )


@feature()
def garman_klass(window: Window = 20) -> FeatureSpec:
    """Volatility from open, high, low and close."""
    return FeatureSpec(
        name="garman_klass",
        inputs=("open", "high", "low", "close"),
        outputs=(f"garman_klass_{window}",),
        params={"window": window},
        kernel=kernels.garman_klass,
        warmup=window - 1,
        theme="volatility",
        reference="Garman and Klass 1980",
    )


@feature(basic=True)
def bollinger(window: Window = 20, deviations: Deviations = 2.0) -> FeatureSpec:
    """Where the close stands in its Bollinger bands (0 to 1 within), and their width over the middle."""
    return FeatureSpec(
        name="bollinger",
        inputs=("close",),
        outputs=(f"bollinger_position_{window}", f"bollinger_width_{window}"),
        params={"window": window, "deviations": deviations},
        kernel=bollinger_kernel,
        warmup=window - 1,
        theme="volatility",
        reference="Bollinger 2001",
    )


@feature()
def price_zscore(window: Window = 20) -> FeatureSpec:
    """Standard deviations of the close from the mean of its window."""
    return FeatureSpec(
        name="price_zscore",
        inputs=("close",),
        outputs=(f"price_zscore_{window}",),
        params={"window": window},
        kernel=rolling_zscore,
        warmup=window - 1,
        units="standard deviations",
        theme="volatility",
        reference="Chan 2013, ch. 2",
    )


@feature()
def drift_free(window: Window = 20) -> FeatureSpec:
    """Volatility from open, high, low and close, undisturbed by drift: Rogers-Satchell and Yang-Zhang."""
    return FeatureSpec(
        name="drift_free",
        inputs=("open", "high", "low", "close"),
        outputs=(f"rogers_satchell_{window}", f"yang_zhang_{window}"),
        params={"window": window},
        kernel=measured.drift_free,
        warmup=window,
        theme="volatility",
        reference="Rogers and Satchell 1991; Yang and Zhang 2000",
    )


@feature()
def realised(windows: Windows = (10, 60)) -> FeatureSpec:
    """Realised and bipower volatility, the share of jumps in the variance, and that of falling returns."""
    return FeatureSpec(
        name="realised",
        inputs=("close",),
        outputs=each(("realised_volatility", "bipower_volatility", "jump_share", "downside_share"), windows),
        params={"windows": floats(*windows)},
        kernel=measured.realised,
        warmup=max(windows),
        units="fraction; fraction; 0 to 1; 0 to 1",
        theme="volatility",
        reference="Barndorff-Nielsen and Shephard 2004",
    )


@feature()
def ewma_volatility(decay: Decay = 0.94, start: Window = 20) -> FeatureSpec:
    """Root of the exponentially weighted mean of squared log returns."""
    return FeatureSpec(
        name="ewma_volatility",
        inputs=("close",),
        outputs=("ewma_volatility",),
        params={"decay": decay, "start": start},
        kernel=measured.ewma_volatility,
        warmup=start,
        theme="volatility",
        reference="RiskMetrics 1996",
    )


@feature()
def true_range(window: Window = 14) -> FeatureSpec:
    """Choppiness index (100: sideways), and the bar's true range over the window's mean."""
    return FeatureSpec(
        name="true_range",
        inputs=("high", "low", "close"),
        outputs=(f"choppiness_{window}", f"relative_range_{window}"),
        params={"window": window},
        kernel=extremes.true_range,
        warmup=window,
        units="0 to 100; ratio",
        theme="volatility",
        reference="Dreiss 1993",
    )
