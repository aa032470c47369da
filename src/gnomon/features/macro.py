"""Features of side tables: implied volatility, consumer prices, oil.

They join the default set where a config declares a table of that name. A table's value is what was published by the
moment of the bar; `column` says which of its columns to read.
"""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lag, Window, feature
from gnomon.kernels.indicators.returns import log_return, step_change
from gnomon.kernels.indicators.statistics import rolling_zscore


@feature(default=True)
def vix_level(window: Window = 60, column: str = "vix") -> FeatureSpec:
    """Standard deviations of the VIX from the mean of its window."""
    return FeatureSpec(
        name="vix_level",
        inputs=(f"vix.{column}",),
        outputs=(f"vix_level_{window}",),
        params={"window": window},
        kernel=rolling_zscore,
        warmup=window - 1,
        units="standard deviations",
        theme="macro",
        tables=("vix",),
        reference="Whaley 2000",
    )


@feature(default=True)
def vix_change(window: Lag = 5, column: str = "vix") -> FeatureSpec:
    """Log change of the VIX over the window."""
    return FeatureSpec(
        name="vix_change",
        inputs=(f"vix.{column}",),
        outputs=(f"vix_change_{window}",),
        params={"window": window},
        kernel=log_return,
        warmup=window,
        units="log fraction",
        theme="macro",
        tables=("vix",),
        reference="Whaley 2000",
    )


@feature(default=True)
def wti_change(window: Lag = 20, column: str = "wti") -> FeatureSpec:
    """Log change of the oil price (West Texas Intermediate) over the window."""
    return FeatureSpec(
        name="wti_change",
        inputs=(f"wti.{column}",),
        outputs=(f"wti_change_{window}",),
        params={"window": window},
        kernel=log_return,
        warmup=window,
        units="log fraction",
        theme="macro",
        tables=("wti",),
        reference="Driesprong, Jacobsen and Maat 2008",
    )


@feature(default=True)
def cpi_change(column: str = "cpi") -> FeatureSpec:
    """Log change of the consumer price index at its last release; known from the second release on."""
    return FeatureSpec(
        name="cpi_change",
        inputs=(f"cpi.{column}",),
        outputs=("cpi_change",),
        kernel=step_change,
        warmup=1,
        units="log fraction",
        theme="macro",
        tables=("cpi",),
        reference="Fama and Schwert 1977",
    )
