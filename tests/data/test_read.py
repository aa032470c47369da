"""read_bars: one door for files, frames, names and sources."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from gnomon.config.models import ChecksConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import SOURCES
from gnomon.data.read import as_source, kind_of, read_bars
from gnomon.data.sources.http_json import ApiDataSource

TEXT = (
    "timestamp,symbol,open,high,low,close,volume\n2020-01-02T21:00Z,A,1,2,0.5,1.5,10\n2020-01-03T21:00Z,A,1,2,3,1,1\n"
)


def test_a_source_may_be_named_built_or_found_by_its_path(tmp_path: Path) -> None:
    named = read_bars("embedded", symbols=["SP500"], start=datetime(2018, 12, 31, tzinfo=UTC))
    assert read_bars(SOURCES.create("embedded"), symbols=["SP500"], start="2018-12-31").equals(named)
    assert named["close"].to_list() == [2506.850098]
    assert isinstance(as_source("https://api.example.org/x", stamp="close"), ApiDataSource)
    assert as_source(as_source("a.csv", stamp="close"), zone="UTC").zone == "UTC"  # type: ignore[attr-defined]
    assert as_source("a.dat", kind="csv", stamp="close").path == "a.dat"  # type: ignore[attr-defined]
    (tmp_path / "x.csv.gz").write_text("")
    assert (kind_of(str(tmp_path)), kind_of("a/*.json.gz"), kind_of("x.db")) == ("csv", "json", "sqlite")


def test_bars_are_checked_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(TEXT)
    with pytest.raises(DataError, match=r"x\.csv: .*ohlc") as refused:
        read_bars(path, stamp="close")
    assert refused.value.rows is not None
    assert refused.value.rows.height == 1
    assert read_bars(path, stamp="close", checks=None).height == 2
    assert read_bars(path, stamp="close", checks=ChecksConfig(ohlc="warning")).height == 2
    assert read_bars(pl.read_csv(path), stamp="close", end="2020-01-03").height == 1


@pytest.mark.parametrize(
    ("source", "fields", "fault"),
    [
        ("embeded", {}, "did you mean the source 'embedded'"),
        ("prices.xls", {}, "known endings: .parquet, .csv"),
        ("embedded", {"symbol": "X"}, "did you mean 'symbols'"),
        ("embedded", {"symbols": "SP500"}, r"write symbols=\['SP500'\]"),
        ("embedded", {"start": "soon"}, "'soon' is no date or moment"),
        ("x.csv", {"stmp": "close"}, "did you mean 'stamp'"),
        ("x.csv", {"stamp": "closed"}, "should be 'open' or 'close'"),
    ],
)
def test_what_was_asked_wrongly_is_named(source: str, fields: dict[str, str], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        read_bars(source, **fields)  # type: ignore[arg-type]
