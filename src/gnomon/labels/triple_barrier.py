"""The triple-barrier method: which comes first, a rise, a fall, or the end of patience."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64, Int8, Int64
from gnomon.data.frames import Frame, as_bars
from gnomon.kernels import barriers
from gnomon.labels.base import LABEL_SCHEMA, LABELERS
from gnomon.labels.weights import average_uniqueness

COLUMNS = ("timestamp", "symbol", "open", "high", "low", "close")


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
    weighting: Literal["uniqueness", "equal"] = "uniqueness"

    def __post_init__(self) -> None:
        counts = self.horizons if isinstance(self.horizons, tuple | list) else ()
        if not counts or not all(isinstance(count, int | np.integer) and count >= 1 for count in counts):
            raise ValueError(f"horizons must be one or more counts of bars, each 1 or more, were {self.horizons!r}")
        if list(self.horizons) != sorted(set(self.horizons)):
            raise ValueError(f"horizons must rise and differ, were {list(self.horizons)}")
        for name in ("upper", "lower"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0 volatilities, was {getattr(self, name)}")
        if not 0 <= self.cost_bps < 10_000:
            raise ValueError(f"cost_bps must be at least 0 and below 10000, was {self.cost_bps}")
        for name, kind in get_type_hints(TripleBarrier).items():
            known, value = get_args(kind), getattr(self, name)
            if isinstance(value, str) and value not in known:
                raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, was {value!r}")
        if self.volatility_span < 2:
            raise ValueError(f"volatility_span must be 2 bars or more, was {self.volatility_span}")
        if self.volatility_warmup < 2:
            raise ValueError(f"volatility_warmup must be 2 returns or more, was {self.volatility_warmup}")

    def label(self, bars: pl.DataFrame, entries: pl.DataFrame | None = None) -> pl.DataFrame:
        """One row an entry and horizon, as `LABEL_SCHEMA`, sorted by symbol, timestamp, horizon; default: every bar.

        Raises DataError for bars that lack a column or repeat a moment, and for entries that are no bars.
        """
        bars = _sorted(bars)
        rows, side = _events(bars, entries)
        label = np.empty((rows.size, len(self.horizons)), np.int8)
        end = np.empty(label.shape, np.int64)
        forward_return = np.empty(label.shape)
        weight = np.empty(label.shape)
        prices = [bars[name].cast(pl.Float64).to_numpy() for name in COLUMNS[2:]]
        for span in _symbols(bars):
            inside = slice(*np.searchsorted(rows, (span.start, span.stop)))
            events = rows[inside] - span.start
            of_symbol = [np.ascontiguousarray(price[span]) for price in prices]
            volatility = self.volatility(of_symbol[3])[events]
            for h, horizon in enumerate(self.horizons):
                labelled = self._label_symbol(of_symbol, events, side[inside], volatility, horizon)
                label[inside, h], end[inside, h], forward_return[inside, h] = labelled
                weight[inside, h] = self._weights(labelled[0], events, labelled[1], of_symbol[3].size)
                end[inside, h] += span.start
        return self._frame(bars, rows, label, end, forward_return, weight)

    def volatility(self, close: Float64[Array, " bars"]) -> Float64[Array, " bars"]:
        """The volatility of one bar that the barriers stand on: known at each close, NaN during the warm-up."""
        out = np.empty(close.size)
        barriers.ewm_volatility(close, float(self.volatility_span), self.volatility_warmup, out)
        return out

    def _label_symbol(
        self,
        prices: list[Float64[Array, " bars"]],
        events: Int64[Array, " n"],
        side: Int8[Array, " n"],
        volatility: Float64[Array, " n"],
        horizon: int,
    ) -> tuple[Int8[Array, " n"], Int64[Array, " n"], Float64[Array, " n"]]:
        out = np.empty(events.size, np.int8), np.empty(events.size, np.int64), np.empty(events.size)
        stretch = float(np.sqrt(horizon)) if self.scale == "horizon" else 1.0
        open_, high, low, close = prices
        barriers.triple_barrier(
            open_,
            high,
            low,
            close,
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
            out,
        )
        return out

    def _weights(
        self, label: Int8[Array, " n"], events: Int64[Array, " n"], end: Int64[Array, " n"], bars: int
    ) -> Float64[Array, " n"]:
        # Undecided labels are alive until the data end: so weights that are given once never change with later bars.
        decided = label < barriers.UNDECIDED
        if self.weighting == "equal":
            return decided.astype(np.float64)
        return np.asarray(np.where(decided, average_uniqueness(events + 1, end, bars=bars), 0.0))

    def _frame(
        self,
        bars: pl.DataFrame,
        rows: Int64[Array, " n"],
        label: Int8[Array, "n h"],
        end: Int64[Array, "n h"],
        forward_return: Float64[Array, "n h"],
        weight: Float64[Array, "n h"],
    ) -> pl.DataFrame:
        known = label.ravel() < barriers.UNDECIDED
        stamps = bars["timestamp"].to_physical().to_numpy()
        columns: dict[str, Any] = {
            "horizon": np.tile(np.array(self.horizons, np.int32), rows.size),
            "label": label.ravel(),
            "label_end": stamps[np.where(known, end.ravel(), 0)] if stamps.size else np.empty(0, np.int64),
            "forward_return": forward_return.ravel(),
            "weight": weight.ravel(),
            "known": known,
        }
        repeated = bars.select("timestamp", "symbol")[np.repeat(rows, len(self.horizons))]
        when_known = [pl.when("known").then(pl.col(name)) for name in ("label", "label_end", "forward_return")]
        return (
            repeated.with_columns(**{name: pl.Series(values) for name, values in columns.items()})
            .with_columns(pl.col("label_end").cast(pl.Datetime("us", "UTC")))
            .with_columns(when_known)
            .select([pl.col(name).cast(kind) for name, kind in LABEL_SCHEMA.items()])
        )


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


def _sorted(bars: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in COLUMNS if name not in bars.columns]
    if missing:
        raise DataError(f"bars lack the columns {missing} that labels need; they have {bars.columns}")
    if bars["timestamp"].dtype != LABEL_SCHEMA["timestamp"]:
        raise DataError(
            f"column 'timestamp' of the bars is {bars['timestamp'].dtype}; labels need Datetime('us', 'UTC'): "
            "read the bars through a data source, or cast them"
        )
    bars = bars.sort("symbol", "timestamp", maintain_order=True)
    repeated = bars.select("timestamp", "symbol").filter(
        (pl.col("symbol") == pl.col("symbol").shift()) & (pl.col("timestamp") == pl.col("timestamp").shift())
    )
    if repeated.height:
        first = repeated.row(0, named=True)
        raise DataError(
            f"{repeated.height} bars repeat a moment, first {first['symbol']} at {first['timestamp']}; "
            "labels need one bar a symbol and moment: drop the duplicates",
            rows=repeated.head(200),
        )
    return bars


def _symbols(bars: pl.DataFrame) -> Iterator[slice]:
    """The rows of each symbol."""
    at = 0
    for length in bars["symbol"].rle().struct.field("len").to_list():
        yield slice(at, at + length)
        at += length


def _events(bars: pl.DataFrame, entries: pl.DataFrame | None) -> tuple[Int64[Array, " n"], Int8[Array, " n"]]:
    """Row numbers of the bars to label, and the side of each (0: none)."""
    if entries is None:
        return np.arange(bars.height, dtype=np.int64), np.zeros(bars.height, np.int8)
    missing = [name for name in ("timestamp", "symbol") if name not in entries.columns]
    if missing:
        raise DataError(f"entries lack the columns {missing}; they have {entries.columns}")
    keys = ["symbol", "timestamp"]
    found = (
        entries.with_columns(pl.col("timestamp").cast(LABEL_SCHEMA["timestamp"]))
        .join(bars.select(keys).with_row_index("row"), on=keys, how="left")
        .sort(keys)
    )
    strays = found.filter(pl.col("row").is_null()).select("timestamp", "symbol")
    if strays.height:
        first = strays.row(0, named=True)
        raise DataError(
            f"{strays.height} entries are at no bar, first {first['symbol']} at {first['timestamp']}; "
            "an entry stands at the close of a bar of its symbol",
            rows=strays.head(200),
        )
    twice = found.filter(found.select(keys).is_duplicated()).select("timestamp", "symbol")
    if twice.height:
        first = twice.row(0, named=True)
        raise DataError(
            f"{twice.height} entries share a symbol and moment, first {first['symbol']} at {first['timestamp']}; "
            "keep one a bar",
            rows=twice.head(200),
        )
    if "side" not in entries.columns:
        return found["row"].cast(pl.Int64).to_numpy(), np.zeros(found.height, np.int8)
    wrong = found.filter(pl.col("side").cast(pl.Float64, strict=False).is_in([-1.0, 1.0]).not_().fill_null(value=True))
    if wrong.height:
        raise DataError(
            f"column 'side' of the entries has {wrong.height} values other than -1 and 1, first "
            f"{wrong['side'][0]} for {wrong['symbol'][0]} at {wrong['timestamp'][0]}; leave out entries without a bet",
            rows=wrong.select("timestamp", "symbol", "side").head(200),
        )
    return found["row"].cast(pl.Int64).to_numpy(), found["side"].cast(pl.Int8).to_numpy()
