"""Features of side tables about those who hold a symbol: funding, open interest, the chain beneath a coin.

The tables are per symbol. They join the default set where a config declares a table of that name; a symbol that a
declared table does not know has no value and never warms up. `publications` are counted in publications, not in bars.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lags, Window, feature, floats
from gnomon.kernels.indicators.publications import carry, latest, publication_change, publication_spread

Hours = Annotated[float, Field(gt=0)]


@feature(basic=True)
def funding_rate(column: str = "rate") -> FeatureSpec:
    """The last funding rate: what a long position in a perpetual future paid for the period."""
    return FeatureSpec(
        name="funding_rate",
        inputs=(f"funding.{column}",),
        outputs=("funding_rate",),
        params={"columns": 1.0},
        kernel=latest,
        warmup=0,
        theme="positioning",
        tables=("funding",),
        reference="He, Manela, Ross and von Wachter 2022",
    )


@feature(basic=True)
def funding_zscore(publications: Window = 30, column: str = "rate") -> FeatureSpec:
    """Standard deviations of the funding rate from the mean of its last settlements."""
    return FeatureSpec(
        name="funding_zscore",
        inputs=("funding.known_at", f"funding.{column}"),
        outputs=(f"funding_zscore_{publications}",),
        params={"publications": publications, "scaled": 1.0},
        kernel=publication_spread,
        warmup=publications - 1,
        units="standard deviations",
        theme="positioning",
        tables=("funding",),
        reference="He, Manela, Ross and von Wachter 2022",
    )


@feature(basic=True)
def funding_carry(window: Window = 20, hours: Hours = 8.0, column: str = "rate") -> FeatureSpec:
    """Funding that a long position paid over the window: the rate known at each bar, for the time since the last."""
    return FeatureSpec(
        name="funding_carry",
        inputs=("timestamp", f"funding.{column}"),
        outputs=(f"funding_carry_{window}",),
        params={"window": window, "hours": hours},
        kernel=carry,
        warmup=window,
        theme="positioning",
        tables=("funding",),
        reference="Koijen, Moskowitz, Pedersen and Vrugt 2018",
    )


@feature(basic=True)
def open_interest_change(publications: Lags = (1, 5), column: str = "open_interest") -> FeatureSpec:
    """Log change of the open interest over its last publications."""
    return FeatureSpec(
        name="open_interest_change",
        inputs=("open_interest.known_at", f"open_interest.{column}"),
        outputs=tuple(f"open_interest_change_{count}" for count in publications),
        params={"logs": 1.0, "publications": floats(*publications)},
        kernel=publication_change,
        warmup=max(publications),
        units="log fraction",
        theme="positioning",
        tables=("open_interest",),
        reference="Hong and Yogo 2012",
    )


@feature(basic=True)
def chain_activity_change(publications: Lags = (1, 7), column: str = "activity") -> FeatureSpec:
    """Log change of the activity on the chain (active addresses, transactions) over its last publications."""
    return FeatureSpec(
        name="chain_activity_change",
        inputs=("on_chain.known_at", f"on_chain.{column}"),
        outputs=tuple(f"chain_activity_change_{count}" for count in publications),
        params={"logs": 1.0, "publications": floats(*publications)},
        kernel=publication_change,
        warmup=max(publications),
        units="log fraction",
        theme="positioning",
        tables=("on_chain",),
        reference="Liu and Tsyvinski 2021",
    )


@feature(basic=True)
def exchange_flow_zscore(publications: Window = 30, column: str = "exchange_flow") -> FeatureSpec:
    """Standard deviations of the net flow of coins to exchanges from the mean of its last publications."""
    return FeatureSpec(
        name="exchange_flow_zscore",
        inputs=("on_chain.known_at", f"on_chain.{column}"),
        outputs=(f"exchange_flow_zscore_{publications}",),
        params={"publications": publications, "scaled": 1.0},
        kernel=publication_spread,
        warmup=publications - 1,
        units="standard deviations",
        theme="positioning",
        tables=("on_chain",),
        reference="Hoang and Baur 2022",
    )
