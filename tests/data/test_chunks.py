"""Bars in chunks of time: together they are the bars that are read whole, and bad files are refused in words."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.config.models import ChecksConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import Query
from gnomon.data.chunks import BarChunks, cut_bars, open_chunks
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars
from gnomon.data.sources.parquet import DIGEST

MINUTE = 60_000_000
CHECKS = ChecksConfig()


def market(symbols: str = "ABC", bars: int = 300) -> pl.DataFrame:
    """Bars a minute apart; B begins late."""
    parts = []
    for number, symbol in enumerate(symbols):
        close = 100.0 + np.cumsum(np.random.default_rng(number).normal(0.0, 0.1, bars))
        stamps = pl.Series("timestamp", MINUTE * np.arange(28_000_000, 28_000_000 + bars))
        frame = pl.DataFrame({"timestamp": stamps.cast(pl.Datetime("us", "UTC")), "symbol": symbol, "open": close})
        frame = frame.with_columns(high=close + 0.1, low=close - 0.1, close=close, volume=float(number + 1))
        parts.append(frame.slice(100 if symbol == "B" else 0))
    return pl.concat(parts)


BARS = market()


def whole_moments(chunks: list[pl.DataFrame]) -> bool:
    """Whether each chunk begins after the end of the one before."""
    return all(b["timestamp"].min() > a["timestamp"].max() for a, b in itertools.pairwise(chunks))


def read(opened: BarChunks) -> list[pl.DataFrame]:
    with opened:
        return list(opened)


def write(folder: Path, kind: str) -> dict[str, object]:
    """The bars as somebody may have them, and how they are read."""
    if kind == "own":
        for number, part in enumerate((BARS.filter(symbol="B"), BARS.filter(pl.col("symbol") != "B"))):
            part.write_parquet(folder / f"{number}.parquet", metadata={DIGEST: hash_bars(part)}, row_group_size=50)
        return {"source": folder}
    if kind == "one file":
        BARS.write_parquet(folder / "bars.parquet", row_group_size=50)
        return {"source": folder / "bars.parquet", "stamp": "close"}
    if kind == "by time":
        ordered = BARS.sort("timestamp", "symbol")
        for number in range(4):
            ordered.slice(number * 200, 200).write_parquet(folder / f"{number}.parquet")
        return {"source": str(folder / "*.parquet"), "stamp": "close"}
    if kind in {"ms", "s", "ns"}:
        scale = {"ms": 1_000, "s": 1_000_000, "ns": 1}[kind]
        stamps = pl.col("timestamp").to_physical() // scale * (1000 if kind == "ns" else 1)
        BARS.with_columns(stamps.alias("timestamp")).write_parquet(folder / "bars.parquet")
        return {"source": folder / "bars.parquet", "stamp": "close", "unit": kind}
    if kind == "open in Tokyo":
        opens = pl.col("timestamp").dt.offset_by("-1m").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ns")
        BARS.with_columns(opens).write_parquet(folder / "bars.parquet")
        return {"source": folder / "bars.parquet", "stamp": "open"}
    if kind == "naive":
        naive = pl.col("timestamp").dt.replace_time_zone(None).dt.cast_time_unit("ms")
        BARS.with_columns(naive).rename({"timestamp": "When", "symbol": "Ticker"}).write_parquet(folder / "b.parquet")
        columns = {"timestamp": "When", "symbol": "Ticker"}
        return {"source": folder / "b.parquet", "stamp": "close", "zone": "UTC", "columns": columns}
    if kind == "text":
        BARS.with_columns(pl.col("timestamp").dt.to_string("iso:strict")).write_parquet(folder / "bars.parquet")
        return {"source": folder / "bars.parquet", "stamp": "close"}
    if kind == "csv":
        for symbol in "ABC":
            BARS.filter(symbol=symbol).drop("symbol").write_csv(folder / f"{symbol}.csv")
        return {"source": str(folder / "*.csv"), "stamp": "close", "symbol_from_name": "(.+)"}
    with closing(sqlite3.connect(folder / "bars.db")) as connection:
        connection.execute("create table prices (ts int, sym text, open real, high real, low real, close real, v real)")
        rows = BARS.with_columns(pl.col("timestamp").to_physical()).iter_rows()
        connection.executemany("insert into prices values (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    columns = {"timestamp": "ts", "symbol": "sym", "volume": "v"}
    return {"source": folder / "bars.db", "table": "prices", "columns": columns, "unit": "us", "stamp": "close"}


KINDS = ("own", "one file", "by time", "ms", "s", "ns", "open in Tokyo", "naive", "text", "csv", "sqlite")


@pytest.mark.parametrize("kind", KINDS)
def test_the_chunks_are_together_what_is_read_whole(kind: str, tmp_path: Path) -> None:
    fields = write(tmp_path, kind)
    chunks = read(open_chunks(**fields, rows=100, scratch=tmp_path, checks=CHECKS))
    assert len(chunks) > 5
    assert whole_moments(chunks)
    assert max(chunk.height for chunk in chunks) < 120
    assert_frame_equal(pl.concat(chunks).sort("symbol", "timestamp"), read_bars(**fields, checks=None))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "what was laid down is gone"


def test_daily_bars_by_their_session(tmp_path: Path) -> None:
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 30), eager=True)
    frame = BARS.head(len(days)).with_columns(timestamp=days)
    frame.write_parquet(tmp_path / "daily.parquet")
    fields = {"source": tmp_path / "daily.parquet", "session_close": "24/7"}
    chunks = read(open_chunks(**fields, rows=20))
    assert len(chunks) == 5
    assert_frame_equal(pl.concat(chunks), read_bars(**fields, checks=None))


def test_a_query_narrows(tmp_path: Path) -> None:
    fields = write(tmp_path, "one file")
    start, end = (BARS["timestamp"][row] for row in (60, 170))
    query = Query(symbols=("B", "C"), start=start, end=end)
    found = pl.concat(read(open_chunks(**fields, rows=50, query=query))).sort("symbol", "timestamp")
    assert_frame_equal(found, read_bars(**fields, symbols=["B", "C"], start=start, end=end, checks=None))
    with pytest.raises(DataError, match=r"unknown symbol 'CC'.*did you mean 'C'"):
        open_chunks(**fields, query=Query(symbols=("CC",)))
    late = Query(start=datetime(2050, 1, 1, tzinfo=UTC))
    with pytest.raises(DataError, match="there are no bars from 2050"):
        read(open_chunks(**fields, query=late))


def test_bars_that_stand_in_two_files_are_refused(tmp_path: Path) -> None:
    BARS.filter(symbol="A").write_parquet(tmp_path / "a.parquet")
    BARS.filter(symbol="C").write_parquet(tmp_path / "c.parquet")
    BARS.filter(symbol="A").slice(250, 10).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(
        DataError, match=r"10 bars stand twice, the first of A at .*a.parquet and in .*b.parquet"
    ) as error:
        read(open_chunks(tmp_path, stamp="close", rows=100))
    assert error.value.rows is not None
    assert error.value.rows.height == 10


def test_files_that_share_a_symbol_without_sharing_a_bar_are_welcome(tmp_path: Path) -> None:
    BARS.gather_every(2).write_parquet(tmp_path / "even.parquet")
    BARS.gather_every(2, 1).write_parquet(tmp_path / "odd.parquet")
    assert_frame_equal(pl.concat(read(open_chunks(tmp_path, stamp="close", rows=10**6))), BARS)


def test_files_out_of_order_are_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bars.parquet"
    rows = np.arange(BARS.height)
    rows[[20, 200]] = rows[[200, 20]]
    BARS[rows].write_parquet(path)
    for scanned in (4_000_000, 7):
        monkeypatch.setattr("gnomon.data.chunks.SCAN_ROWS", scanned)
        with pytest.raises(
            DataError, match=r"bars are earlier than their symbol's bar before, the first of A; sort the"
        ):
            open_chunks(path, stamp="close", rows=50)
    chunks = read(open_chunks(path, stamp="close", sort=True, rows=50))
    assert_frame_equal(pl.concat(chunks).sort("symbol", "timestamp"), BARS)


@pytest.mark.parametrize(
    ("change", "fields", "message"),
    [
        (pl.col("timestamp").dt.replace_time_zone(None), {}, "carry no time zone"),
        (pl.col("close").alias("price"), {"columns": {"close": "prise"}}, "no column 'prise'.*did you mean 'price'"),
        (pl.when(pl.int_range(pl.len()) != 5).then("timestamp").alias("timestamp"), {}, "1 time stamps are empty"),
        (pl.when(pl.int_range(pl.len()) == 200).then(-1.0).otherwise("close").alias("close"), {}, "non_positive"),
        (pl.col("volume").cast(pl.String) + "x", {}, "values are not numbers"),
    ],
)
def test_what_is_no_bars_is_refused(change, fields, message, tmp_path: Path) -> None:
    BARS.with_columns(change).write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(DataError, match=message):
        read(open_chunks(tmp_path / "bars.parquet", **{"stamp": "close", **fields}, rows=100, checks=CHECKS))
    assert len(list(tmp_path.iterdir())) == 1


def test_other_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    BARS.clear().write_parquet(path)
    with pytest.raises(DataError, match="holds no rows"):
        open_chunks(path, stamp="close")
    path.write_bytes(b"no parquet at all")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        open_chunks(path, stamp="close")
    BARS.drop("symbol").write_parquet(path)
    with pytest.raises(DataError, match="no column for symbol"):
        open_chunks(path, stamp="close")
    with pytest.raises(ConfigError, match="1 row or more, was 0"):
        open_chunks(BARS, stamp="close", rows=0)


def test_bars_in_memory_are_cut_at_whole_moments() -> None:
    chunks = list(cut_bars(BARS, 70))
    assert whole_moments(chunks)
    assert_frame_equal(pl.concat(chunks).sort("symbol", "timestamp"), BARS)
    assert next(iter(cut_bars(BARS))) is BARS
    assert list(cut_bars(BARS.clear())) == []
