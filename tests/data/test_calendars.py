"""Bar counts are exact where clocks change, markets close early, and years are leap years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import TIMESTAMP
from gnomon.data.calendars import (
    expected_stamps,
    format_frequency,
    infer_frequency,
    parse_frequency,
    periods_per_year,
    session_closes,
)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


def closes(calendar: str, *days: date) -> list[str | None]:
    return [moment and f"{moment:%m-%d %H:%M}" for moment in session_closes(calendar, pl.Series(days))]


@pytest.mark.parametrize(
    ("calendar", "days", "expected"),
    [
        # New York puts its clocks forward on 13 March 2016 and back on 6 November.
        ("XNYS", (date(2016, 3, 11), date(2016, 3, 14)), ["03-11 21:00", "03-14 20:00"]),
        ("XNYS", (date(2016, 11, 4), date(2016, 11, 7)), ["11-04 20:00", "11-07 21:00"]),
        # London on 27 March and 30 October.
        ("XLON", (date(2016, 3, 24), date(2016, 3, 29)), ["03-24 16:30", "03-29 15:30"]),
        ("XLON", (date(2016, 10, 28), date(2016, 10, 31)), ["10-28 15:30", "10-31 16:30"]),
        # Half days: after Thanksgiving, Christmas Eve in London; 29 February; a Saturday; Sandy.
        ("XNYS", (date(2012, 11, 23), date(2012, 2, 29), date(2012, 11, 24)), ["11-23 18:00", "02-29 21:00", None]),
        ("XLON", (date(2015, 12, 24), date(2015, 12, 25)), ["12-24 12:30", None]),
        ("XNYS", (date(2012, 10, 29), date(2012, 10, 31)), [None, "10-31 20:00"]),
        ("24/7", (date(2016, 2, 29), date(2016, 12, 31)), ["03-01 00:00", "01-01 00:00"]),
    ],
)
def test_a_session_closes_when_its_exchange_does(calendar: str, days: tuple[date, ...], expected: list[str]) -> None:
    assert closes(calendar, *days) == expected


def test_a_control_that_closes_at_a_fixed_utc_hour_is_caught() -> None:
    naive = [f"{day:%m-%d} 21:00" for day in (date(2016, 3, 11), date(2016, 3, 14))]
    assert closes("XNYS", date(2016, 3, 11), date(2016, 3, 14)) != naive


@pytest.mark.parametrize(
    ("calendar", "frequency", "start", "end", "count"),
    [
        ("XNYS", "1m", at(2016, 3, 11), at(2016, 3, 15), 2 * 390),
        ("XNYS", "1m", at(2016, 11, 4), at(2016, 11, 8), 2 * 390),
        ("XNYS", "1m", at(2012, 11, 23), at(2012, 11, 24), 210),
        ("XNYS", "1h", at(2016, 3, 14), at(2016, 3, 15), 7),
        ("XLON", "5m", at(2016, 3, 29), at(2016, 3, 30), 102),
        ("XLON", "5m", at(2015, 12, 24), at(2015, 12, 25), 54),
        ("XHKG", "1h", at(2016, 3, 11), at(2016, 3, 12), 6),
        ("XNYS", "1d", at(2016, 1, 1), at(2017, 1, 1), 252),
        ("XNYS", "1w", at(2016, 1, 1), at(2017, 1, 1), 52),
        ("24/7", "1h", at(2016, 3, 13), at(2016, 3, 14), 24),
        ("24/7", "1m", at(2016, 2, 29), at(2016, 3, 1), 1440),
        ("24/7", "1d", at(2016, 1, 1), at(2017, 1, 1), 366),
        ("24/7", "1d", at(2017, 1, 1), at(2018, 1, 1), 365),
    ],
)
def test_counts_are_exact(calendar: str, frequency: str, start: datetime, end: datetime, count: int) -> None:
    stamps = expected_stamps(calendar, frequency, start, end)
    assert len(stamps) == count
    assert stamps.is_sorted()
    assert stamps.is_unique().all()


def test_breaks_and_short_last_bars_close_with_their_span() -> None:
    hours = [f"{moment:%H:%M}" for moment in expected_stamps("XHKG", "1h", at(2016, 3, 11), at(2016, 3, 12))]
    assert hours == ["02:30", "03:30", "04:00", "06:00", "07:00", "08:00"]


@given(st.dates(date(2015, 2, 1), date(2016, 10, 1)), st.integers(1, 40))
def test_stamps_of_two_periods_are_those_of_both(day: date, days: int) -> None:
    start = datetime(day.year, day.month, day.day, 13, tzinfo=UTC)
    middle, end = start + timedelta(days=days // 2), start + timedelta(days=days)
    parts = [expected_stamps("XNYS", "1h", start, middle), expected_stamps("XNYS", "1h", middle, end)]
    assert pl.concat(parts).equals(expected_stamps("XNYS", "1h", start, end))


def test_years_beyond_the_library_s_default_end_are_there() -> None:
    assert closes("XNYS", date(2045, 7, 3)) == ["07-03 17:00"]
    assert len(expected_stamps("XNYS", "1d", at(2044, 1, 1), at(2045, 1, 1))) > 248


def test_a_year_that_an_exchange_has_not_published_is_refused() -> None:
    with pytest.raises(DataError, match="XSHG cannot give the years 2045"):
        session_closes("XSHG", pl.Series([date(2045, 1, 4)]))


def test_a_pad_over_an_unpublished_year_does_not_refuse_the_period() -> None:
    assert len(expected_stamps("XSHG", "1d", at(2025, 12, 29), at(2026, 1, 1))) == 3
    assert len(expected_stamps("XSHG", "1d", at(2026, 12, 1), at(2027, 1, 1))) == 23


def test_an_unknown_calendar_and_frequency_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown calendar 'XNY'; did you mean"):
        session_closes("XNY", pl.Series([date(2016, 1, 4)]))
    with pytest.raises(ConfigError, match="frequency '1x'"):
        parse_frequency("1x")
    with pytest.raises(ConfigError, match="bars of 2d"):
        expected_stamps("XNYS", "2d", at(2016, 1, 1), at(2017, 1, 1))
    with pytest.raises(DataError, match="no time zone"):
        expected_stamps("XNYS", "1d", datetime(2016, 1, 1), at(2017, 1, 1))


@given(st.integers(1, 500), st.sampled_from("smhdw"))
def test_frequencies_come_back(number: int, unit: str) -> None:
    step = parse_frequency(f"{number}{unit}")
    assert parse_frequency(format_frequency(step)) == step


def test_empty_periods_have_no_stamps() -> None:
    assert expected_stamps("XNYS", "1d", at(2016, 1, 1), at(2016, 1, 1)).is_empty()
    assert session_closes("XNYS", pl.Series([None], dtype=pl.Date)).to_list() == [None]
    with pytest.raises(ConfigError, match="not a whole number"):
        format_frequency(timedelta(microseconds=1))


def test_bars_in_a_year_are_counted() -> None:
    days = expected_stamps("XNYS", "1d", at(1999, 1, 1), at(2019, 1, 1))
    assert periods_per_year(days) == pytest.approx(251.64, abs=0.1)
    minutes = np.arange(0, 10 * 86_400_000_000, 60_000_000)
    assert periods_per_year(minutes) == pytest.approx(365.25 * 1440)
    assert periods_per_year(np.concatenate([minutes, minutes])) == pytest.approx(365.25 * 1440)
    with pytest.raises(DataError, match="1 distinct"):
        periods_per_year(np.array([5]))


def test_the_frequency_is_the_most_common_step_of_a_symbol() -> None:
    micros = [0, 60, 120, 300, 360, 0, 60]
    bars = pl.DataFrame({"timestamp": micros, "symbol": list("AAAAABB")}).with_columns(
        (pl.col("timestamp") * 1_000_000).cast(TIMESTAMP)
    )
    assert infer_frequency(bars) == "1m"
    with pytest.raises(DataError, match="no symbol has two bars"):
        infer_frequency(bars[:1])
    with pytest.raises(DataError, match="no bar frequency"):
        infer_frequency(bars.with_columns((pl.col("timestamp").cast(pl.Int64) // 7).cast(TIMESTAMP)))
