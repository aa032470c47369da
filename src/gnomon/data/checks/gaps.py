"""Gaps: bars that an exchange calendar, or the data's own rhythm, says should be there.

With a calendar the answer is exact. Without one, nights, weekends and holidays have to be told from losses by the data
itself: daily bars are counted on the weekdays that occur at all; a pause that comes back in the same minute of the week
is a closing time; and where several symbols are given, a moment at which none has a bar is no gap of any one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import polars as pl

from gnomon.core.types import Array, Int64
from gnomon.data.calendars import DAY, expected_stamps, infer_frequency, parse_frequency
from gnomon.data.checks.base import Finding, Sheet, moment, previous

WEEK = 7 * DAY
LATE = 1.5
"""A step of more than this many bar lengths is a gap: clock changes make daily steps of 23 and 25 hours."""
REGULAR_SHARE = 0.25
"""A pause that recurs in this share of the weeks is a closing time (a change of the clock splits a year in two)."""
SYMBOLS_SHOWN = 5


def check_gaps(sheet: Sheet) -> Iterator[Finding]:
    """Missing bars, by symbol, with the longest gap; one row a gap: the bar after it, the bar before it, how many."""
    if sheet.bars.select((pl.col("symbol") == pl.col("symbol").shift()).any()).item() is not True:
        return
    frequency = sheet.frequency or infer_frequency(sheet.bars)
    steps = sheet.bars.select("row", "symbol", "timestamp", previous=previous("timestamp")).filter(
        pl.col("previous").is_not_null() & (pl.col("timestamp") > pl.col("previous"))
    )
    if sheet.calendar is not None:
        yield from _against_calendar(sheet, steps, frequency)
    else:
        yield from _against_rhythm(sheet, steps, frequency)


def _against_calendar(sheet: Sheet, steps: pl.DataFrame, frequency: str) -> Iterator[Finding]:
    stamps = sheet.bars["timestamp"]
    first, last = stamps.min(), stamps.max()
    # Both are moments: a sheet is never empty.
    expected = expected_stamps(str(sheet.calendar), frequency, first, last + timedelta(microseconds=1))  # type: ignore[arg-type,operator]
    grid = expected.cast(pl.Int64).to_numpy()
    missing = _between(grid, steps)
    remedy = "reload the period, or fill at most n bars a gap with the repair {kind: forward_fill, limit: n}"
    what = f"of {frequency} missing by the calendar {sheet.calendar}"
    yield from _finding(steps.with_columns(missing=pl.Series(missing)), what, remedy)
    beside = sheet.bars.filter(~pl.col("timestamp").is_in(expected.implode()))
    if not beside.is_empty():
        yield Finding(
            check="gaps",
            rows=beside.select("row", "symbol", "timestamp"),
            what=f"a bar is not stamped at a close of {frequency} by the calendar {sheet.calendar}",
            remedy="see that `stamp`, `timezone`, `frequency` and `calendar` say what the source's stamps mean",
        )


def _against_rhythm(sheet: Sheet, steps: pl.DataFrame, frequency: str) -> Iterator[Finding]:
    length = round(parse_frequency(frequency).total_seconds() * 1e6)
    weekdays = _weekdays(sheet.bars) if length == DAY else None
    gaps = steps.filter((pl.col("timestamp") - pl.col("previous")).dt.total_microseconds() > LATE * length)
    counted = _count(gaps, length, weekdays).filter(pl.col("missing") > 0)
    regular = _regular(counted, sheet.bars) if weekdays is None else pl.repeat(False, counted.height, eager=True)
    paused = int(regular.sum())
    counted = counted.filter(~regular)
    note = f" (and {paused} regular pauses, such as nights and weekends, that are no loss)" if paused else ""
    remedy = "name data.calendar for an exact count, or fill at most n bars a gap with {kind: forward_fill, limit: n}"
    if sheet.bars["symbol"].n_unique() == 1:
        yield from _finding(counted, f"of {frequency} missing{note}", remedy)
        return
    moments = sheet.bars["timestamp"].unique().sort().cast(pl.Int64).to_numpy()
    shared = counted.with_columns(missing=pl.Series(_between(moments, counted)), wide=pl.col("missing"))
    own = shared.filter(pl.col("missing") > 0).drop("wide")
    yield from _finding(own, f"of {frequency} missing at moments when other symbols have one{note}", remedy)
    wide = shared.filter(pl.col("missing") == 0).unique(["previous", "timestamp"], keep="first", maintain_order=True)
    wide = wide.select("row", "symbol", "timestamp", "previous", missing="wide").sort("timestamp")
    yield from _finding(
        wide, f"of {frequency} missing for every symbol at once (holidays, or a loss in the source)", remedy
    )


def _between(grid: Int64[Array, " g"], steps: pl.DataFrame) -> Int64[Array, " n"]:
    """How many moments of the grid lie strictly between a bar and the one before it."""
    before = np.searchsorted(grid, steps["previous"].cast(pl.Int64).to_numpy(), side="right")
    after = np.searchsorted(grid, steps["timestamp"].cast(pl.Int64).to_numpy(), side="left")
    return np.asarray(np.maximum(after - before, 0), dtype=np.int64)


def _weekdays(bars: pl.DataFrame) -> list[bool]:
    """On which days of the week (Monday first) bars close at all; a close at midnight belongs to the day that ends."""
    days = bars.select((pl.col("timestamp") - pl.duration(microseconds=1)).dt.weekday().alias("day"))["day"]
    return [bool((days == day).any()) for day in range(1, 8)]


def _count(gaps: pl.DataFrame, length: int, weekdays: list[bool] | None) -> pl.DataFrame:
    """Adds `missing`: whole bars that fit into the gap; for daily bars the days that trade."""
    if weekdays is None:
        step = (pl.col("timestamp") - pl.col("previous")).dt.total_microseconds()
        return gaps.with_columns(missing=(step / length).round().cast(pl.Int64) - 1)
    dates = gaps.select((pl.col("previous", "timestamp") - pl.duration(microseconds=1)).dt.date())
    first = dates["previous"].to_numpy() + np.timedelta64(1, "D")
    count = np.busday_count(first, dates["timestamp"].to_numpy(), weekmask=weekdays)
    return gaps.with_columns(missing=pl.Series(count.astype(np.int64)))


def _regular(gaps: pl.DataFrame, bars: pl.DataFrame) -> pl.Series:
    """Which gaps are closing times: the same length, from the same minute of the week, in many weeks of the symbol."""
    weeks = bars.group_by("symbol").agg(
        weeks=(pl.col("timestamp").max() - pl.col("timestamp").min()).dt.total_microseconds() / WEEK
    )
    minute = pl.col("previous").dt.epoch("us") % WEEK // 60_000_000
    step = (pl.col("timestamp") - pl.col("previous")).dt.total_minutes()
    return (
        gaps.with_columns(minute=minute, step=step)
        .with_columns(times=pl.len().over("symbol", "minute", "step"))
        .join(weeks, on="symbol", how="left", maintain_order="left")
        .select(regular=pl.col("times") >= pl.max_horizontal(2.0, REGULAR_SHARE * pl.col("weeks")))["regular"]
    )


def _finding(gaps: pl.DataFrame, what: str, remedy: str) -> Iterator[Finding]:
    gaps = gaps.filter(pl.col("missing") > 0)
    if gaps.is_empty():
        return
    totals = gaps.group_by("symbol").agg(pl.col("missing").sum()).sort(["missing", "symbol"], descending=[True, False])
    longest = gaps.row(int(gaps["missing"].arg_max() or 0), named=True)
    shown = ", ".join(f"{symbol} {count}" for symbol, count in totals.head(SYMBOLS_SHOWN).iter_rows())
    more = f" and {totals.height - SYMBOLS_SHOWN} more" if totals.height > SYMBOLS_SHOWN else ""
    yield Finding(
        check="gaps",
        rows=gaps.select("row", "symbol", "timestamp", "previous", "missing"),
        count=int(gaps["missing"].sum()),
        what=f"bars {what}, in {gaps.height} gap{'s' if gaps.height > 1 else ''}",
        where=f"the longest: {longest['symbol']}, {longest['missing']} bars between {moment(longest['previous'])} "
        f"and {moment(longest['timestamp'])}; by symbol: {shown}{more}",
        remedy=remedy,
    )
