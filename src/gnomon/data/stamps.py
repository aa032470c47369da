"""From what a source writes as a time to the moment (UTC) at which the bar was known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.base import TIMESTAMP
from gnomon.data.calendars import DAY, parse_frequency, session_closes
from gnomon.data.reading import Reading

LOCAL = pl.Datetime("us")
MICROS = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
ZONE = r" ?(Z|[+-]\d{2}:?\d{2})$"
ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d{2}:?\d{2}))?)?$"
EARLIEST, LATEST = datetime(1678, 1, 1), datetime(2262, 1, 1)
MAX_ROWS = 200
"""Offending rows that an error carries."""
ROW = "gnomon.row"
"""The column that remembers a row's place in its source while rows are put in order."""


@dataclass(frozen=True)
class Located:
    """Where a frame came from, for errors: its name, and how a row's index becomes a line of the file."""

    origin: str
    line: Callable[[int], int] | None = None

    def refuse(
        self, column: str, values: pl.Series, bad: pl.Series, what: str, *, rows: pl.Series | None = None
    ) -> DataError:
        """The error for the rows marked in `bad`: how many, the first one, and a table of them.

        `rows` gives each row's place in the source, where the frame is no longer in the source's order.
        """
        index = bad.fill_null(False).arg_true()
        count = len(index)
        index = index.head(MAX_ROWS)
        places = index if rows is None else rows.gather(index)
        place = "row" if self.line is None else "line"
        numbers = [row + 1 if self.line is None else self.line(row) for row in places]
        shown = [None if value is None else str(value) for value in values.gather(index)]
        table = pl.DataFrame(
            {"file": [self.origin] * len(shown), place: numbers, "column": [column] * len(shown), "value": shown},
            schema={"file": pl.String, place: pl.Int64, "column": pl.String, "value": pl.String},
        )
        first = repr(shown[0]) if shown[0] else "empty"
        return DataError(
            f"{self.origin}, {place} {numbers[0]}, column {column!r} is {first}: {count} {what}", rows=table
        )


def local_stamps(frame: pl.DataFrame, reading: Reading, where: Located) -> pl.Series:
    """The stamps as the source means them: moments in UTC where they carry a zone, else naive local times.

    With `session_close`, naive always: only the date counts, as the source's own zone shows it (a bar of
    2022-01-04 00:00+09:00 is of 4 January).
    """
    whole = "timestamp" in frame.columns
    raw = frame["timestamp" if whole else "date"]
    stamps = _stamps(raw, reading, where) if whole else _date_and_time(raw, frame["time"], reading, where)
    naive = stamps.dt.replace_time_zone(None)
    absurd = (naive < EARLIEST) | (naive > LATEST)
    if absurd.any():
        raise where.refuse(raw.name, raw, absurd, "time stamps lie outside 1678 to 2262: is `unit` right?")
    if reading.session_close is None or stamps.dtype == LOCAL:
        return stamps
    if reading.zone is not None:
        return stamps.dt.convert_time_zone(reading.zone).dt.replace_time_zone(None)
    if (naive.cast(pl.Int64) % DAY != 0).any():
        raise DataError(
            f"the time stamps of {where.origin} are moments in UTC (first: {naive[0]}), which may fall on another date "
            "than their session; declare `zone`, the exchange's time zone"
        )
    return naive


def _stamps(raw: pl.Series, reading: Reading, where: Located) -> pl.Series:
    if raw.null_count():
        raise where.refuse("timestamp", raw, raw.is_null(), "time stamps are missing")
    dtype = raw.dtype
    if dtype == pl.Date:
        return raw.cast(LOCAL)
    if isinstance(dtype, pl.Datetime):
        stamps = raw.dt.cast_time_unit("us")
        finer = stamps.dt.cast_time_unit(dtype.time_unit) != raw
        if finer.any():
            raise where.refuse("timestamp", raw, finer, "time stamps are finer than a microsecond")
        if dtype.time_zone is None:
            return stamps
        if reading.session_close is not None and reading.zone is None and dtype.time_zone != "UTC":
            return stamps.dt.replace_time_zone(None)
        return stamps.dt.convert_time_zone("UTC")
    if dtype == pl.String:
        return _text(raw.str.strip_chars(), reading, where)
    if dtype.is_numeric():
        return _text(raw.cast(pl.String), reading, where) if reading.date_format else _epoch(raw, reading, where)
    raise DataError(f"column 'timestamp' of {where.origin} is {dtype}, not a time; map another column to it")


def _epoch(raw: pl.Series, reading: Reading, where: Located) -> pl.Series:
    if reading.unit is None:
        raise DataError(
            f"column 'timestamp' of {where.origin} holds numbers ({raw[0]}); declare `unit` (s, ms, us, ns since 1970) "
            "or, for dates such as 20170103, `date_format`"
        )
    micros = MICROS[reading.unit]
    approximate = raw.cast(pl.Float64)
    bad = ~approximate.is_finite() | (approximate.abs() * micros > 9.2e18)
    if bad.any():
        raise where.refuse("timestamp", raw, bad, "time stamps are not numbers in range: is `unit` right?")
    if not raw.dtype.is_integer():
        return (approximate * micros).round().cast(pl.Int64).cast(TIMESTAMP)
    whole = raw.cast(pl.Int64)
    if reading.unit != "ns":
        return (whole * int(micros)).cast(TIMESTAMP)
    finer = whole % 1000 != 0
    if finer.any():
        raise where.refuse("timestamp", raw, finer, "time stamps are finer than a microsecond")
    return (whole // 1000).cast(TIMESTAMP)


def _text(raw: pl.Series, reading: Reading, where: Located) -> pl.Series:
    if reading.date_format is not None:
        return _formatted(raw, reading.date_format, reading, where)
    if reading.unit is not None:
        numbers = raw.cast(pl.Int64, strict=False)
        if numbers.null_count():
            numbers = raw.cast(pl.Float64, strict=False)
        if numbers.null_count():
            raise where.refuse("timestamp", raw, numbers.is_null(), f"time stamps are not numbers of {reading.unit}")
        return _epoch(numbers, reading, where)
    wrong = ~raw.str.contains(ISO)
    if wrong.any():
        what = "time stamps are not ISO 8601 (2017-01-03 09:30:00); declare `date_format` or `unit`"
        raise where.refuse("timestamp", raw, wrong, what)
    zones = pl.select(pl.when(raw.str.len_bytes() > 10).then(raw.str.extract(ZONE)).alias("zone"))["zone"]
    zoned = zones.is_not_null()
    if zoned.any() and not zoned.all():
        raise where.refuse("timestamp", raw, ~zoned, "time stamps have no zone though others in the column have one")
    stamps = _iso(raw.str.replace(ZONE, "") if zoned.any() else raw)
    if stamps.null_count():
        raise where.refuse("timestamp", raw, stamps.is_null(), "time stamps name no moment that exists")
    if not zoned.any():
        return stamps
    digits = zones.str.replace("Z", "+0000", literal=True).str.replace(":", "", literal=True)
    minutes = digits.str.slice(1, 2).cast(pl.Int64) * 60 + digits.str.slice(3, 2).cast(pl.Int64)
    minutes = minutes * (1 - 2 * digits.str.starts_with("-").cast(pl.Int64))
    if reading.session_close is not None and reading.zone is None and (minutes != 0).any():
        return stamps
    return (stamps.cast(pl.Int64) - minutes * 60_000_000).cast(TIMESTAMP)


def _iso(text: pl.Series) -> pl.Series:
    """Naive stamps from ISO 8601 text without a zone: a date, or with minutes, seconds, fractions."""
    text = text.str.replace("T", " ", literal=True)
    length = text.str.len_bytes()
    if (length == 10).any() or (length == 16).any():
        whole = pl.when(length == 10).then(text + " 00:00:00").when(length == 16).then(text + ":00").otherwise(text)
        text = pl.select(whole.alias("timestamp"))["timestamp"]
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)


def _formatted(raw: pl.Series, layout: str, reading: Reading, where: Located) -> pl.Series:
    text = raw
    if any(code in layout for code in ("%H", "%I", "%k", "%l")) and "%M" not in layout and "%T" not in layout:
        # The parser wants minutes with every hour.
        layout, text = layout + " %M", text + " 00"
    try:
        stamps = text.str.to_datetime(layout, time_unit="us", strict=False)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"date_format {reading.date_format!r} cannot be used: {str(error).splitlines()[0]}") from None
    if stamps.null_count():
        what = f"time stamps do not match date_format {reading.date_format!r}"
        raise where.refuse("timestamp", raw, stamps.is_null(), what)
    return stamps if stamps.dtype == LOCAL else stamps.dt.convert_time_zone("UTC")


def _date_and_time(dates: pl.Series, times: pl.Series, reading: Reading, where: Located) -> pl.Series:
    """The stamp from a date and a time of day: text joined by a space, or numbers of `unit` since local midnight."""
    for name, values in (("date", dates), ("time", times)):
        if values.null_count():
            raise where.refuse(name, values, values.is_null(), "stamps lack a part")
    text = dates.cast(pl.String).str.strip_chars()
    if reading.unit is None:
        return _text((text + " " + times.cast(pl.String).str.strip_chars()).rename("timestamp"), reading, where)
    micros = MICROS[reading.unit]
    numbers = times.cast(pl.Float64, strict=False)
    bad = numbers.is_null() | ~numbers.is_between(0, DAY / micros).fill_null(False)
    if bad.any():
        raise where.refuse("time", times, bad, f"times are not {reading.unit} since midnight")
    if reading.date_format is None:
        days = text.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
        if days.null_count():
            raise where.refuse("date", dates, days.is_null(), "dates are not YYYY-MM-DD; declare `date_format`")
    else:
        days = _formatted(text, reading.date_format, reading, where)
    return (days.cast(pl.Int64) + (numbers * micros).round().cast(pl.Int64)).cast(LOCAL)


def to_utc(stamps: pl.Series, reading: Reading, where: Located) -> pl.Series:
    """Moments in UTC. Naive stamps take the declared zone; a clock change's hours follow the declared policy."""
    if stamps.dtype == TIMESTAMP:
        return stamps
    if reading.zone is None:
        raise DataError(
            f"the time stamps of {where.origin} carry no time zone (first: {stamps[0]}); "
            "declare `zone: UTC` or the zone of the source's clock"
        )
    policy = "null" if reading.ambiguous == "refuse" else reading.ambiguous
    zoned = stamps.dt.replace_time_zone(reading.zone, ambiguous=policy, non_existent="null")
    if zoned.null_count():
        zoned = _clock_changes(stamps, zoned, reading, reading.zone, where)
    return zoned.dt.convert_time_zone("UTC")


def _clock_changes(stamps: pl.Series, zoned: pl.Series, reading: Reading, zone: str, where: Located) -> pl.Series:
    lost = zoned.is_null()
    skipped = lost & stamps.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").is_null()
    if (lost & ~skipped).any():
        what = f"local times happen twice in {zone}, where clocks go back; declare `ambiguous: earliest` or `latest`"
        raise where.refuse("timestamp", stamps, lost & ~skipped, what)
    if reading.nonexistent == "refuse":
        what = f"local times do not exist in {zone}, where clocks go forward; declare `nonexistent: shift_forward`"
        raise where.refuse("timestamp", stamps, skipped, what)
    # What a clock that was not put forward would show: three hours after it showed three hours less.
    hours = timedelta(hours=3)
    before = (stamps - hours).dt.replace_time_zone(zone, ambiguous="latest", non_existent="null") + hours
    return pl.select(pl.when(lost).then(before).otherwise(zoned).alias("timestamp"))["timestamp"]


def bar_closes(bars: pl.DataFrame, reading: Reading, where: Located, *, frequency: str | None) -> pl.Series:
    """When each bar was known: its stamp, its open plus the frequency, or the close of its session.

    `bars` ascend within each symbol and carry `ROW`.
    """
    stamps = bars["timestamp"]
    if reading.session_close is not None:
        return _session_closes(bars, reading.session_close, reading, where)
    if reading.stamp == "close" or frequency is None:
        return stamps
    step = parse_frequency(frequency)
    closes = stamps + step
    if step % timedelta(days=1) == timedelta(0) and reading.zone not in {None, "UTC"}:
        # Days by the local clock: 23 or 25 hours where clocks change.
        local = stamps.dt.convert_time_zone(str(reading.zone)).dt.replace_time_zone(None) + step
        zoned = local.dt.replace_time_zone(reading.zone, ambiguous="earliest", non_existent="null")
        closes = pl.select(pl.coalesce(zoned.dt.convert_time_zone("UTC"), closes).alias("timestamp"))["timestamp"]
    ahead = bars.select("symbol", "timestamp", closes.alias("close")).select(
        pl.col("timestamp", "close").shift().over("symbol")
    )
    overlap = (ahead["timestamp"] < stamps) & (stamps < ahead["close"])
    if overlap.any():
        what = f"bars open before the bar ahead of them has closed, {frequency} after its open; declare `frequency`"
        raise where.refuse("timestamp", stamps, overlap, what, rows=bars[ROW])
    return closes.alias("timestamp")


def _session_closes(bars: pl.DataFrame, calendar: str, reading: Reading, where: Located) -> pl.Series:
    stamps = bars["timestamp"]
    dates = stamps.dt.date()
    ahead = bars.select(pl.col("timestamp").shift().over("symbol"))["timestamp"]
    twice = (ahead.dt.date() == dates) & (ahead != stamps)
    if twice.any():
        what = "rows share a session with another time of day; `session_close` is for daily bars, use `stamp`"
        raise where.refuse("timestamp", stamps, twice, what, rows=bars[ROW])
    closes = session_closes(calendar, dates)
    if closes.null_count() and reading.off_session == "refuse":
        what = f"days are no session of {calendar}; declare `off_session: drop` to leave them out"
        raise where.refuse("timestamp", dates, closes.is_null(), what, rows=bars[ROW])
    return closes.alias("timestamp")
