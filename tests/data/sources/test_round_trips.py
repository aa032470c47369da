"""Bars written to CSV, Parquet, SQLite, JSON and read again are the same bars, to the last bit."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnomon.data.base import BAR_SCHEMA, TIMESTAMP
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars

STAMP = "%Y-%m-%dT%H:%M:%S%.6fZ"
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SYMBOLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), min_size=1, max_size=6)


@st.composite
def any_bars(draw: st.DrawFn) -> pl.DataFrame:
    symbols = draw(st.lists(SYMBOLS, min_size=1, max_size=3, unique=True))
    moments = st.integers(-(10**15), 4 * 10**15)
    rows = [
        (moment, symbol, *draw(st.tuples(*[FLOATS] * 5)))
        for symbol in sorted(symbols, key=lambda text: text.encode())
        for moment in sorted(draw(st.lists(moments, min_size=1, max_size=5, unique=True)))
    ]
    schema = {**BAR_SCHEMA, "timestamp": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").cast({"timestamp": TIMESTAMP})


def csv(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    path = folder / "bars.csv"
    bars.with_columns(pl.col("timestamp").dt.strftime(STAMP)).write_csv(path)
    return read_bars(path, stamp="close", checks=None)


def parquet(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    path = folder / "bars.parquet"
    bars.write_parquet(path)
    return read_bars(path, stamp="close", checks=None)


def sqlite(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    path = folder / "bars.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bars (timestamp INTEGER, symbol TEXT, open, high, low, close, volume)")
        rows = bars.with_columns(pl.col("timestamp").cast(pl.Int64)).rows()
        connection.executemany("INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    return read_bars(path, table="bars", stamp="close", unit="us", checks=None)


def json_file(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    path = folder / "bars.json"
    rows = bars.with_columns(pl.col("timestamp").cast(pl.Int64)).to_dicts()
    path.write_text(json.dumps({"bars": rows}))
    return read_bars(path, records="bars", stamp="close", unit="us", checks=None)


def polars_frame(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    return read_bars(bars, stamp="close", checks=None)


def pandas_frame(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    return read_bars(bars.to_pandas().set_index("timestamp"), stamp="close", checks=None)


def float32_csv(bars: pl.DataFrame, folder: Path) -> pl.DataFrame:
    return csv(bars.with_columns(pl.col("close").cast(pl.Float32).cast(pl.Float64)), folder)


WAYS = [csv, parquet, sqlite, json_file, polars_frame, pandas_frame]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@settings(max_examples=20)
@given(bars=any_bars())
def test_bars_come_back_bit_for_bit(way: Callable[[pl.DataFrame, Path], pl.DataFrame], bars: pl.DataFrame) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = way(bars, Path(folder))
    assert hash_bars(found) == hash_bars(bars)
    assert found.columns == bars.columns


def test_a_way_that_loses_bits_is_caught(tmp_path: Path) -> None:
    row = (datetime(2020, 1, 2, tzinfo=UTC), "A", 1.1, 1.1, 1.1, 1.1, 1.0)
    bars = pl.DataFrame([row], schema=dict(BAR_SCHEMA), orient="row")
    assert hash_bars(csv(bars, tmp_path)) == hash_bars(bars)
    assert hash_bars(float32_csv(bars, tmp_path)) != hash_bars(bars)
