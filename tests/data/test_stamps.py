"""The moment that a source's stamp means, worked by hand; and what is refused because it means none."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.bars import to_bars
from gnomon.data.reading import Reading

NEW_YORK = ZoneInfo("America/New_York")


def closes(stamps: Any, **fields: Any) -> list[str]:
    """The closes of bars with these stamps, as text in UTC."""
    return [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in bars_of(stamps, **fields)["timestamp"]]


def bars_of(stamps: Any, **fields: Any) -> pl.DataFrame:
    frame = stamps if isinstance(stamps, pl.DataFrame) else pl.DataFrame({"timestamp": stamps})
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1.0)
    reading = Reading(**{"symbol": "X", **({} if "session_close" in fields else {"stamp": "close"}), **fields})
    return to_bars(frame.with_columns(**{name: pl.lit(value) for name, value in prices.items()}), reading)


@pytest.mark.parametrize(
    ("stamps", "fields", "expected"),
    [
        (["2020-01-02T15:00:00Z"], {}, "2020-01-02 15:00:00"),
        (["2020-01-02 15:00"], {"zone": "UTC"}, "2020-01-02 15:00:00"),
        (["2020-01-02 15:00:00.5"], {"zone": "UTC"}, "2020-01-02 15:00:00"),
        (["2020-01-02 10:00:00-05:00"], {}, "2020-01-02 15:00:00"),
        (["2020-01-02T20:30:00 +0530"], {}, "2020-01-02 15:00:00"),
        (["2020-01-02"], {"zone": "UTC"}, "2020-01-02 00:00:00"),
        ([1_577_977_200], {"unit": "s"}, "2020-01-02 15:00:00"),
        ([1_577_977_200_000], {"unit": "ms"}, "2020-01-02 15:00:00"),
        (["1577977200000000"], {"unit": "us"}, "2020-01-02 15:00:00"),
        ([1_577_977_200_000_000_000], {"unit": "ns"}, "2020-01-02 15:00:00"),
        ([1_577_977_200.25], {"unit": "s"}, "2020-01-02 15:00:00"),
        ([20200102], {"date_format": "%Y%m%d", "zone": "UTC"}, "2020-01-02 00:00:00"),
        (["2.1.2020 15:00"], {"date_format": "%d.%m.%Y %H:%M", "zone": "UTC"}, "2020-01-02 15:00:00"),
        (["01/02/2020"], {"date_format": "%m/%d/%Y", "zone": "UTC"}, "2020-01-02 00:00:00"),
        (["2020-01-02 03-PM"], {"date_format": "%Y-%m-%d %I-%p", "zone": "UTC"}, "2020-01-02 15:00:00"),
        (["2020-01-02 10:00 -0500"], {"date_format": "%Y-%m-%d %H:%M %z"}, "2020-01-02 15:00:00"),
        ([datetime(2020, 1, 2, 10)], {"zone": "America/New_York"}, "2020-01-02 15:00:00"),
        ([datetime(2020, 1, 2, 10, tzinfo=NEW_YORK)], {}, "2020-01-02 15:00:00"),
        (["2020-01-02 15:00Z"], {"stamp": "open", "frequency": "5m"}, "2020-01-02 15:05:00"),
        (["2020-01-02 10:00"], {"stamp": "open", "frequency": "1h", "zone": "America/New_York"}, "2020-01-02 16:00:00"),
        # Days by the local clock: 23 and 25 hours long where it changes.
        (["2016-03-13"], {"stamp": "open", "frequency": "1d", "zone": "America/New_York"}, "2016-03-14 04:00:00"),
        (["2016-11-06"], {"stamp": "open", "frequency": "1d", "zone": "America/New_York"}, "2016-11-07 05:00:00"),
        (["2016-03-13"], {"stamp": "open", "frequency": "1d", "zone": "UTC"}, "2016-03-14 00:00:00"),
        # A session's bar is known at its close, whatever the stamp's hour.
        (["2012-11-23"], {"session_close": "XNYS"}, "2012-11-23 18:00:00"),
        ([date(2012, 11, 23)], {"session_close": "XNYS"}, "2012-11-23 18:00:00"),
        (["2022-01-04 00:00:00+09:00"], {"session_close": "XTKS"}, "2022-01-04 06:00:00"),
        (["1999-10-25 16:00:00-04:00"], {"session_close": "XNYS"}, "1999-10-25 20:00:00"),
        (["2022-01-03 15:00:00Z"], {"session_close": "XTKS", "zone": "Asia/Tokyo"}, "2022-01-04 06:00:00"),
        ([1_641_222_000], {"session_close": "XTKS", "unit": "s", "zone": "Asia/Tokyo"}, "2022-01-04 06:00:00"),
        ([datetime(2016, 2, 29, tzinfo=NEW_YORK)], {"session_close": "XNYS"}, "2016-02-29 21:00:00"),
        (["2016-02-29"], {"session_close": "24/7"}, "2016-03-01 00:00:00"),
    ],
)
def test_a_stamp_means_one_moment(stamps: list[Any], fields: dict[str, Any], expected: str) -> None:
    assert closes(stamps, **fields) == [expected]


@pytest.mark.parametrize(
    ("stamps", "fields", "fault"),
    [
        (["2020-01-02 15:00"], {}, "carry no time zone"),
        ([datetime(2020, 1, 2)], {}, "carry no time zone"),
        ([1_577_977_200], {}, "declare `unit`"),
        (["1577977200"], {}, "not ISO 8601"),
        (["01/02/2020"], {"zone": "UTC"}, "not ISO 8601"),
        (["2020-02-30"], {"zone": "UTC"}, "name no moment that exists"),
        (["2020-01-02 25:00"], {"zone": "UTC"}, "name no moment that exists"),
        (["2020-01-02 15:00Z", "2020-01-02 16:00"], {}, "no zone though others"),
        ([None], {"zone": "UTC"}, "missing"),
        (["soon"], {"unit": "s"}, "not numbers of s"),
        ([1_577_977_200_000], {"unit": "s"}, "1678 to 2262"),
        ([9e30], {"unit": "ms"}, "is `unit` right"),
        ([1_577_977_200_000_000_001], {"unit": "ns"}, "finer than a microsecond"),
        (["2020-01-02"], {"date_format": "%d.%m.%Y", "zone": "UTC"}, "do not match date_format"),
        ([True], {"zone": "UTC"}, "not a time"),
        (["2022-01-03 15:00:00Z"], {"session_close": "XTKS"}, "another date than their session"),
        (["2012-11-24"], {"session_close": "XNYS"}, "no session of XNYS"),
        (["2012-11-23 10:00", "2012-11-23 11:00"], {"session_close": "XNYS"}, "share a session"),
        (["2020-01-02 15:00Z", "2020-01-02 15:01Z"], {"stamp": "open", "frequency": "5m"}, "before the bar ahead"),
        (["2020-01-02 15:00Z"], {"stamp": "open"}, "declare `frequency`"),
    ],
)
def test_a_stamp_that_means_none_is_refused(stamps: list[Any], fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        closes(stamps, **fields)


def test_two_clocks_that_change_are_refused_or_follow_the_policy() -> None:
    twice, never = ["2016-11-06 01:30"], ["2016-03-13 02:30"]
    zone = {"zone": "America/New_York"}
    with pytest.raises(DataError, match="happen twice in America/New_York") as refused:
        closes(["2016-11-06 00:30", *twice], **zone)
    assert refused.value.rows is not None
    assert refused.value.rows["row"].to_list() == [2]
    with pytest.raises(DataError, match="do not exist in America/New_York"):
        closes(never, **zone)
    assert closes(twice, ambiguous="earliest", **zone) == ["2016-11-06 05:30:00"]
    assert closes(twice, ambiguous="latest", **zone) == ["2016-11-06 06:30:00"]
    assert closes(never, nonexistent="shift_forward", **zone) == ["2016-03-13 07:30:00"]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)), st.sampled_from(["Europe/London", "America/New_York"]))
def test_local_times_agree_with_the_standard_library(local: datetime, zone: str) -> None:
    aware = local.replace(tzinfo=ZoneInfo(zone))
    if aware.astimezone(ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        return
    (found,) = bars_of([local.isoformat(" ")], zone=zone, ambiguous="earliest")["timestamp"]
    assert found == aware


def test_date_and_time_stand_in_two_columns() -> None:
    columns = {"date": "d", "time": "t"}
    text = pl.DataFrame({"d": ["2020-01-02"], "t": ["15:00:00"]})
    assert closes(text, columns=columns, zone="UTC") == ["2020-01-02 15:00:00"]
    since_midnight = pl.DataFrame({"d": ["20200102"], "t": [36_000_000]})
    lean = {"columns": columns, "unit": "ms", "date_format": "%Y%m%d", "zone": "America/New_York"}
    assert closes(since_midnight, **lean) == ["2020-01-02 15:00:00"]
    iso = pl.DataFrame({"d": ["2020-01-02"], "t": [36_000]})
    assert closes(iso, columns=columns, unit="s", zone="UTC") == ["2020-01-02 10:00:00"]
    for bad, fault in (
        (pl.DataFrame({"d": ["2020-01-02"], "t": [90_000]}), "not s since midnight"),
        (pl.DataFrame({"d": ["2020-1-2x"], "t": [9]}), "not YYYY-MM-DD"),
        (pl.DataFrame({"d": [None], "t": [9]}, schema={"d": pl.String, "t": pl.Int64}), "lack a part"),
    ):
        with pytest.raises(DataError, match=fault):
            closes(bad, columns=columns, unit="s", zone="UTC")


def test_days_off_can_be_dropped_where_that_is_declared() -> None:
    stamps = ["2012-11-23", "2012-11-24", "2012-11-26"]
    kept = closes(stamps, session_close="XNYS", off_session="drop")
    assert kept == ["2012-11-23 18:00:00", "2012-11-26 21:00:00"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"stamp": None}, "say what the time stamps are"),
        ({"session_close": "XNYS", "stamp": "close"}, "contradict"),
        ({"session_close": "XNYZ"}, "unknown calendar"),
        ({"zone": "America/NewYork"}, "did you mean 'America/New_York'"),
        ({"frequency": "daily"}, "frequency 'daily'"),
        ({"price_scale": 0.0}, "above zero"),
        ({"unit": "s", "date_format": "%Y"}, "contradict"),
        ({"constants": {"volum": 0}}, "did you mean 'volume'"),
    ],
)
def test_a_reading_that_contradicts_itself_is_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        bars_of(["2020-01-02"], **fields)


def test_a_useless_date_format_is_named() -> None:
    with pytest.raises(DataError, match="date_format"):
        closes(["2020"], date_format="%Q", zone="UTC")
