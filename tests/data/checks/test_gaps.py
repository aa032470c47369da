"""Gaps: counted by the calendar, or by the rhythm of the data; closing times are no gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from gnomon.config.models import ChecksConfig
from gnomon.core.errors import DataError
from gnomon.data.calendars import expected_stamps
from gnomon.data.checks import check_bars
from gnomon.data.issues import Issue

Factory = Callable[..., pl.DataFrame]
START, END = datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)


def bars_at(stamps: Sequence[datetime] | pl.Series, symbol: str = "A") -> pl.DataFrame:
    """Bars at these stamps whose prices are sound and never equal."""
    price = 100 + (pl.int_range(pl.len()) % 7).cast(pl.Float64)
    return (
        pl.DataFrame({"timestamp": stamps})
        .cast({"timestamp": pl.Datetime("us", "UTC")})
        .with_columns(symbol=pl.lit(symbol), open=price, high=price + 1, low=price - 1, close=price, volume=5.0)
    )


def gaps(bars: pl.DataFrame, **kwargs: str) -> list[Issue]:
    return [issue for issue in check_bars(bars, ChecksConfig(), **kwargs).issues if issue.check == "gaps"]


def without(stamps: pl.Series, *places: int) -> pl.Series:
    keep = pl.Series([place not in places for place in range(len(stamps))])
    return stamps.filter(keep)


def test_a_complete_year_has_no_gap_by_its_calendar() -> None:
    assert gaps(bars_at(expected_stamps("XNYS", "1d", START, END)), frequency="1d", calendar="XNYS") == []


def test_sessions_missing_from_a_calendar_are_counted() -> None:
    stamps = expected_stamps("XNYS", "1d", START, END)
    [issue] = gaps(bars_at(without(stamps, 10, 11, 12, 100)), frequency="1d", calendar="XNYS")
    assert issue.count == 4
    assert issue.rows["missing"].to_list() == [3, 1]
    assert issue.rows["timestamp"].to_list() == [stamps[13], stamps[101]]
    assert issue.rows["previous"].to_list() == [stamps[9], stamps[99]]
    assert "in 2 gaps" in issue.message
    assert "3 bars between 2019-01-15 21:00 and 2019-01-22 21:00" in issue.message, "the longest, over a holiday"
    assert "A 4" in issue.message


def test_minutes_missing_from_a_calendar_are_counted_within_sessions_only() -> None:
    stamps = expected_stamps("XNYS", "30m", datetime(2019, 3, 1, tzinfo=UTC), datetime(2019, 3, 20, tzinfo=UTC))
    assert gaps(bars_at(stamps), frequency="30m", calendar="XNYS") == []
    [issue] = gaps(bars_at(without(stamps, 12, 13)), frequency="30m", calendar="XNYS")
    assert issue.count == 2, "the last bar of one session and the first of the next: the night between does not count"


def test_bars_beside_the_calendar_are_told_apart() -> None:
    stamps = expected_stamps("XNYS", "1d", START, END)
    off = stamps.to_list()
    off[5] = off[5] - timedelta(hours=2)
    issues = gaps(bars_at(off), frequency="1d", calendar="XNYS")
    assert [issue.count for issue in issues] == [1, 1]
    assert "not stamped at a close" in issues[1].message
    assert issues[1].rows["row"].to_list() == [5]


def test_weekends_are_no_gaps_without_a_calendar(clean: Factory) -> None:
    bars = clean(0, symbols=1)
    assert gaps(bars) == []
    [issue] = gaps(bars.filter(pl.int_range(pl.len()) != 100))
    assert issue.count == 1
    assert "name data.calendar" in issue.message


def test_a_week_that_rests_on_other_days_is_learnt() -> None:
    # Sunday to Thursday, as in Tel Aviv.
    start = datetime(2022, 1, 2, 15, tzinfo=UTC)
    days = [start + timedelta(days=7 * (day // 5) + day % 5) for day in range(60)]
    assert gaps(bars_at(days)) == []
    assert [issue.count for issue in gaps(bars_at(days[:20] + days[23:]))] == [3]


def test_nights_are_no_gaps_without_a_calendar() -> None:
    stamps = expected_stamps("XNYS", "5m", START, datetime(2019, 3, 1, tzinfo=UTC))
    issues = gaps(bars_at(stamps))
    # Two holidays lengthen a weekend and a night; that they are holidays cannot be known from one symbol.
    assert [issue.rows.height for issue in issues] == [2]
    assert "regular pauses" in issues[0].message
    [issue] = gaps(bars_at(without(stamps, 30, 31, 32)))
    assert issue.rows.height == 3
    assert issue.rows["missing"][0] == 3


def test_moments_without_any_symbol_are_reported_once(clean: Factory) -> None:
    bars = clean(1, symbols=3)
    day = bars["timestamp"][120]
    [issue] = gaps(bars.filter(pl.col("timestamp") != day))
    assert issue.count == 1, "one moment, not one for each of three symbols"
    assert "every symbol at once" in issue.message
    [issue] = gaps(bars.filter((pl.col("timestamp") != day) | (pl.col("symbol") != "B")))
    assert issue.rows["symbol"].to_list() == ["B"]
    assert "other symbols have one" in issue.message


def test_clock_changes_are_no_gaps() -> None:
    # Session closes are 20:00 or 21:00 UTC: steps of 23 and 25 hours.
    stamps = expected_stamps("XNYS", "1d", START, END).to_list()
    holidays = 260 - 1 - len(stamps) + 2
    assert sum(issue.count for issue in gaps(bars_at(stamps))) <= holidays + 8


def test_ticks_are_refused_in_words() -> None:
    start = datetime(2019, 1, 1, tzinfo=UTC)
    ticks = [start + timedelta(milliseconds=250 * step) for step in range(50)]
    with pytest.raises(DataError, match="ticks must be made into bars"):
        check_bars(bars_at(ticks))
