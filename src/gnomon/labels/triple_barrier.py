"""The triple-barrier method: which comes first, a rise, a fall, or the end of patience."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64, Int8, Int64
from gnomon.data.frames import Frame, as_bars
from gnomon.kernels import barriers
from gnomon.labels.base import LABELERS
from gnomon.labels.table import (
    Labelled,
    Prices,
    Weighting,
    check_choices,
    check_horizons,
    check_volatility,
    ewm_volatility,
    label_bars,
)


@LABELERS.register(name="triple_barrier")
@dataclass(frozen=True, kw_only=True)
class TripleBarrier:
    """Labels each bar at several horizons by the first barrier that the price touches afterwards.

    1: the price rose by `upper` volatilities first; -1: it fell by `lower` volatilities first; 0: neither within the
    horizon. The volatility is known at the close of the labelled bar. `forward_return` runs from the entry to the touch
    (or the horizon), before costs. Where nothing can be decided, because the data end first, or the volatility is not
    known yet or zero, label, end and return are null and the weight is 0.

    With a `side` in `entries` the labels are meta-labels: `upper` takes profit and `lower` stops the loss of a bet on
    that side; 1 if it gained after costs, else 0; `forward_return` is the bet's.

    Reference: López de Prado 2018, ch. 3 (barriers, meta-labels) and ch. 4 (weights).
    """

    horizons: tuple[int, ...] = (5, 10, 15, 20)
    """Bars until the vertical barrier; labels are made for each."""
    upper: float = 1.0
    lower: float = 1.0
    """Distance of the barriers in volatilities; infinity takes one away."""
    scale: Literal["horizon", "bar"] = "horizon"
    """Volatilities are those of the whole horizon (a bar's times its square root), or of one bar."""
    volatility_span: int = 100
    volatility_warmup: int = 20
    cost_bps: float = 0.0
    """Cost of a round trip: a barrier that takes a profit moves this much further away."""
    entry: Literal["next_open", "close"] = "next_open"
    """`next_open` is where the ledger fills a decision of this close; `close` is the textbook's."""
    touch: Literal["close", "high_low"] = "close"
    """Bars are judged by their close, the one price at which the ledger decides, or by their high and low."""
    at_horizon: Literal["flat", "sign"] = "flat"
    """Label when no barrier was touched: 0, or the sign of the return after costs."""
    weighting: Weighting = "uniqueness"
    """A label counts by the share of its life that it had to itself, by the return that is its own, or as any other."""

    def __post_init__(self) -> None:
        check_horizons(self.horizons)
        for name in ("upper", "lower"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0 volatilities, was {getattr(self, name)}")
        if not 0 <= self.cost_bps < 10_000:
            raise ValueError(f"cost_bps must be at least 0 and below 10000, was {self.cost_bps}")
        check_choices(self)
        check_volatility(self.volatility_span, self.volatility_warmup)

    def label(self, bars: pl.DataFrame, entries: pl.DataFrame | None = None) -> pl.DataFrame:
        """One row an entry and horizon, as `LABEL_SCHEMA`, sorted by symbol, timestamp, horizon; default: every bar.

        Raises DataError for bars that lack a column, repeat a moment, or are fewer than the longest horizon needs, and
        for entries that are no bars.
        """
        return label_bars(
            bars, entries, horizons=self.horizons, weighting=self.weighting, label_symbol=self._label_symbol
        )

    def volatility(self, close: Float64[Array, " bars"]) -> Float64[Array, " bars"]:
        """The volatility of one bar that the barriers stand on: known at each close, NaN during the warm-up."""
        return ewm_volatility(close, span=self.volatility_span, warmup=self.volatility_warmup)

    def _label_symbol(self, prices: Prices, events: Int64[Array, " n"], side: Int8[Array, " n"]) -> Labelled:
        volatility = self.volatility(prices.close)[events]
        shape = len(self.horizons), events.size
        label, end, forward_return = np.empty(shape, np.int8), np.empty(shape, np.int64), np.empty(shape)
        for h, horizon in enumerate(self.horizons):
            stretch = float(np.sqrt(horizon)) if self.scale == "horizon" else 1.0
            barriers.triple_barrier(
                *prices,
                events,
                side,
                volatility,
                self.upper * stretch,
                self.lower * stretch,
                horizon,
                self.cost_bps / 1e4,
                self.entry == "next_open",
                self.touch == "high_low",
                self.at_horizon == "sign",
                (label[h], end[h], forward_return[h]),
            )
        return Labelled(label.T, end.T, forward_return.T)


def triple_barrier(bars: Frame, *, entries: Frame | None = None, **fields: Any) -> pl.DataFrame:
    """Triple-barrier labels of bars, in polars or pandas; the keywords are the fields of `TripleBarrier`.

    >>> from datetime import UTC, datetime, timedelta
    >>> close = [100.0, 101.0, 100.0, 101.0, 103.0, 103.0]
    >>> stamps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(6)]
    >>> bars = pl.DataFrame({"timestamp": stamps, "symbol": "A", "open": close, "high": close, "low": close,
    ...                      "close": close}).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))
    >>> triple_barrier(bars, horizons=(2,), volatility_warmup=2, entry="close")["label"].to_list()
    [None, None, 1, 1, None, None]
    """
    return TripleBarrier(**fields).label(as_bars(bars), None if entries is None else as_bars(entries))
