"""Trend scanning: the sign of the most significant trend that begins at a bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64, Int8, Int64
from gnomon.data.frames import Frame, as_bars
from gnomon.kernels import barriers
from gnomon.labels.base import LABELERS
from gnomon.labels.fixed_horizon import entry_prices
from gnomon.labels.table import Labelled, Prices, Weighting, check_choices, check_horizons, label_bars


@LABELERS.register(name="trend_scanning")
@dataclass(frozen=True, kw_only=True)
class TrendScanning:
    """Labels each bar by the linear trend with the largest |t| among windows of `shortest` bars up to the horizon.

    A line is fitted to the closes of the bar and of the n bars after it, for each n; the label is the sign of the
    slope whose t value is the largest in size, or 0 where that is below `minimum_t`. Windows end at bars with a price.

    `label_end` is the end of the *widest* window, the horizon, not of the one chosen: the choice has seen all of them,
    and purging by the end of the chosen window, as the book does, lets labels into training that know of the test. So
    `forward_return` is that of holding for the horizon; nobody could have left at an end that was chosen afterwards.
    `trend_scan` tells the chosen windows.

    With a `side` in `entries` the labels are meta-labels: 1 where the trend went the way of the bet, else 0.

    Reference: López de Prado 2020, Machine Learning for Asset Managers, ch. 5.4.
    """

    horizons: tuple[int, ...] = (5, 10, 15, 20)
    """The widest window in bars after the one labelled; labels are made for each."""
    shortest: int = 3
    """The narrowest window: at least 2 bars after the one labelled, three closes."""
    minimum_t: float = 0.0
    """A trend whose |t| is smaller is none."""
    entry: Literal["next_open", "close"] = "next_open"
    """Where `forward_return` begins: where the ledger fills a decision of this close, or that close."""
    weighting: Weighting = "uniqueness"
    """A label counts by the share of its life that it had to itself, by the return that is its own, or as any other."""

    def __post_init__(self) -> None:
        check_horizons(self.horizons)
        check_choices(self)
        if self.shortest < 2:
            raise ValueError(
                f"shortest must be 2 bars or more (a line through two closes says nothing), was {self.shortest}"
            )
        if self.horizons[0] < self.shortest:
            raise ValueError(
                f"horizons must be at least the shortest window of {self.shortest} bars, were {list(self.horizons)}"
            )
        if not 0 <= self.minimum_t < np.inf:
            raise ValueError(f"minimum_t must be a number of at least 0, was {self.minimum_t}")

    def label(self, bars: pl.DataFrame, entries: pl.DataFrame | None = None) -> pl.DataFrame:
        """One row an entry and horizon, as `LABEL_SCHEMA`, sorted by symbol, timestamp, horizon; default: every bar.

        Raises DataError for bars that lack a column, repeat a moment, or are fewer than the longest horizon needs, and
        for entries that are no bars.
        """
        return label_bars(
            bars, entries, horizons=self.horizons, weighting=self.weighting, label_symbol=self._label_symbol
        )

    def _label_symbol(self, prices: Prices, events: Int64[Array, " n"], side: Int8[Array, " n"]) -> Labelled:
        bars = prices.close.size
        t_value, _ = _scan(prices.close, events, self.shortest, self.horizons)
        last = events[:, None] + np.array(self.horizons)
        entry = entry_prices(prices, events, at_open=self.entry == "next_open")[:, None]
        gain = prices.close[np.minimum(last, bars - 1)] / entry - 1.0
        side = side[:, None]
        trend = np.where(np.abs(t_value) >= self.minimum_t, np.sign(t_value), 0.0)
        judged = np.where(side == 0, trend, (trend == side) & (side != 0))
        usable = np.isfinite(entry) & (prices.close[events][:, None] > 0)
        told = np.isfinite(t_value) & np.isfinite(gain)
        label = np.where(told, judged, barriers.UNLABELLED)
        label = np.where(last < bars, label, barriers.UNDECIDED)
        label = np.where(usable, label, barriers.UNLABELLED).astype(np.int8)
        end = np.where(usable, np.minimum(last, bars - 1), -1)
        return Labelled(label, end, np.where(side == 0, 1, side) * gain)


def trend_scanning(bars: Frame, *, entries: Frame | None = None, **fields: Any) -> pl.DataFrame:
    """Trend-scanning labels of bars, in polars or pandas; the keywords are the fields of `TrendScanning`."""
    return TrendScanning(**fields).label(as_bars(bars), None if entries is None else as_bars(entries))


def trend_scan(
    close: Float64[Array, " bars"], *, shortest: int = 3, longest: int = 20
) -> tuple[Float64[Array, " bars"], Int64[Array, " bars"]]:
    """For each close the t value of the most significant trend that begins there, and how many bars it runs.

    NaN and -1 where the closes end before `longest` bars. On closes that lie on a line the t value is a large number
    that grows with the window.

    >>> t_value, window = trend_scan(np.array([1.0, 2.0, 3.1, 4.0, 2.0, 1.0, 0.5]), shortest=2, longest=4)
    >>> t_value.round(2).tolist()
    [38.17, 17.32, -3.48, nan, nan, nan, nan]
    >>> window.tolist()
    [3, 2, 4, -1, -1, -1, -1]
    """
    if not 2 <= shortest <= longest:
        raise ValueError(f"windows must have 2 bars or more and not shrink, were {shortest} to {longest}")
    close = np.ascontiguousarray(close, np.float64)
    t_value, window = _scan(close, np.arange(close.size), shortest, (longest,))
    return t_value[:, 0], window[:, 0]


def _scan(
    close: Float64[Array, " bars"], events: Int64[Array, " n"], shortest: int, horizons: tuple[int, ...]
) -> tuple[Float64[Array, "n h"], Int64[Array, "n h"]]:
    shape = events.size, len(horizons)
    out = np.empty(shape), np.empty(shape, np.int64)
    barriers.trend_scan(close, events, shortest, np.array(horizons, np.int64), out)
    return out
