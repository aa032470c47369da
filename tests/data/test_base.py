"""Queries, and what a source gives for them."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import SOURCES, TABLES, TIMESTAMP, Query, narrow


def bars() -> pl.DataFrame:
    stamps = [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    return pl.DataFrame({"timestamp": stamps * 2, "symbol": ["AAA"] * 3 + ["BBB"] * 3}).cast({"timestamp": TIMESTAMP})


def test_start_is_inclusive_and_end_exclusive() -> None:
    found = narrow(bars(), Query(start=datetime(2020, 1, 2, tzinfo=UTC), end=datetime(2020, 1, 3, tzinfo=UTC)))
    assert found["timestamp"].dt.day().to_list() == [2, 2]
    assert narrow(bars(), Query(symbols=("BBB",)))["symbol"].unique().to_list() == ["BBB"]
    assert narrow(bars(), Query()).equals(bars())


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="no symbol 'AAB'; did you mean 'AAA'"):
        narrow(bars(), Query(symbols=("AAB",)))
    with pytest.raises(DataError, match="it has AAA, BBB"):
        narrow(bars(), Query(symbols=("zzzzz",)))
    with pytest.raises(DataError, match="it holds 2020-01-01 00:00:00"):
        narrow(bars(), Query(start=datetime(2021, 1, 1, tzinfo=UTC)))


def test_a_query_says_its_zone_and_its_order() -> None:
    with pytest.raises(DataError, match="start = 2020-01-01T00:00:00 has no time zone"):
        Query(start=datetime(2020, 1, 1))
    with pytest.raises(DataError, match="not before end"):
        Query(start=datetime(2020, 1, 2, tzinfo=UTC), end=datetime(2020, 1, 2, tzinfo=UTC))


def test_the_registries_know_gnomon_s_own_kinds_without_an_import() -> None:
    assert {"csv", "parquet", "sqlite", "json", "http_json", "frame", "embedded", "synthetic"} <= set(SOURCES.names())
    assert {"csv", "parquet", "sqlite", "http_json", "frame", "embedded_table"} <= set(TABLES.names())
    with pytest.raises(ConfigError, match="did you mean 'parquet'"):
        SOURCES.get("parket")
