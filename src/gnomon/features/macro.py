"""Features of market-wide side tables: implied volatility, rates, consumer prices, oil, the economic calendar.

They join the default set where a config declares a table of that name. A table's value is what was published by the
moment of the bar; `column` says which of its columns to read. Windows are in bars, `publications` in publications:
then the warm-up counts publications too, and is as long as stated where each bar brings one.
"""

from __future__ import annotations

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lag, Lags, Window, feature, floats
from gnomon.kernels.indicators.publications import publication_change, release_time, spread, surprise
from gnomon.kernels.indicators.returns import log_return
from gnomon.kernels.indicators.statistics import rolling_zscore


@feature(basic=True)
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


@feature(basic=True)
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


@feature(basic=True)
def vix_term_structure(column: str = "vix", column_3m: str = "vix_3m") -> FeatureSpec:
    """Logarithm of the VIX over its three-month sibling (table `vix_3m`): above 0 in alarm."""
    return FeatureSpec(
        name="vix_term_structure",
        inputs=(f"vix.{column}", f"vix_3m.{column_3m}"),
        outputs=("vix_term_structure",),
        params={"logs": 1.0},
        kernel=spread,
        warmup=0,
        units="log fraction",
        theme="macro",
        tables=("vix", "vix_3m"),
        reference="Johnson 2017",
    )


@feature(basic=True)
def yield_slope(long: str = "long", short: str = "short") -> FeatureSpec:
    """Slope of the yield curve: the long rate less the short one."""
    return FeatureSpec(
        name="yield_slope",
        inputs=(f"rates.{long}", f"rates.{short}"),
        outputs=("yield_slope",),
        params={"logs": 0.0},
        kernel=spread,
        warmup=0,
        units="percentage points",
        theme="macro",
        tables=("rates",),
        reference="Estrella and Mishkin 1998",
    )


@feature(basic=True)
def yield_change(publications: Lags = (5,), column: str = "long") -> FeatureSpec:
    """Change of a rate over its last publications."""
    return FeatureSpec(
        name="yield_change",
        inputs=("rates.known_at", f"rates.{column}"),
        outputs=tuple(f"yield_change_{count}" for count in publications),
        params={"logs": 0.0, "publications": floats(*publications)},
        kernel=publication_change,
        warmup=max(publications),
        units="percentage points",
        theme="macro",
        tables=("rates",),
        reference="Fama and French 1989",
    )


@feature(basic=True)
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


@feature(basic=True)
def cpi_change(publications: Lags = (1,), column: str = "cpi") -> FeatureSpec:
    """Log change of the consumer price index over its last releases; 12 monthly ones make the yearly inflation."""
    return FeatureSpec(
        name="cpi_change",
        inputs=("cpi.known_at", f"cpi.{column}"),
        outputs=tuple(f"cpi_change_{count}" for count in publications),
        params={"logs": 1.0, "publications": floats(*publications)},
        kernel=publication_change,
        warmup=max(publications),
        units="log fraction",
        theme="macro",
        tables=("cpi",),
        reference="Fama and Schwert 1977",
    )


@feature(basic=True)
def release_days() -> FeatureSpec:
    """Days since the last release, and until the next one whose date is known (the table states a `schedule`)."""
    return FeatureSpec(
        name="release_days",
        inputs=("timestamp", "calendar.released_at", "calendar.next_at"),
        outputs=("release_days_since", "release_days_until"),
        kernel=release_time,
        warmup=0,
        units="days",
        theme="macro",
        tables=("calendar",),
        reference="Savor and Wilson 2013",
    )


@feature(basic=True)
def release_surprise(publications: Lag = 12, actual: str = "actual", forecast: str = "forecast") -> FeatureSpec:
    """The last release less its forecast, by the root mean square of that for the releases before it."""
    return FeatureSpec(
        name="release_surprise",
        inputs=("releases.known_at", f"releases.{actual}", f"releases.{forecast}"),
        outputs=(f"release_surprise_{publications}",),
        params={"publications": publications},
        kernel=surprise,
        warmup=publications,
        units="standard deviations",
        theme="macro",
        tables=("releases",),
        reference="Balduzzi, Elton and Green 2001",
    )
