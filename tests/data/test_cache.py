"""The cache gives what the source gives, notices changed files and damaged copies, and keeps parts apart."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from gnomon.core.clock import FixedClock
from gnomon.data.base import SOURCES, Query
from gnomon.data.cache import DataCache, cache_key
from gnomon.data.describe import describe_source
from gnomon.data.sources.csv import CsvDataSource

TEXT = "timestamp,open,high,low,close,volume\n2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1,2,0.5,1.75,10\n"
QUERY = Query()


@pytest.fixture
def source(tmp_path: Path) -> CsvDataSource:
    (tmp_path / "x.csv").write_text(TEXT)
    return CsvDataSource(path=str(tmp_path / "x.csv"), session_close="XNYS", symbol="X")


@pytest.fixture
def cache(tmp_path: Path) -> DataCache:
    return DataCache(tmp_path / "cache", FixedClock(datetime(2020, 5, 1, tzinfo=UTC)))


def test_a_second_fetch_reads_the_copy(
    source: CsvDataSource, cache: DataCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.fetch(source, QUERY).collect()
    assert first.equals(source.fetch(QUERY).collect())

    def never(self: CsvDataSource, query: Query) -> pl.DataFrame:
        raise AssertionError("read again")

    monkeypatch.setattr(CsvDataSource, "load", never)
    assert cache.fetch(source, QUERY).collect().equals(first)


def test_a_changed_file_query_or_field_is_fetched_anew(source: CsvDataSource, cache: DataCache) -> None:
    cache.fetch(source, QUERY)
    one = cache.fetch(source, Query(start=datetime(2020, 1, 3, tzinfo=UTC))).collect()
    assert one["close"].to_list() == [1.75]
    Path(source.path).write_text(TEXT.replace("1.75", "1.25"))
    assert cache.fetch(source, QUERY).collect()["close"].to_list() == [1.5, 1.25]
    keys = {cache_key(source, QUERY), cache_key(SOURCES.create("csv", **{**describe(source), "symbol": "Y"}), QUERY)}  # type: ignore[arg-type]
    assert len(keys) == 2


def describe(source: CsvDataSource) -> dict[str, object]:
    described = describe_source(source)
    del described["kind"]
    return described


def test_a_damaged_copy_is_made_again(source: CsvDataSource, cache: DataCache) -> None:
    bars = cache.fetch(source, QUERY).collect()
    (copy,) = (cache.folder / "objects").iterdir()
    bars.with_columns(pl.col("close") * 2).write_parquet(copy)
    assert cache.fetch(source, QUERY).collect().equals(bars)
    copy.write_bytes(b"nothing")
    assert cache.fetch(source, QUERY).collect().equals(bars)
    (entry,) = (cache.folder / "asked").iterdir()
    entry.write_text("{")
    assert cache.fetch(source, QUERY).collect().equals(bars)


def test_what_is_fast_is_not_copied(cache: DataCache) -> None:
    cache.fetch(SOURCES.create("embedded"), QUERY)
    assert not cache.folder.exists()
