"""When exchanges are open: session closes, the stamps that bars should carry, and the length of a bar.

Sessions come from exchange_calendars; `24/7` is computed here, so it has no first or last year. A calendar is asked for
exactly the years that are needed, so it never ends at "a year from today".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.core.types import Array, Int64
from gnomon.data.base import TIMESTAMP

ALWAYS = "24/7"
DAY = 86_400_000_000
"""Microseconds in a UTC day."""
YEAR = 365.25 * DAY
UNITS = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": DAY, "w": 7 * DAY}
NONE = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Sessions:
    """A calendar's sessions: dates as days since 1970, other moments as microseconds UTC (`NONE` without a break)."""

    date: Int64[Array, " n"]
    open: Int64[Array, " n"]
    break_start: Int64[Array, " n"]
    break_end: Int64[Array, " n"]
    close: Int64[Array, " n"]


def parse_frequency(text: str) -> timedelta:
    """The time between bars: a whole number and a unit of s, m, h, d, w. ConfigError for anything else.

    >>> parse_frequency("5m")
    datetime.timedelta(seconds=300)
    """
    match = re.fullmatch(r"([1-9]\d{0,5})(s|m|h|d|w)", text)
    if match is None:
        raise ConfigError(f"frequency {text!r} cannot be read; write a number and s, m, h, d or w: 1m, 4h, 1d")
    return timedelta(microseconds=int(match[1]) * UNITS[match[2]])


def format_frequency(step: timedelta) -> str:
    """The shortest spelling of a time between bars.

    >>> format_frequency(timedelta(minutes=90))
    '90m'
    """
    micros = round(step.total_seconds() * 1e6)
    for unit in ("w", "d", "h", "m", "s"):
        if micros and micros % UNITS[unit] == 0:
            return f"{micros // UNITS[unit]}{unit}"
    raise ConfigError(f"a time between bars of {step} is not a whole number of seconds")


def calendar_names() -> list[str]:
    """Every calendar and alias that can be named in a config."""
    import exchange_calendars

    return sorted(exchange_calendars.get_calendar_names())


def check_calendar(name: str) -> str:
    """The name, when such a calendar exists; ConfigError that names the nearest one otherwise."""
    if name != ALWAYS and name not in calendar_names():
        raise ConfigError(unknown("calendar", name, calendar_names()))
    return name


def sessions(calendar: str, first: datetime, last: datetime) -> Sessions:
    """The sessions of all years from `first` to `last`. DataError where the exchange has not published those years."""
    return _sessions(check_calendar(calendar), first.year, last.year)


@lru_cache(maxsize=16)
def _sessions(calendar: str, first_year: int, last_year: int) -> Sessions:
    if calendar == ALWAYS:
        date = np.arange(
            np.datetime64(f"{first_year:04}-01-01"), np.datetime64(f"{last_year + 1:04}-01-01"), dtype="datetime64[D]"
        ).astype(np.int64)
        none = np.full(len(date), NONE)
        return Sessions(date, date * DAY, none, none, (date + 1) * DAY)
    import exchange_calendars
    from exchange_calendars.errors import CalendarError

    try:
        found = exchange_calendars.get_calendar(calendar, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    except (ValueError, CalendarError) as error:
        raise DataError(
            f"calendar {calendar} cannot give the years {first_year} to {last_year}: {str(error).splitlines()[0]}; "
            "narrow the period or name no calendar"
        ) from error
    schedule = found.schedule
    return Sessions(
        schedule.index.to_numpy().astype("datetime64[D]").astype(np.int64),
        *(_micros(schedule[name]) for name in ("open", "break_start", "break_end", "close")),
    )


def _micros(moments: Any) -> Int64[Array, " n"]:
    values = moments.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.where(np.isnat(values), NONE, values.astype(np.int64))


def session_closes(calendar: str, dates: pl.Series) -> pl.Series:
    """The moment (UTC) at which each session closes, half days included; null where the date is no session.

    `dates` is a Series of Date. For `24/7` a session closes at the end of its UTC day.

    >>> from datetime import date
    >>> session_closes("XNYS", pl.Series([date(2012, 11, 23)]))[0].isoformat()
    '2012-11-23T18:00:00+00:00'
    """
    check_calendar(calendar)
    dates = dates.cast(pl.Date)
    if dates.null_count() == len(dates):
        return pl.Series("close", [None] * len(dates), dtype=TIMESTAMP)
    days = dates.cast(pl.Int64)
    if calendar == ALWAYS:
        return ((days + 1) * DAY).cast(TIMESTAMP).rename("close")
    held = _sessions(calendar, dates.min().year, dates.max().year)  # type: ignore[union-attr]
    wanted = days.fill_null(NONE).to_numpy()
    at = np.minimum(np.searchsorted(held.date, wanted), len(held.date) - 1)
    found = held.date[at] == wanted
    closes = pl.Series("close", held.close[at]).cast(TIMESTAMP)
    return closes.set(pl.Series(~found), None)


def expected_stamps(calendar: str, frequency: str, start: datetime, end: datetime) -> pl.Series:
    """The stamps (closes, UTC, ascending) of every bar that a complete record holds in [start, end).

    Intraday bars are counted from each session's open (and from the end of its break); the last one of a session closes
    with it, however short. `1d` gives one stamp a session, `1w` the last close of each week.
    """
    step = round(parse_frequency(frequency).total_seconds() * 1e6)
    low, high = _micro(start), _micro(end)
    if high <= low:
        return pl.Series("timestamp", [], dtype=TIMESTAMP)
    # A session may close on the day after its date, and its date may differ from UTC's by one.
    try:
        held = sessions(calendar, start - timedelta(days=8), end + timedelta(days=8))
    except DataError:
        # The pad may reach a year that the exchange has not published, though the period itself does not.
        held = sessions(calendar, start, end - timedelta(microseconds=1))
    near = slice(
        int(np.searchsorted(held.close, low - 8 * DAY)), int(np.searchsorted(held.close, high + 8 * DAY, side="right"))
    )
    opens, closes, dates = held.open[near], held.close[near], held.date[near]
    if step == DAY:
        stamps = closes
    elif step == 7 * DAY:
        week = (dates + 3) // 7
        stamps = closes[np.append(week[1:] != week[:-1], True)] if len(week) else closes
    elif step > DAY:
        raise ConfigError(f"bars of {frequency} cannot be counted on a calendar; use 1d, 1w or less than a day")
    elif calendar == ALWAYS:
        stamps = np.arange(-(-low // step) * step, high, step, dtype=np.int64)
    else:
        breaks, resumes = held.break_start[near], held.break_end[near]
        stamps = np.sort(
            np.concatenate(
                [
                    _cuts(opens, np.where(breaks == NONE, closes, breaks), step),
                    _cuts(resumes[breaks != NONE], closes[breaks != NONE], step),
                ]
            )
        )
    return pl.Series("timestamp", stamps[(stamps >= low) & (stamps < high)]).cast(TIMESTAMP)


def _cuts(opens: Int64[Array, " n"], closes: Int64[Array, " n"], step: int) -> Int64[Array, " m"]:
    """The closes of bars of `step` from each open; the last bar of a span ends with the span."""
    counts = -(-(closes - opens) // step)
    span = np.repeat(np.arange(len(opens)), counts)
    number = np.arange(len(span)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return np.asarray(np.minimum(opens[span] + number * step, closes[span]))


def _micro(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise DataError(f"{moment.isoformat()} has no time zone; pass tzinfo=UTC")
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def periods_per_year(timestamps: pl.Series | Int64[Array, " n"]) -> float:
    """Bars in a year, counted: distinct stamps, less one, over the years they span. DataError below two stamps.

    `timestamps`: Datetime, or microseconds as integers.
    """
    series = timestamps if isinstance(timestamps, pl.Series) else pl.Series(np.asarray(timestamps))
    if isinstance(series.dtype, pl.Datetime):
        series = series.dt.cast_time_unit("us").cast(pl.Int64)
    count = series.n_unique()
    if count < 2:
        raise DataError(f"{count} distinct stamp(s) cannot tell the bars in a year; set evaluation.periods_per_year")
    span = int(series.max()) - int(series.min())  # type: ignore[arg-type]
    return (count - 1) * YEAR / span


def infer_frequency(bars: pl.DataFrame) -> str:
    """The most common step between the bars of a symbol, such as "1m" or "1d"; the shortest when several are.

    DataError when no symbol has two bars.
    """
    steps = (
        bars.lazy()
        .select(step=pl.col("timestamp").diff().over("symbol").dt.total_microseconds())
        .filter(pl.col("step") > 0)
        .group_by("step")
        .len()
        .sort(["len", "step"], descending=[True, False])
        .collect()
    )
    if steps.is_empty():
        raise DataError("the time between bars cannot be seen: no symbol has two bars; declare `frequency`")
    step = int(steps["step"][0])
    if step % 1_000_000:
        raise DataError(
            f"the most common step between bars is {step / 1e6} s, which is no bar frequency; "
            "ticks must be made into bars first, or declare `frequency`"
        )
    return format_frequency(timedelta(microseconds=step))
