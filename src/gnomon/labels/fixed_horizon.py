"""The plainest label: where the price stands a fixed number of bars later."""

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


@LABELERS.register(name="fixed_horizon")
@dataclass(frozen=True, kw_only=True)
class FixedHorizon:
    """Labels each bar by the return from its entry to the close of the bar a horizon later.

    1: it is above the threshold and the cost together; -1: below minus them; 0: between. The label is known at that
    close and no earlier: `label_end` is its moment. Null where the data end first, where no price stands at either end,
    or, for a threshold in volatilities, where the volatility is not known yet or zero.

    With a `side` in `entries` the labels are meta-labels: 1 where the bet on that side returned more than the threshold
    and the cost, else 0; `forward_return`, before costs as always, is the bet's.

    Reference: López de Prado 2018, ch. 3.2, with the volatility of each moment as he asks for there.
    """

    horizons: tuple[int, ...] = (5, 10, 15, 20)
    """Bars ahead; labels are made for each."""
    threshold: float = 0.5
    """What a return has to exceed; 0 labels by its sign."""
    unit: Literal["volatility", "bps"] = "volatility"
    scale: Literal["horizon", "bar"] = "horizon"
    """Volatilities are those of the whole horizon (a bar's times its square root), or of one bar."""
    volatility_span: int = 100
    volatility_warmup: int = 20
    cost_bps: float = 0.0
    """Cost of a round trip, on top of the threshold."""
    entry: Literal["next_open", "close"] = "next_open"
    """`next_open` is where the ledger fills a decision of this close; `close` is the textbook's."""
    weighting: Weighting = "uniqueness"
    """A label counts by the share of its life that it had to itself, by the return that is its own, or as any other."""

    def __post_init__(self) -> None:
        check_horizons(self.horizons)
        check_choices(self)
        if not 0 <= self.threshold < np.inf:
            raise ValueError(f"threshold must be a number of at least 0, was {self.threshold}")
        if not 0 <= self.cost_bps < 10_000:
            raise ValueError(f"cost_bps must be at least 0 and below 10000, was {self.cost_bps}")
        check_volatility(self.volatility_span, self.volatility_warmup)

    def label(self, bars: pl.DataFrame, entries: pl.DataFrame | None = None) -> pl.DataFrame:
        """One row an entry and horizon, as `LABEL_SCHEMA`, sorted by symbol, timestamp, horizon; default: every bar.

        Raises DataError for bars that lack a column, repeat a moment, or are fewer than the longest horizon needs, and
        for entries that are no bars.
        """
        return label_bars(
            bars, entries, horizons=self.horizons, weighting=self.weighting, label_symbol=self._label_symbol
        )

    def _label_symbol(self, prices: Prices, events: Int64[Array, " n"], side: Int8[Array, " n"]) -> Labelled:
        bars, shape = prices.close.size, (events.size, len(self.horizons))
        label, end = np.full(shape, barriers.UNLABELLED), np.full(shape, -1)
        forward_return = np.full(shape, np.nan)
        entry = entry_prices(prices, events, at_open=self.entry == "next_open")
        width = np.ones(events.size)
        if self.unit == "volatility":
            width = ewm_volatility(prices.close, span=self.volatility_span, warmup=self.volatility_warmup)[events]
        able = np.isfinite(entry) & (width > 0) & np.isfinite(width)
        for h, horizon in enumerate(self.horizons):
            last = events + horizon
            gain = prices.close[np.minimum(last, bars - 1)] / entry - 1.0
            label[:, h] = np.where(last < bars, self._judged(gain, side, width, horizon), barriers.UNDECIDED)
            label[~able, h] = barriers.UNLABELLED
            end[:, h] = np.where(able, np.minimum(last, bars - 1), -1)
            forward_return[:, h] = np.where(side == 0, 1, side) * gain
        return Labelled(label, end, forward_return)

    def _judged(
        self, gain: Float64[Array, " n"], side: Int8[Array, " n"], width: Float64[Array, " n"], horizon: int
    ) -> Int8[Array, " n"]:
        needed = self.threshold * (1e-4 if self.unit == "bps" else width)
        if self.unit == "volatility" and self.scale == "horizon":
            needed = needed * np.sqrt(horizon)
        needed = needed + self.cost_bps / 1e4
        market = (gain > needed).astype(np.int8) - (gain < -needed).astype(np.int8)
        judged = np.where(side == 0, market, (side * gain > needed).astype(np.int8))
        return np.where(np.isfinite(gain), judged, barriers.UNLABELLED)


def entry_prices(prices: Prices, events: Int64[Array, " n"], *, at_open: bool) -> Float64[Array, " n"]:
    """Where each event is bought: the open of the bar after it, or its own close; NaN where there is no such price."""
    price = np.append(prices.open, np.nan)[events + 1] if at_open else prices.close[events]
    return np.asarray(np.where((price > 0) & np.isfinite(price), price, np.nan))


def fixed_horizon(bars: Frame, *, entries: Frame | None = None, **fields: Any) -> pl.DataFrame:
    """Fixed-horizon labels of bars, in polars or pandas; the keywords are the fields of `FixedHorizon`.

    >>> from datetime import UTC, datetime, timedelta
    >>> close = [100.0, 101.0, 100.0, 101.0, 103.0, 103.0]
    >>> stamps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(6)]
    >>> bars = pl.DataFrame({"timestamp": stamps, "symbol": "A", "open": close, "high": close, "low": close,
    ...                      "close": close}).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))
    >>> fixed_horizon(bars, horizons=(2,), threshold=50, unit="bps", entry="close")["label"].to_list()
    [0, 0, 1, 1, None, None]
    """
    return FixedHorizon(**fields).label(as_bars(bars), None if entries is None else as_bars(entries))
