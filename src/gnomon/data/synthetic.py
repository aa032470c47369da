"""Synthetic markets that look like markets: clustered volatility, fat tails, correlation, sessions, honest OHLC.

Bars come from a continuous path: within a bar the log price is a Brownian bridge between open and close, whose highest
and lowest points are drawn from their exact law, so ranges estimate volatility as they do in real data. Volatility
moves from session to session (GARCH(1,1) or two regimes), shocks are multivariate Student t, and within a session
variance and volume are U-shaped.

With `signal_ic` the market also carries a column `signal`: a forecast made at each close of the next bar's move, with
that information coefficient. Without it, and without drift, there is no edge to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64, Int64
from gnomon.data.base import BAR_SCHEMA, TIMESTAMP
from gnomon.data.calendars import ALWAYS, check_calendar, expected_stamps, parse_frequency, periods_per_year, sessions

ALPHA, BETA = 0.08, 0.90
"""GARCH(1,1): weight of the last session's squared shock, and of its variance; the rest is the long-run level."""
CALM, WILD = 0.55, 2.1
"""Variances of the two regimes, relative to their average."""
TO_WILD, TO_CALM = 0.02, 0.049
"""Chances, a session, to change regime; with these the long-run average of the variances is 1."""


@dataclass(frozen=True, kw_only=True)
class Market:
    """What kind of market is made; the same fields and seed give the same bits."""

    symbols: int | tuple[str, ...] = 4
    """How many (named SYN001, SYN002, ...), or which."""
    start: date = date(2010, 1, 1)
    end: date = date(2020, 1, 1)
    """The first date, and the date before which it ends."""
    frequency: str = "1d"
    calendar: str = "XNYS"
    seed: int = 7
    volatility: float = 0.20
    """Annual, as a fraction."""
    drift: float = 0.0
    """Expected annual growth, as a fraction."""
    model: Literal["garch", "regime", "constant"] = "garch"
    degrees_of_freedom: float = 5.0
    """Of the Student t shocks; above 2."""
    correlation: float = 0.3
    """Between the shocks of any two symbols."""
    overnight: float = 0.2
    """Share of a session's variance that happens before its open; none on 24/7."""
    signal_ic: float | None = None
    """Correlation of the column `signal` at a close with the next bar's move from open to close."""
    late_listings: float = 0.0
    """Share of symbols that are listed some time in the first half."""
    delistings: float = 0.0
    """Share of symbols that are delisted some time in the second half."""
    price: float = 100.0
    tick: float = 0.01
    """Prices are multiples of it; 0 for none."""
    volume: float = 1_000_000.0
    """A session's typical volume."""

    def __post_init__(self) -> None:
        check_calendar(self.calendar)
        parse_frequency(self.frequency)
        count = self.symbols if isinstance(self.symbols, int) else len(set(self.symbols))
        if count < 1 or (not isinstance(self.symbols, int) and count != len(self.symbols)):
            raise ConfigError(f"symbols must be a count above zero or distinct names, was {self.symbols}")
        if self.start >= self.end:
            raise ConfigError(f"start {self.start} is not before end {self.end}")
        limits = {
            "volatility": (0.0, 10.0),
            "correlation": (0.0, 1.0),
            "overnight": (0.0, 0.95),
            "late_listings": (0.0, 1.0),
            "delistings": (0.0, 1.0),
            "tick": (0.0, self.price / 10),
            "signal_ic": (-1.0, 1.0),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ConfigError(f"{name} must be from {low:g} to {high:g}, was {value}")
        if not self.degrees_of_freedom > 2:
            raise ConfigError(f"degrees_of_freedom must be above 2, was {self.degrees_of_freedom}")
        if not (self.price > 0 and self.volume > 0):
            raise ConfigError(f"price and volume must be above zero, were {self.price} and {self.volume}")

    def names(self) -> tuple[str, ...]:
        """The symbols, sorted."""
        if isinstance(self.symbols, int):
            width = max(3, len(str(self.symbols)))
            return tuple(f"SYN{number:0{width}}" for number in range(1, self.symbols + 1))
        return tuple(sorted(self.symbols))


@dataclass(frozen=True, eq=False)
class Grid:
    """The market's time: a stamp a bar, the session of each bar, and its share of the session's variance."""

    stamps: pl.Series
    session: Int64[Array, " t"]
    first: Int64[Array, " sessions"]
    share: Float64[Array, " t"]
    crowd: Float64[Array, " t"]
    sessions_per_year: float


def market_bars(market: Market) -> pl.DataFrame:
    """The market's bars, sorted by symbol and timestamp, with a column `signal` when `signal_ic` is set."""
    return pl.concat(list(iterate_bars(market)))


def iterate_bars(market: Market) -> Iterator[pl.DataFrame]:
    """The same bars a symbol at a time, for markets larger than memory."""
    grid = _grid(market)
    common = _shocks(market, grid, "market")
    tails = _tails(market, grid)
    regime = _regimes(market, len(grid.first))
    lives = universe(market, grid.stamps)
    for symbol, listed, delisted in lives.iter_rows():
        bars = _symbol_bars(market, grid, symbol, common, tails, regime)
        yield bars.filter(pl.col("timestamp").is_between(listed, delisted or grid.stamps[-1]))


def universe(market: Market, stamps: pl.Series | None = None) -> pl.DataFrame:
    """When each symbol is listed and delisted: `symbol`, `listed` (its first bar), `delisted` (its last, or null)."""
    stamps = _grid(market).stamps if stamps is None else stamps
    names = market.names()
    chance = generator(market.seed, "universe")
    late = set(chance.permutation(len(names))[: round(market.late_listings * len(names))].tolist())
    gone = set(chance.permutation(len(names))[: round(market.delistings * len(names))].tolist())
    spots = chance.random((len(names), 2))
    half = len(stamps) // 2
    rows = []
    for number, symbol in enumerate(names):
        first = int(spots[number, 0] * half) if number in late else 0
        last = stamps[half + int(spots[number, 1] * (len(stamps) - half - 1))] if number in gone else None
        rows.append((symbol, stamps[first], last))
    return pl.DataFrame(rows, schema={"symbol": pl.String, "listed": TIMESTAMP, "delisted": TIMESTAMP}, orient="row")


def _grid(market: Market) -> Grid:
    start = datetime(market.start.year, market.start.month, market.start.day, tzinfo=UTC)
    end = datetime(market.end.year, market.end.month, market.end.day, tzinfo=UTC)
    stamps = expected_stamps(market.calendar, market.frequency, start, end)
    if len(stamps) < 2:
        raise ConfigError(f"{market.calendar} has {len(stamps)} bars of {market.frequency} from {start:%F} to {end:%F}")
    micros = stamps.cast(pl.Int64).to_numpy()
    closes = sessions(market.calendar, start, end).close
    held = np.searchsorted(closes, micros)
    _, first, session, counts = np.unique(held, return_index=True, return_inverse=True, return_counts=True)
    place = (np.arange(len(micros)) - first[session] + 0.5) / counts[session]
    depth = 0.3 if market.calendar == ALWAYS else 1.5
    crowd = 1.0 + depth * (2.0 * place - 1.0) ** 2
    crowd /= np.add.reduceat(crowd, first)[session]
    # A bar of a week holds the variance of its sessions.
    per_year = periods_per_year(stamps.gather(first)) if len(first) > 1 else 252.0
    return Grid(stamps, session, first, crowd * (1.0 - _gap_share(market)), crowd, per_year)


def _gap_share(market: Market) -> float:
    return 0.0 if market.calendar == ALWAYS else market.overnight


def _shocks(market: Market, grid: Grid, *names: str) -> tuple[Float64[Array, " t"], Float64[Array, " sessions"]]:
    """Standard normal shocks of the bars and of the gaps before sessions."""
    chance = generator(market.seed, "shocks", *names)
    return chance.standard_normal(len(grid.session)), chance.standard_normal(len(grid.first))


def _tails(market: Market, grid: Grid) -> tuple[Float64[Array, " t"], Float64[Array, " sessions"]]:
    """What makes normals Student t of variance one, the same for all symbols at a time: they fall together."""
    chance, freedom = generator(market.seed, "tails"), market.degrees_of_freedom
    scale = freedom - 2.0
    return (
        np.sqrt(scale / chance.chisquare(freedom, len(grid.session))),
        np.sqrt(scale / chance.chisquare(freedom, len(grid.first))),
    )


def _regimes(market: Market, count: int) -> Float64[Array, " sessions"]:
    """The variance of each session's regime, relative to the average; one Markov chain for the whole market."""
    draws = generator(market.seed, "regimes").random(count)
    variance, wild = np.empty(count), False
    for number in range(count):
        wild = draws[number] >= TO_CALM if wild else draws[number] < TO_WILD
        variance[number] = WILD if wild else CALM
    return variance


def _variances(
    market: Market, level: float, shocks: Float64[Array, " sessions"], regime: Float64[Array, " sessions"]
) -> Float64[Array, " sessions"]:
    """Each session's variance: known before the session begins."""
    if market.model == "constant":
        return np.full(len(shocks), level)
    if market.model == "regime":
        return level * regime
    variance = np.empty(len(shocks))
    now = level
    for number, shock in enumerate(shocks.tolist()):
        variance[number] = now
        now = level * (1.0 - ALPHA - BETA) + (ALPHA * shock * shock + BETA) * now
    return variance


def _symbol_bars(
    market: Market,
    grid: Grid,
    symbol: str,
    common: tuple[Float64[Array, " t"], Float64[Array, " sessions"]],
    tails: tuple[Float64[Array, " t"], Float64[Array, " sessions"]],
    regime: Float64[Array, " sessions"],
) -> pl.DataFrame:
    own = _shocks(market, grid, symbol)
    mix = np.sqrt(market.correlation), np.sqrt(1.0 - market.correlation)
    shock, gap = ((mix[0] * c + mix[1] * o) * t for c, o, t in zip(common, own, tails, strict=True))
    gap_share = _gap_share(market)
    whole = np.add.reduceat(np.sqrt(grid.share) * shock, grid.first) + np.sqrt(gap_share) * gap
    level = market.volatility**2 / grid.sessions_per_year
    variance = _variances(market, level, whole, regime)
    spread = variance[grid.session] * grid.share
    growth = market.drift / grid.sessions_per_year
    move = np.sqrt(spread) * shock - 0.5 * spread + growth * grid.share
    jump = np.zeros(len(move))
    jump[grid.first] = np.sqrt(variance * gap_share) * gap - 0.5 * variance * gap_share + growth * gap_share
    jump[0] = 0.0
    path = np.cumsum(jump + move)
    chance = generator(market.seed, "paths", symbol)
    # The law of a Brownian bridge's maximum: P(max > m) = exp(-2 m (m - x) / variance), m >= max(0, x).
    reach = np.log(chance.random((2, len(move))) + np.finfo(float).tiny)
    up = 0.5 * (move + np.sqrt(move * move - 2.0 * spread * reach[0]))
    down = 0.5 * (move - np.sqrt(move * move - 2.0 * spread * reach[1]))
    before = market.price * np.exp(path - move)
    close = market.price * np.exp(path)
    high = np.maximum(before * np.exp(up), np.maximum(before, close))
    low = np.minimum(before * np.exp(down), np.minimum(before, close))
    crowd = grid.crowd * np.sqrt(variance[grid.session] / level) * (0.6 + 0.5 * np.abs(shock))
    volume = np.ceil(market.volume * crowd * np.exp(0.4 * chance.standard_normal(len(move)) - 0.08))
    columns = {
        "timestamp": grid.stamps,
        "symbol": pl.Series([symbol]).new_from_index(0, len(move)),
        **{
            name: _ticks(values, market.tick)
            for name, values in (("open", before), ("high", high), ("low", low), ("close", close))
        },
        "volume": volume,
    }
    if market.signal_ic is not None:
        blind = chance.standard_normal(len(move))
        ahead = np.append(shock[1:], 0.0)
        columns["signal"] = market.signal_ic * ahead + np.sqrt(1.0 - market.signal_ic**2) * blind
    return pl.DataFrame(columns).select(*BAR_SCHEMA, *(["signal"] if "signal" in columns else []))


def _ticks(prices: Float64[Array, " t"], tick: float) -> Float64[Array, " t"]:
    """Prices on the tick, at least one; rounding keeps their order."""
    if tick == 0.0:
        return prices
    steps = np.maximum(np.rint(prices / tick), 1.0)
    inverse = round(1.0 / tick)
    # 12345 / 100 is the float nearest to 123.45; 12345 * 0.01 is not.
    return steps / inverse if abs(inverse * tick - 1.0) < 1e-12 else steps * tick
