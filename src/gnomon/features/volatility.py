"""Features of how much the price moves; all per bar, not annualised."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Window, feature
from gnomon.kernels.indicators import volatility as kernels
from gnomon.kernels.indicators.channels import bollinger as bollinger_kernel
from gnomon.kernels.indicators.statistics import rolling_zscore

Deviations = Annotated[float, Field(gt=0, le=100)]


@feature(default=True)
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


@feature(default=True)
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


@feature(default=True)
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


@feature(default=True)
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
