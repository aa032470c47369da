"""Markets whose truth is known: nulls, in which nothing can be earned but by luck, and planted ones, with a known edge.

All are daily bars of one symbol whose open is the last close, so that what is decided at a close earns the next move
whole, and no cost, gap or tick stands between a model and the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64
from gnomon.data.base import TIMESTAMP, Query
from gnomon.data.sources.embedded import EmbeddedDataSource

VOLATILITY = 0.01
"""Of a day, as a fraction."""
DEGREES = 5.0
"""Of freedom, of the Student t shocks."""
DRIFT = 0.0004
"""A day, of the market that only drifts: 10% a year."""
BLOCK = 20
"""Bars of a block whose sign is drawn together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownMarket:
    """Bars, the features that models may see (None: those of the bars by the registry), and the true signal if any.

    `oracle[t]`: the best forecast of the move after bar t, in units of its deviation; None where there is none.
    """

    name: str
    bars: pl.DataFrame
    features: pl.DataFrame | None = None
    oracle: Float64[Array, " t"] | None = None


def student(chance: np.random.Generator, count: int) -> Float64[Array, " t"]:
    """Student t shocks of variance 1."""
    return np.asarray(chance.standard_t(DEGREES, count) * np.sqrt((DEGREES - 2.0) / DEGREES))


def bars_of(returns: Float64[Array, " t"], chance: np.random.Generator) -> pl.DataFrame:
    """Daily bars with these close-to-close simple returns; each opens at the last close."""
    close = 100.0 * np.cumprod(1.0 + returns)
    before = np.append(100.0, close[:-1])
    reach = np.abs(chance.normal(0.0, 0.3 * VOLATILITY, (2, len(close))))
    first = np.datetime64("1990-01-01T21:00", "us")
    stamps = pl.Series("timestamp", first + np.arange(len(close)) * np.timedelta64(1, "D")).dt.replace_time_zone("UTC")
    return pl.DataFrame(
        {
            "timestamp": stamps.cast(TIMESTAMP),
            "symbol": "NULL",
            "open": before,
            "high": np.maximum(before, close) * (1.0 + reach[0]),
            "low": np.minimum(before, close) * (1.0 - reach[1]),
            "close": close,
            "volume": np.ceil(1e6 * np.exp(chance.normal(0.0, 0.3, len(close)))),
        }
    )


def iid(seed: int, bars: int) -> KnownMarket:
    """Independent Student t returns with 5 degrees of freedom."""
    chance = generator(seed, "iid")
    return KnownMarket(name="iid", bars=bars_of(VOLATILITY * student(chance, bars), chance))


def garch(seed: int, bars: int) -> KnownMarket:
    """GARCH(1,1) volatility with Student t shocks: its size can be forecast, its direction cannot."""
    chance = generator(seed, "garch")
    shocks, returns, variance = student(chance, bars), np.empty(bars), VOLATILITY**2
    for t, shock in enumerate(shocks.tolist()):
        returns[t] = shock * np.sqrt(variance)
        variance = 0.02 * VOLATILITY**2 + (0.08 * shock * shock + 0.90) * variance
    return KnownMarket(name="garch", bars=bars_of(np.maximum(returns, -0.5), chance))


def signed_blocks(seed: int, bars: int) -> KnownMarket:
    """Real returns in blocks drawn at random, each block with a random sign: real shapes without a direction."""
    chance = generator(seed, "blocks")
    real = _real_returns()
    starts = chance.integers(0, len(real) - BLOCK, bars // BLOCK + 1)
    signs = chance.choice([-1.0, 1.0], len(starts))
    blocks = [sign * real[start : start + BLOCK] for start, sign in zip(starts, signs, strict=True)]
    return KnownMarket(name="signed_blocks", bars=bars_of(np.concatenate(blocks)[:bars], chance))


def permuted(seed: int, bars: int) -> KnownMarket:
    """The features of the real market beside its returns in another order: they know nothing of each other."""
    from gnomon.features.sets import FeatureSet

    chance = generator(seed, "permuted")
    real = _real_returns()
    start = int(chance.integers(0, len(real) - bars)) if len(real) > bars else 0
    own = real[start : start + bars]
    features = FeatureSet.basic().compute(bars_of(own, generator(seed, "real")))
    return KnownMarket(name="permuted", bars=bars_of(chance.permutation(own), chance), features=features)


def drift(seed: int, bars: int) -> KnownMarket:
    """Independent returns that rise by 10% a year: an edge has to beat holding it."""
    chance = generator(seed, "drift")
    return KnownMarket(name="drift", bars=bars_of(DRIFT + VOLATILITY * student(chance, bars), chance))


NULLS: dict[str, Callable[[int, int], KnownMarket]] = {
    "iid": iid,
    "garch": garch,
    "signed_blocks": signed_blocks,
    "permuted": permuted,
    "drift": drift,
}
"""Every kind of null market, by name: of a seed and a number of bars."""


def planted(seed: int, bars: int, *, ic: float = 0.10, features: int = 20) -> KnownMarket:
    """A market whose next move correlates by `ic` with a weighted sum of `features` independent normal columns.

    The oracle knows the weights; held in proportion, it earns a Sharpe ratio of `ic` a bar (1.59 a year of 252 bars
    for 0.10). With `ic` 0 the features know nothing.
    """
    if not 0.0 <= ic < 1.0:
        raise ValueError(f"ic must be from 0 to below 1, was {ic}")
    chance = generator(seed, "planted", str(features))
    columns = chance.standard_normal((bars, features))
    weights = chance.standard_normal(features)
    signal = columns @ (weights / np.sqrt(weights @ weights))
    moves = np.empty(bars)
    blind = student(chance, bars)
    moves[0] = blind[0]
    moves[1:] = ic * signal[:-1] + np.sqrt(1.0 - ic * ic) * blind[1:]
    made = bars_of(np.maximum(VOLATILITY * moves, -0.5), chance)
    table = pl.DataFrame(columns.astype(np.float32), schema=[f"f{number:02d}" for number in range(features)])
    return KnownMarket(
        name="planted", bars=made, features=made.select("timestamp", "symbol").hstack(table), oracle=signal
    )


def _real_returns() -> Float64[Array, " t"]:
    """Daily returns of the S&P 500, 1999-2018, as they come in the box."""
    close = EmbeddedDataSource(symbols=("SP500",)).load(Query()).sort("timestamp")["close"].to_numpy()
    return np.asarray(close[1:] / close[:-1] - 1.0)
