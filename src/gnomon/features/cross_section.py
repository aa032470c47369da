"""Features of all symbols of a moment: standing among them, beta and residual to the market or sector, market states.

They join a set by `features.cross_section: true`, or by name. `least` is the number of symbols that must have a value
at a moment; with fewer it has none. A symbol without a bar at a moment is left out of it, and so is one that is not yet
or no longer listed: nobody is there but those that were in the universe then.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lags, Window, Windows, each, feature, floats
from gnomon.kernels.cross_section import market, regimes, standing

Least = Annotated[int, Field(ge=2, le=1_000_000)]
"""Symbols that a cross-section needs; 2 or more."""

LEAST = 5
PLACE = "0 to 1, standard deviations"


@feature(cross_section=True)
def cross_return(windows: Lags = (1, 5, 20), robust: bool = False, least: Least = LEAST) -> FeatureSpec:
    """Where the return over each window stands among those of all symbols."""
    return FeatureSpec(
        name="cross_return",
        inputs=("close",),
        outputs=each(("cross_return_rank", _score("cross_return", robust)), windows),
        params={"least": least, "robust": robust, "windows": floats(*(n for window in windows for n in (window, 0)))},
        kernel=standing.growth_standing,
        warmup=max(windows),
        units=", ".join([PLACE] * len(windows)),
        theme="cross_section",
        reference="Jegadeesh 1990",
    )


@feature(cross_section=True)
def cross_momentum(
    window: Window = 120, skip: Annotated[int, Field(ge=0)] = 20, robust: bool = False, least: Least = LEAST
) -> FeatureSpec:
    """Where the return of the window, without the last `skip` bars, stands among those of all symbols."""
    if skip >= window:
        raise ValueError(f"skip must be below window, were {skip} and {window}")
    return FeatureSpec(
        name="cross_momentum",
        inputs=("close",),
        outputs=each(("cross_momentum_rank", _score("cross_momentum", robust)), (window,)),
        params={"least": least, "robust": robust, "window": window, "skip": skip},
        kernel=standing.growth_standing,
        warmup=window,
        units=PLACE,
        theme="cross_section",
        reference="Jegadeesh and Titman 1993",
    )


@feature(cross_section=True)
def cross_volatility(window: Window = 20, robust: bool = False, least: Least = LEAST) -> FeatureSpec:
    """Where the volatility stands among those of all symbols."""
    return FeatureSpec(
        name="cross_volatility",
        inputs=("close",),
        outputs=each(("cross_volatility_rank", _score("cross_volatility", robust)), (window,)),
        params={"least": least, "robust": robust, "window": window},
        kernel=standing.volatility_standing,
        warmup=window,
        units=PLACE,
        theme="cross_section",
        reference="Ang, Hodrick, Xing and Zhang 2006",
    )


@feature(cross_section=True)
def cross_volume(window: Window = 20, robust: bool = True, least: Least = LEAST) -> FeatureSpec:
    """Where the volume over its own mean stands among those of all symbols."""
    return FeatureSpec(
        name="cross_volume",
        inputs=("volume",),
        outputs=each(("cross_volume_rank", _score("cross_volume", robust)), (window,)),
        params={"least": least, "robust": robust, "window": window},
        kernel=standing.volume_standing,
        warmup=window - 1,
        units=PLACE,
        theme="cross_section",
        reference="Gervais, Kaniel and Mingelgrin 2001",
    )


@feature(cross_section=True)
def cross_liquidity(window: Window = 60, robust: bool = False, least: Least = LEAST) -> FeatureSpec:
    """Where the value traded stands among those of all symbols, on a log scale: small and idle to large and busy."""
    return FeatureSpec(
        name="cross_liquidity",
        inputs=("close", "volume"),
        outputs=each(("cross_liquidity_rank", _score("cross_liquidity", robust)), (window,)),
        params={"least": least, "robust": robust, "window": window},
        kernel=standing.liquidity_standing,
        warmup=window - 1,
        units=PLACE,
        theme="cross_section",
        reference="Brennan, Chordia and Subrahmanyam 1998",
    )


@feature(cross_section=True)
def market_beta(window: Annotated[int, Field(ge=3)] = 60, least: Least = LEAST) -> FeatureSpec:
    """Beta to the equally weighted market, the bar's residual return, correlation, volatility of the residuals."""
    return FeatureSpec(
        name="market_beta",
        inputs=("close",),
        outputs=_line("market", window),
        params={"least": least, "window": window},
        kernel=market.market_line,
        warmup=window,
        units="slope, log fraction, -1 to 1, log fraction",
        theme="cross_section",
        reference="Sharpe 1964; Fama and MacBeth 1973",
    )


@feature(cross_section=True)
def weighted_market_beta(
    window: Annotated[int, Field(ge=3)] = 60, weight: str = "volume", average: Window = 20, least: Least = LEAST
) -> FeatureSpec:
    """The same to a weighted market: by the value traded in the `average` bars before, or by a column such as a cap.

    `weight` names a column of the bars or, as `table.column`, of a side table; `volume` stands for the value traded.
    """
    traded = average if weight == "volume" else 0
    return FeatureSpec(
        name="weighted_market_beta",
        inputs=("close", weight),
        outputs=_line("weighted_market", window),
        params={"least": least, "window": window, "average": traded},
        kernel=market.weighted_market_line,
        warmup=window + max(traded, 1) - 1,
        units="slope, log fraction, -1 to 1, log fraction",
        theme="cross_section",
        tables=(weight.split(".", 1)[0],) if "." in weight else (),
        reference="Sharpe 1964; Fama and MacBeth 1973",
    )


@feature(cross_section=True)
def sector_beta(window: Annotated[int, Field(ge=3)] = 60, column: str = "sector", least: Least = LEAST) -> FeatureSpec:
    """Beta to the symbol's own sector, the bar's residual return, correlation, volatility of the residuals.

    The side table `sectors` tells which sector a symbol belonged to, by a number, and since when that was known.
    """
    return FeatureSpec(
        name="sector_beta",
        inputs=("close", f"sectors.{column}"),
        outputs=_line("sector", window),
        params={"least": least, "window": window},
        kernel=market.sector_line,
        warmup=window,
        units="slope, log fraction, -1 to 1, log fraction",
        theme="cross_section",
        tables=("sectors",),
        reference="King 1966",
    )


@feature(cross_section=True)
def residual_momentum(
    history: Annotated[int, Field(ge=3)] = 120,
    window: Window = 60,
    skip: Annotated[int, Field(ge=0)] = 5,
    robust: bool = False,
    least: Least = LEAST,
) -> FeatureSpec:
    """Sum of the residuals of a market regression over their deviation, and where it stands among all symbols."""
    if not skip + 1 < window < history:
        raise ValueError(
            f"window must be below history and above skip + 1, were {window}, {history} and {skip}: residuals of the "
            "whole history sum to 0"
        )
    names = ("residual_momentum", "residual_momentum_rank", _score("residual_momentum", robust))
    return FeatureSpec(
        name="residual_momentum",
        inputs=("close",),
        outputs=each(names, (window,)),
        params={"least": least, "robust": robust, "history": history, "window": window, "skip": skip},
        kernel=market.residual_momentum,
        warmup=history,
        units=f"standard deviations, {PLACE}",
        theme="cross_section",
        reference="Blitz, Huij and Martens 2011",
    )


@feature(cross_section=True)
def dispersion(windows: Lags = (1, 20), least: Least = LEAST) -> FeatureSpec:
    """How far the returns of the symbols over each window lie apart."""
    return FeatureSpec(
        name="dispersion",
        inputs=("close",),
        outputs=each(("dispersion",), windows),
        params={"least": least, "windows": floats(*windows)},
        kernel=regimes.dispersion,
        warmup=max(windows),
        units="log fraction",
        theme="cross_section",
        reference="Christie and Huang 1995",
    )


@feature(cross_section=True)
def market_index(windows: Windows = (5, 20), least: Least = LEAST) -> FeatureSpec:
    """Growth of the equally weighted market over each window, and its volatility."""
    return FeatureSpec(
        name="market_index",
        inputs=("close",),
        outputs=each(("market_return", "market_volatility"), windows),
        params={"least": least, "windows": floats(*windows)},
        kernel=regimes.market_index,
        warmup=max(windows),
        units="log fraction",
        theme="cross_section",
        reference="Bernhard 1979, Value Line Geometric Average",
    )


@feature(cross_section=True)
def rising_share(least: Least = LEAST) -> FeatureSpec:
    """Share of the symbols that rose."""
    return FeatureSpec(
        name="rising_share",
        inputs=("close",),
        outputs=("rising_share",),
        params={"least": least},
        kernel=regimes.rising_share,
        warmup=1,
        units="0 to 1",
        theme="cross_section",
        reference="Zweig 1986",
    )


@feature(cross_section=True)
def above_average_share(windows: Windows = (20, 60), least: Least = LEAST) -> FeatureSpec:
    """Share of the symbols above their own average of each window."""
    return FeatureSpec(
        name="above_average_share",
        inputs=("close",),
        outputs=each(("above_average_share",), windows),
        params={"least": least, "windows": floats(*windows)},
        kernel=regimes.above_average_share,
        warmup=max(windows) - 1,
        units="0 to 1",
        theme="cross_section",
        reference="Zweig 1986",
    )


def _score(name: str, robust: bool) -> str:
    return f"{name}_robust_zscore" if robust else f"{name}_zscore"


def _line(name: str, window: int) -> tuple[str, ...]:
    return each((f"{name}_beta", f"{name}_residual", f"{name}_correlation", f"{name}_residual_volatility"), (window,))
