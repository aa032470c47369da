"""Features of what is written about a symbol: scores of sentiment, and embeddings of the news.

They join the default set where a config declares a table of that name. `publications` are counted in publications.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import Lag, Window, feature
from gnomon.kernels.indicators.publications import latest, publication_momentum, publication_spread

Size = Annotated[int, Field(ge=1, le=4096)]


@feature(basic=True)
def sentiment_level(column: str = "score") -> FeatureSpec:
    """The last score of sentiment."""
    return FeatureSpec(
        name="sentiment_level",
        inputs=(f"sentiment.{column}",),
        outputs=("sentiment_level",),
        params={"columns": 1.0},
        kernel=latest,
        warmup=0,
        units="of the score",
        theme="sentiment",
        tables=("sentiment",),
        reference="Tetlock 2007",
    )


@feature(basic=True)
def sentiment_momentum(fast: Lag = 3, slow: Lag = 20, column: str = "score") -> FeatureSpec:
    """Mean of the last few scores less that of the last many."""
    if fast >= slow:
        raise ValueError(f"fast must be below slow, were {fast} and {slow}")
    return FeatureSpec(
        name="sentiment_momentum",
        inputs=("sentiment.known_at", f"sentiment.{column}"),
        outputs=(f"sentiment_momentum_{fast}_{slow}",),
        params={"fast": fast, "slow": slow},
        kernel=publication_momentum,
        warmup=slow - 1,
        units="of the score",
        theme="sentiment",
        tables=("sentiment",),
        reference="Tetlock 2007",
    )


@feature(basic=True)
def sentiment_dispersion(publications: Window = 20, column: str = "score") -> FeatureSpec:
    """Standard deviation of the last scores: how far opinions lie apart."""
    return FeatureSpec(
        name="sentiment_dispersion",
        inputs=("sentiment.known_at", f"sentiment.{column}"),
        outputs=(f"sentiment_dispersion_{publications}",),
        params={"publications": publications, "scaled": 0.0},
        kernel=publication_spread,
        warmup=publications - 1,
        units="of the score",
        theme="sentiment",
        tables=("sentiment",),
        reference="Antweiler and Frank 2004",
    )


@feature(by_name=True)
def news_embedding(size: Size = 8, column: str = "embedding") -> FeatureSpec:
    """The vector of the last news, a column an element; `training.projection` makes few columns of the many."""
    return FeatureSpec(
        name="news_embedding",
        inputs=tuple(f"news.{column}_{k}" for k in range(size)),
        outputs=tuple(f"news_{k}" for k in range(size)),
        params={"columns": float(size)},
        kernel=latest,
        warmup=0,
        units="of the vector",
        theme="sentiment",
        tables=("news",),
        reference="Reimers and Gurevych 2019",
    )
