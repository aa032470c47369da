"""A person's own frame: what is read, what is refused, and that nothing else is changed."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import TIMESTAMP
from gnomon.data.frames import as_bars, as_polars

MOMENT = datetime(2024, 3, 1, 15, tzinfo=UTC)


def test_a_pandas_nan_stays_and_an_index_of_dates_is_a_column() -> None:
    index = pd.date_range("2024-03-01 15:00", periods=2, freq="h", tz="UTC")
    table = as_polars(pd.DataFrame({"close": [1.0, float("nan")]}, index=index))
    assert table.columns == ["timestamp", "close"]
    assert table["close"].is_nan().to_list() == [False, True]
    assert as_polars(pd.DataFrame({0: [1]})).columns == ["0"]
    assert as_polars(pd.DataFrame({"a": [1, 2]}).iloc[::-1])["a"].to_list() == [2, 1]


def test_polars_frames_pass() -> None:
    frame = pl.DataFrame({"a": [1]})
    assert as_polars(frame) is frame
    assert as_polars(frame.lazy()).equals(frame)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_moments_are_in_utc_and_microseconds(unit: str, zone: str) -> None:
    stamps = pl.Series("timestamp", [MOMENT]).dt.cast_time_unit(unit).dt.convert_time_zone(zone)
    table = as_bars(pl.DataFrame([stamps]))
    assert table.schema["timestamp"] == TIMESTAMP
    assert table["timestamp"].to_list() == [MOMENT]


def test_stamps_without_a_zone_are_left_for_the_reader_to_refuse() -> None:
    naive = pl.DataFrame({"timestamp": [MOMENT.replace(tzinfo=None)]})
    assert as_bars(naive).equals(naive)
    assert as_bars(pl.DataFrame({"a": [1]})).columns == ["a"]


def test_what_is_no_table_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="a frame is a polars or pandas DataFrame, not list"):
        as_polars([1])  # type: ignore[arg-type]
    with pytest.raises(DataError, match="column 'close' of the frame holds values of the kinds float, str"):
        as_polars(pd.DataFrame({"open": [1.0, 2.0], "close": [1.0, "n/a"]}))
    with pytest.raises(DataError, match="2 columns 'close'"):
        as_polars(pd.DataFrame([[1.0, 2.0]], columns=["close", "close"]))
