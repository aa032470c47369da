"""Returns by the calendar, and drawdowns with their dates.

A bar is stamped at its close, so a bar that closes at midnight belongs to the day, month and year that end there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import Series, as_series

Stamps: TypeAlias = "pl.Series | Sequence[object]"


def aggregate_returns(
    returns: Series, timestamps: Stamps, *, every: Literal["day", "week", "month", "year"]
) -> pl.DataFrame:
    """Returns compounded over UTC days, ISO weeks, months or years: `start` (date), `return`, `bars`.

    A NaN counts as 0.

    >>> from datetime import datetime
    >>> stamps = [datetime(2020, 1, 31, 21), datetime(2020, 2, 1, 0), datetime(2020, 2, 3, 21)]
    >>> aggregate_returns([0.1, 0.1, 0.5], stamps, every="month")["return"].round(6).to_list()
    [0.21, 0.5]
    """
    frame = _frame(returns, timestamps)
    units = {"day": "1d", "week": "1w", "month": "1mo", "year": "1y"}
    if every not in units:
        raise ValueError(f"every must be one of {', '.join(units)}, was {every!r}")
    return (
        frame.group_by(pl.col("inside").dt.truncate(units[every]).dt.date().alias("start"), maintain_order=True)
        .agg(
            ((pl.col("return").fill_nan(0.0) + 1.0).product() - 1.0).alias("return"),
            pl.len().cast(pl.Int64).alias("bars"),
        )
        .select("start", "return", "bars")
    )


def monthly_returns(returns: Series, timestamps: Stamps) -> pl.DataFrame:
    """Compounded return of each calendar month: `year`, `month`, `return`."""
    months = aggregate_returns(returns, timestamps, every="month")
    year, month = pl.col("start").dt.year().cast(pl.Int64), pl.col("start").dt.month().cast(pl.Int64)
    return months.select(year.alias("year"), month.alias("month"), "return")


def yearly_returns(returns: Series, timestamps: Stamps) -> pl.DataFrame:
    """Compounded return of each calendar year: `year`, `return`."""
    years = aggregate_returns(returns, timestamps, every="year")
    return years.select(pl.col("start").dt.year().cast(pl.Int64).alias("year"), "return")


def drawdown_table(equity: Series, timestamps: Stamps | None = None, *, top: int | None = 10) -> pl.DataFrame:
    """The deepest falls from a peak, deepest first: `start`, `trough`, `end`, `depth`, `length`.

    `start` is the last bar at the peak, `end` the first bar back at it or above (null while under water), `depth` a
    positive fraction of the peak, `length` the bars from `start` to `end` or to the last bar. `timestamps` give the
    moments; without them bars are counted from 0. A NaN is passed over.

    >>> drawdown_table([100.0, 120.0, 90.0, 130.0, 117.0]).rows()
    [(1, 2, 3, 0.25, 2), (3, 4, None, 0.1, 1)]
    """
    array = as_series(equity)
    missing = np.isnan(array)
    if missing.any():
        # A gap holds the value before it; a gap at the start can be under no peak.
        last = np.maximum.accumulate(np.where(missing, -1, np.arange(array.size)))
        array = np.where(last >= 0, array[np.maximum(last, 0)], -np.inf)
    starts, ends, open_ended = _falls(array)
    depths = np.zeros(starts.size)
    troughs = np.zeros(starts.size, dtype=np.int64)
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        troughs[row] = start + int(np.argmin(array[start : end + 1]))
        depths[row] = (array[start] - array[troughs[row]]) / array[start]
    order = np.argsort(-depths, kind="stable")[: starts.size if top is None else top]
    recovered = [None if open_ended and row == starts.size - 1 else int(ends[row]) for row in order]
    columns = {
        "start": pl.Series(starts[order], dtype=pl.Int64),
        "trough": pl.Series(troughs[order], dtype=pl.Int64),
        "end": pl.Series(recovered, dtype=pl.Int64),
    }
    if timestamps is not None:
        moments = _moments(timestamps)
        columns = {name: moments.gather(index) if len(index) else moments.head(0) for name, index in columns.items()}
    return pl.DataFrame(columns).with_columns(
        pl.Series("depth", depths[order]), pl.Series("length", (ends - starts)[order], dtype=pl.Int64)
    )


def _falls(array: Float64[Array, " t"]) -> tuple[Array, Array, bool]:
    """First and last bar of each stretch under a peak above 0 (from the peak to the bar back at it)."""
    if array.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), False
    peak = np.maximum.accumulate(array)
    under = (array < peak) & (peak > 0.0)
    edge = np.diff(under.astype(np.int8), prepend=0)
    starts = np.flatnonzero(edge == 1) - 1
    ends = np.flatnonzero(edge == -1)
    open_ended = ends.size < starts.size
    return starts, np.append(ends, array.size - 1) if open_ended else ends, open_ended


def _moments(timestamps: Stamps) -> pl.Series:
    moments = timestamps if isinstance(timestamps, pl.Series) else pl.Series(list(timestamps))
    if not isinstance(moments.dtype, pl.Datetime):
        raise ValueError(f"timestamps must be moments, were {moments.dtype}")
    return moments.cast(pl.Datetime("us", moments.dtype.time_zone))


def _frame(returns: Series, timestamps: Stamps) -> pl.DataFrame:
    array, moments = as_series(returns), _moments(timestamps)
    if array.size != len(moments):
        raise ValueError(f"returns and timestamps must be of the same bars, were {array.size} and {len(moments)} long")
    return pl.DataFrame({"timestamp": moments, "return": array}).with_columns(
        (pl.col("timestamp") - pl.duration(microseconds=1)).alias("inside")
    )
