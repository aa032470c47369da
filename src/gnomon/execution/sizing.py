"""Sizing: how much of the account a forecast is worth. Forecasts in, targets out.

A sizer says what one symbol would get if it had the account to itself; `size` divides that by the symbols in play at
the moment, caps the sum at `gross`, and keeps what stands while it would move by less than `band`. All of it is causal
and carries its state: chunks of forecasts and bars, cut anywhere in time, give the targets of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.registry import Registry
from gnomon.core.types import Array, Float64, Int64
from gnomon.data.base import TIMESTAMP
from gnomon.kernels.base import Call, Program
from gnomon.kernels.sizing import share, trailing_volatility
from gnomon.samples.base import Forecast


class Sizer(Protocol):
    """What a forecast is worth, one symbol at a time, and how the account is shared. Fields are its YAML."""

    @property
    def gross(self) -> float:
        """What the absolute targets of one moment may sum to."""
        ...

    @property
    def band(self) -> float:
        """A target that would move by less than this part of itself is not given: the standing one is kept."""
        ...

    @property
    def memory_bars(self) -> int:
        """A symbol shares in the account until so many moments after its last forecast."""
        ...

    @property
    def window_bars(self) -> int:
        """Returns that its volatility looks back on; 0 when it needs none."""
        ...

    @property
    def abstain(self) -> bool:
        """Whether only forecasts whose set of allowed classes names one side are traded."""
        ...

    def weight(
        self,
        edge: Float64[Array, " n"],
        probability: Float64[Array, "n 3"],
        volatility: Float64[Array, "n 2"],
        horizon: int,
    ) -> Float64[Array, " n"]:
        """Signed fraction of equity, as if alone; NaN for no decision.

        edge: probability of long minus short, 0 where no position may be taken. probability: of (short, flat, long).
        volatility: trailing, of one bar and of a year, as fractions; NaN until known. horizon: bars ahead.
        """
        ...


SIZERS: Registry[Sizer] = Registry("sizer")
"""Sizers by name."""


@dataclass(frozen=True, kw_only=True)
class _Shared:
    threshold: float = 0.0
    """No position unless the edge is larger than this, either way."""
    gross: float = 1.0
    band: float = 0.0
    memory_bars: int = 20
    abstain: bool = False
    """No position unless the forecast's set of allowed classes is one class: the side of its edge."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold < 1.0:
            raise ValueError(f"threshold must be from 0 to below 1 (an edge is a difference), was {self.threshold}")
        if not 0.0 < self.gross < math.inf:
            raise ValueError(f"gross must be above 0 and finite, was {self.gross}")
        if not 0.0 <= self.band < 1.0:
            raise ValueError(f"band must be from 0 to below 1, was {self.band}")
        if self.memory_bars < 0:
            raise ValueError(f"memory_bars must be 0 or more, was {self.memory_bars}")

    def direction(self, edge: Float64[Array, " n"]) -> Float64[Array, " n"]:
        """-1, 0 or 1; NaN for an edge that is NaN."""
        return np.asarray(np.where(np.abs(edge) <= self.threshold, 0.0, np.sign(edge)))


def _positive(name: str, value: float) -> None:
    if not 0.0 < value < math.inf:
        raise ValueError(f"{name} must be above 0 and finite, was {value}")


def _window(value: int) -> None:
    if value < 2:
        raise ValueError(f"window_bars must be 2 or more, was {value}")


@SIZERS.register(name="fixed")
@dataclass(frozen=True, kw_only=True)
class FixedSizer(_Shared):
    """The same `fraction` of equity on every edge above the threshold, long or short."""

    fraction: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive("fraction", self.fraction)

    @property
    def window_bars(self) -> int:
        """It needs no volatility."""
        return 0

    def weight(
        self,
        edge: Float64[Array, " n"],
        probability: Float64[Array, "n 3"],  # noqa: ARG002 - a sizer takes what it needs
        volatility: Float64[Array, "n 2"],  # noqa: ARG002
        horizon: int,  # noqa: ARG002
    ) -> Float64[Array, " n"]:
        """See `Sizer`."""
        return self.direction(edge) * self.fraction


@SIZERS.register(name="proportional")
@dataclass(frozen=True, kw_only=True)
class ProportionalSizer(_Shared):
    """Equity in proportion to the edge, all of it from an edge of `full_edge` on.

    Where returns are as wide whatever the forecast, a position in proportion to the expected return has the highest
    Sharpe ratio; its sign alone keeps sqrt(2 / pi), or 80%, of it for normal forecasts.
    """

    full_edge: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.full_edge <= 1.0:
            raise ValueError(f"full_edge must be above 0 and at most 1 (an edge is a difference), was {self.full_edge}")

    @property
    def window_bars(self) -> int:
        """It needs no volatility."""
        return 0

    def weight(
        self,
        edge: Float64[Array, " n"],
        probability: Float64[Array, "n 3"],  # noqa: ARG002 - a sizer takes what it needs
        volatility: Float64[Array, "n 2"],  # noqa: ARG002
        horizon: int,  # noqa: ARG002
    ) -> Float64[Array, " n"]:
        """See `Sizer`."""
        size = np.minimum(np.abs(edge) / self.full_edge, 1.0)
        return np.asarray(self.direction(edge) * size)


@SIZERS.register(name="volatility_target")
@dataclass(frozen=True, kw_only=True)
class VolatilityTargetSizer(_Shared):
    """Positions whose volatility over a year would be `annual_volatility`, at most `max_weight` of equity.

    Moreira and Muir 2017, "Volatility-managed portfolios", with the sign of the edge. Volatility is that of the last
    `window_bars` returns, put on a year by calendar time; no position is decided until they are there.
    """

    annual_volatility: float = 0.10
    window_bars: int = 60
    max_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive("annual_volatility", self.annual_volatility)
        _positive("max_weight", self.max_weight)
        _window(self.window_bars)

    def weight(
        self,
        edge: Float64[Array, " n"],
        probability: Float64[Array, "n 3"],  # noqa: ARG002 - a sizer takes what it needs
        volatility: Float64[Array, "n 2"],
        horizon: int,  # noqa: ARG002
    ) -> Float64[Array, " n"]:
        """See `Sizer`."""
        yearly = volatility[:, 1]
        # A price that has not moved has no volatility to target: the cap decides.
        size = np.minimum(self.annual_volatility / np.maximum(yearly, 1e-12), self.max_weight)
        return np.asarray(self.direction(edge) * size)


@SIZERS.register(name="kelly")
@dataclass(frozen=True, kw_only=True)
class KellySizer(_Shared):
    """A `fraction` of the bet that grows the account fastest, at most `cap` of equity.

    Kelly 1956: a bet that wins m with probability p and loses m with probability q grows fastest at (p - q) / (m (p +
    q)). Here p and q are the probabilities of long and short, and m is the trailing volatility of a bar times the
    square root of the horizon. Forecasts are never as good as they say: a quarter is a common fraction (Thorp 2006).
    """

    fraction: float = 0.25
    cap: float = 1.0
    window_bars: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        _positive("fraction", self.fraction)
        _positive("cap", self.cap)
        _window(self.window_bars)

    def weight(
        self,
        edge: Float64[Array, " n"],
        probability: Float64[Array, "n 3"],
        volatility: Float64[Array, "n 2"],
        horizon: int,
    ) -> Float64[Array, " n"]:
        """See `Sizer`."""
        move = np.maximum(volatility[:, 0] * math.sqrt(horizon), 1e-12)
        decided = np.maximum(probability[:, 0] + probability[:, 2], 1e-12)
        full = np.abs(edge) / (move * decided)
        return np.asarray(self.direction(edge) * np.minimum(self.fraction * full, self.cap))


@dataclass
class SizingState:
    """What sizing remembers of the bars and targets before a chunk; save `numbers` and give them back to go on."""

    symbols: Sequence[str]
    sizer: Sizer
    numbers: Float64[Array, " size"] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        size = 1 + len(self.symbols) * (2 + self.program.new_state().size)
        if self.numbers.size == 0:
            self.numbers = np.zeros(size)
            self.numbers[1 + len(self.symbols) : 1 + 2 * len(self.symbols)] = np.nan
        if self.numbers.size != size:
            raise DataError(
                f"the saved sizing state has {self.numbers.size} numbers, this sizer needs {size}: "
                "the symbols or the window have changed since it was saved"
            )

    @cached_property
    def program(self) -> Program:
        """Trailing volatility, or nothing where the sizer needs none."""
        window = self.sizer.window_bars
        return Program([Call(trailing_volatility, (0, 1), (float(window),))] if window else [])

    @property
    def seen(self) -> Float64[Array, " symbols"]:
        """The number of each symbol's last moment, 0 for none."""
        return self.numbers[1 : 1 + len(self.symbols)]

    @property
    def standing(self) -> Float64[Array, " symbols"]:
        """Each symbol's last target, NaN for none."""
        return self.numbers[1 + len(self.symbols) : 1 + 2 * len(self.symbols)]

    def memory(self, symbol: int) -> Float64[Array, " size"]:
        """The state of one symbol's volatility."""
        size = self.program.new_state().size
        begin = 1 + 2 * len(self.symbols) + symbol * size
        return self.numbers[begin : begin + size]


def size(sizer: Sizer, forecast: Forecast, bars: pl.DataFrame, *, state: SizingState | None = None) -> pl.DataFrame:
    """Targets for each row of the forecast: timestamp, symbol, target (null where the standing one is kept).

    Where the forecast says which classes are allowed, a side that is not gets no position; with `sizer.abstain` the set
    must name that side and nothing else.

    Sorted by timestamp and symbol. bars: timestamp, symbol, close; those of the forecast's symbols are read up to each
    row's `known_at`, never beyond. Give a `state` to go on from earlier chunks; a chunk holds all that is of its time.
    """
    state = SizingState(forecast.symbols, sizer) if state is None else state
    if tuple(state.symbols) != tuple(forecast.symbols):
        raise DataError(f"the sizing state is for {list(state.symbols)}, the forecast for {list(forecast.symbols)}")
    volatility = _volatility(forecast, bars, state)
    edge = forecast.edge().astype(np.float64)
    if forecast.allowed is not None:
        side = np.where(edge < 0.0, forecast.allowed[:, 0], forecast.allowed[:, 2])
        if sizer.abstain:
            side &= forecast.allowed.sum(axis=1) == 1
        edge = np.where(side, edge, 0.0)
    elif sizer.abstain:
        raise DataError(
            "sizing.abstain needs forecasts with sets of allowed classes, these have none; set training.conformal, or "
            "leave sizing.abstain out"
        )
    weight = sizer.weight(edge, forecast.probability, volatility, forecast.horizon).astype(np.float64)
    order = np.lexsort((forecast.symbol, forecast.known_at))
    known_at, symbol, target = forecast.known_at[order], forecast.symbol[order], weight[order]
    starts = np.flatnonzero(np.diff(known_at, prepend=known_at[:1] - 1))
    bounds = np.append(starts, len(known_at)).astype(np.int64)
    state.numbers[0] = share(
        state.seen,
        state.standing,
        state.numbers[0],
        bounds,
        symbol.astype(np.int64),
        target,
        sizer.gross,
        sizer.memory_bars,
        sizer.band,
    )
    return pl.DataFrame(
        [
            pl.Series("timestamp", known_at, dtype=pl.Int64).cast(TIMESTAMP),
            pl.Series("symbol", forecast.symbols, dtype=pl.String).gather(symbol),
            pl.Series("target", target).fill_nan(None),
        ]
    )


def _volatility(forecast: Forecast, bars: pl.DataFrame, state: SizingState) -> Float64[Array, "n 2"]:
    """Each row's trailing volatility of a bar and of a year, from its symbol's bars up to its own moment."""
    found = np.full((len(forecast), 2), np.nan)
    if not state.sizer.window_bars:
        return found
    for code, name in enumerate(forecast.symbols):
        own = bars.filter(pl.col("symbol") == name).sort("timestamp")
        times: Int64[Array, " n"] = own["timestamp"].cast(TIMESTAMP).to_physical().to_numpy()
        closes = own["close"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        out = np.empty((2, len(own)))
        state.program(state.memory(code), np.ascontiguousarray([times.astype(np.float64), closes]), out)
        rows = np.flatnonzero(forecast.symbol == code)
        at = np.searchsorted(times, forecast.known_at[rows])
        here = at < len(times)
        here[here] = times[at[here]] == forecast.known_at[rows[here]]
        found[rows[here]] = out[:, at[here]].T
    return found
