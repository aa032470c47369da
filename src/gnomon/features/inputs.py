"""From a frame of bars to what kernels read: the rows of each symbol, and columns of float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from gnomon.core.errors import DataError, nearest
from gnomon.core.types import Array, Float64


class Run(NamedTuple):
    """The rows of one symbol: from `start` up to but not including `stop`."""

    start: int
    stop: int


def require(bars: pl.DataFrame, columns: Sequence[str]) -> None:
    """DataError for a missing column, with the nearest that there is."""
    for column in columns:
        if column not in bars.columns:
            hint = f"; did you mean {close!r}?" if (close := nearest(column, bars.columns)) else ""
            raise DataError(f"the bars have no column {column!r}; they have {', '.join(bars.columns)}{hint}")


def symbol_runs(bars: pl.DataFrame) -> list[Run]:
    """Where each symbol's rows begin and end. DataError for bars that are not sorted by symbol and time, or repeat."""
    if bars.is_empty():
        return []
    symbol, timestamp = bars["symbol"], bars["timestamp"]
    if not timestamp.dtype.is_temporal():
        raise DataError(f"column 'timestamp' must hold moments, it is {timestamp.dtype}; parse it first")
    if getattr(timestamp.dtype, "time_zone", None) is None:
        raise DataError(
            f"column 'timestamp' carries no time zone (it is {timestamp.dtype}, first {timestamp[0]}); say which clock "
            "it shows, such as `.dt.replace_time_zone('UTC')`, or read the bars with `gnomon.read_bars`"
        )
    if symbol.null_count() or timestamp.null_count():
        raise DataError("columns 'timestamp' and 'symbol' must not hold nulls", rows=_head(bars, symbol.is_null()))
    same = (symbol == symbol.shift(1)).fill_null(value=False)
    late = same & (timestamp <= timestamp.shift(1)).fill_null(value=False)
    if late.any():
        row = bars.row(int(late.arg_max() or 0), named=True)
        raise DataError(
            f"bars must be sorted by symbol and timestamp without duplicates; {int(late.sum())} are not, the first "
            f"{row['symbol']} at {row['timestamp']}; sort them, and see the check `duplicates`",
            rows=_head(bars, late),
        )
    starts = (~same).arg_true().to_list()
    if len(starts) != symbol.n_unique():
        raise DataError("the rows of a symbol must stand together: sort the bars by symbol and timestamp")
    return [Run(start, stop) for start, stop in zip(starts, [*starts[1:], bars.height], strict=True)]


def _head(bars: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return bars.filter(rows).head(200)


def input_column(bars: pl.DataFrame, name: str) -> Float64[Array, " rows"]:
    """A column as float64, nulls as NaN, moments as microseconds since 1970. DataError for what is no number."""
    column = bars[name]
    dtype: Any = column.dtype
    if dtype.is_temporal():
        column = column.dt.epoch("us")
    elif not (dtype.is_numeric() or dtype == pl.Boolean or dtype == pl.Null):
        raise DataError(f"column {name!r} must hold numbers to be a feature's input, it is {dtype}")
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
