"""What every labeler does the same way: takes bars apart into symbols, and puts what it found into the one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64, Int8, Int64
from gnomon.kernels import barriers
from gnomon.labels.base import LABEL_SCHEMA
from gnomon.labels.weights import average_uniqueness, return_attribution

COLUMNS = ("timestamp", "symbol", "open", "high", "low", "close")

Weighting = Literal["uniqueness", "return", "equal"]


class Prices(NamedTuple):
    """One symbol's bars."""

    open: Float64[Array, " bars"]
    high: Float64[Array, " bars"]
    low: Float64[Array, " bars"]
    close: Float64[Array, " bars"]


class Labelled(NamedTuple):
    """What a labeler found for the events of one symbol, a column a horizon.

    `label`: -1, 0, 1, or `barriers.UNDECIDED` or `UNLABELLED`; `end`: the bar at whose close it was known, the last bar
    while undecided, -1 where there never was a label.
    """

    label: Int8[Array, "n h"]
    end: Int64[Array, "n h"]
    forward_return: Float64[Array, "n h"]


LabelSymbol = Callable[[Prices, Int64[Array, " n"], Int8[Array, " n"]], Labelled]
"""Labels one symbol's events (numbers of bars) with their sides (0: none)."""


def label_bars(
    bars: pl.DataFrame,
    entries: pl.DataFrame | None,
    *,
    horizons: Sequence[int],
    weighting: Weighting,
    label_symbol: LabelSymbol,
) -> pl.DataFrame:
    """The table of labels: one row an entry and horizon, as `LABEL_SCHEMA`, sorted by symbol, timestamp, horizon.

    Raises DataError for bars that lack a column, repeat a moment, or are fewer than the longest horizon needs, and for
    entries that are no bars.
    """
    bars = sorted_bars(bars)
    refuse_long_horizons(horizons, bars)
    rows, side = _events(bars, entries)
    shape = rows.size, len(horizons)
    found = Labelled(np.empty(shape, np.int8), np.empty(shape, np.int64), np.empty(shape))
    weight = np.empty(shape)
    columns = [bars[name].cast(pl.Float64).to_numpy() for name in COLUMNS[2:]]
    for span in symbol_slices(bars):
        inside = slice(*np.searchsorted(rows, (span.start, span.stop)))
        events = rows[inside] - span.start
        prices = Prices(*(np.ascontiguousarray(column[span]) for column in columns))
        of_symbol = label_symbol(prices, events, side[inside])
        for h in range(len(horizons)):
            weight[inside, h] = _weights(of_symbol.label[:, h], events, of_symbol.end[:, h], prices.close, weighting)
        found.label[inside], found.forward_return[inside] = of_symbol.label, of_symbol.forward_return
        found.end[inside] = of_symbol.end + span.start
    return _frame(bars, rows, horizons, found, weight)


def check_horizons(horizons: Sequence[int]) -> None:
    """ValueError for horizons that are none, no counts of bars, or out of order."""
    counts = horizons if isinstance(horizons, tuple | list) else ()
    if not counts or not all(isinstance(count, int | np.integer) and count >= 1 for count in counts):
        raise ValueError(f"horizons must be one or more counts of bars, each 1 or more, were {horizons!r}")
    if list(horizons) != sorted(set(horizons)):
        raise ValueError(f"horizons must rise and differ, were {list(horizons)}")


def check_choices(labeler: object) -> None:
    """ValueError for a choice that is misspelt, where no registry has looked at it."""
    for name, kind in get_type_hints(type(labeler)).items():
        known, value = get_args(kind), getattr(labeler, name)
        if isinstance(value, str) and value not in known:
            raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, was {value!r}")


def check_volatility(span: int, warmup: int) -> None:
    """ValueError for a volatility that cannot be worked out."""
    if span < 2:
        raise ValueError(f"volatility_span must be 2 bars or more, was {span}")
    if warmup < 2:
        raise ValueError(f"volatility_warmup must be 2 returns or more, was {warmup}")


def ewm_volatility(close: Float64[Array, " bars"], *, span: int, warmup: int) -> Float64[Array, " bars"]:
    """The volatility of one bar, known at each close: exponentially weighted; NaN until `warmup` returns were seen."""
    out = np.empty(close.size)
    barriers.ewm_volatility(close, float(span), warmup, out)
    return out


def sorted_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars by symbol and time. DataError for columns that are missing or wrong, and for a moment that repeats."""
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


def symbol_slices(bars: pl.DataFrame) -> Iterator[slice]:
    """The rows of each symbol in sorted bars."""
    at = 0
    for length in bars["symbol"].rle().struct.field("len").to_list():
        yield slice(at, at + length)
        at += length


def refuse_long_horizons(horizons: Sequence[int], bars: pl.DataFrame) -> None:
    """DataError for a horizon that no symbol of the sorted bars has enough of; no bars at all are none too few."""
    if not bars.height:
        return
    longest = max(symbol_slices(bars), key=lambda span: span.stop - span.start)
    count = longest.stop - longest.start
    too_long = [horizon for horizon in horizons if horizon >= count]
    if too_long:
        raise DataError(
            f"a label at horizon {too_long[0]} needs {too_long[0] + 1} bars of a symbol, and the longest, "
            f"{bars['symbol'][longest.start]}, has {count}; shorten labels.horizons or bring a longer history"
        )


def _weights(
    label: Int8[Array, " n"],
    events: Int64[Array, " n"],
    end: Int64[Array, " n"],
    close: Float64[Array, " bars"],
    weighting: Weighting,
) -> Float64[Array, " n"]:
    # Undecided labels are alive until the data end: so weights that are given once never change with later bars.
    decided = label < barriers.UNDECIDED
    if weighting == "equal":
        return decided.astype(np.float64)
    if weighting == "uniqueness":
        given = average_uniqueness(events + 1, end, bars=close.size)
    else:
        given = return_attribution(events + 1, end, close)
    return np.asarray(np.where(decided, given, 0.0))


def _frame(
    bars: pl.DataFrame,
    rows: Int64[Array, " n"],
    horizons: Sequence[int],
    found: Labelled,
    weight: Float64[Array, "n h"],
) -> pl.DataFrame:
    label = found.label.ravel()
    known = label < barriers.UNDECIDED
    stamps = bars["timestamp"].to_physical().to_numpy()
    columns: dict[str, Any] = {
        "horizon": np.tile(np.array(horizons, np.int32), rows.size),
        "label": label,
        "label_end": stamps[np.where(known, found.end.ravel(), 0)] if stamps.size else np.empty(0, np.int64),
        "forward_return": found.forward_return.ravel(),
        "weight": weight.ravel(),
        "known": known,
    }
    repeated = bars.select("timestamp", "symbol")[np.repeat(rows, len(horizons))]
    when_known = [pl.when("known").then(pl.col(name)) for name in ("label", "label_end", "forward_return")]
    return (
        repeated.with_columns(**{name: pl.Series(values) for name, values in columns.items()})
        .with_columns(pl.col("label_end").cast(pl.Datetime("us", "UTC")))
        .with_columns(when_known)
        .select([pl.col(name).cast(kind) for name, kind in LABEL_SCHEMA.items()])
    )


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
