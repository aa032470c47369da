"""Finding files, reading their names; CSV, Parquet and JSON sources over several files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.data.base import SOURCES, Query
from gnomon.data.digest import hash_bars
from gnomon.data.read import read_bars
from gnomon.data.sources.files import find_files, stem
from gnomon.data.sources.parquet import DIGEST
from gnomon.data.versions import write_partitions

TEXT = "timestamp,open,high,low,close,volume\n2020-01-02,1,2,0.5,1.5,10\n2020-01-03,1,2,0.5,1.5,10\n"


def test_files_folders_and_globs(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.csv", "a.csv", "in/c.csv.gz", "d.txt.bak"):
        (tmp_path / name).write_text("")
    assert [path.name for path in find_files(str(tmp_path), (".csv", ".csv.gz"))] == ["a.csv", "b.csv", "c.csv.gz"]
    assert [path.name for path in find_files(f"{tmp_path}/*.csv", ())] == ["a.csv", "b.csv"]
    assert [path.name for path in find_files(f"{tmp_path}/**/*.gz", ())] == ["c.csv.gz"]
    assert stem(tmp_path / "NASDAQ_X.csv.gz") == "NASDAQ_X"
    for path, fault in (
        (f"{tmp_path}/*.parquet", "no file matches"),
        (f"{tmp_path}/a.cvs", "did you mean .*a.csv"),
        (f"{tmp_path}/in/nothing/a.csv", "check the path"),
    ):
        with pytest.raises(DataError, match=fault):
            find_files(path, (".csv",))
    with pytest.raises(DataError, match="holds no file that ends in"):
        find_files(str(tmp_path / "in"), (".parquet",))


def test_symbols_come_from_the_files_names(tmp_path: Path) -> None:
    for symbol in ("B", "A"):
        (tmp_path / f"nyse_{symbol}_daily.csv.gz").write_bytes(gzip.compress(TEXT.encode()))
        (tmp_path / f"nyse_{symbol}.json").write_text(json.dumps(pl.read_csv(TEXT.encode()).to_dicts()))
        pl.read_csv(TEXT.encode()).write_parquet(tmp_path / f"nyse_{symbol}.parquet")
    for kind, pattern in (("csv", "nyse_(.+)_daily"), ("json", "nyse_(.+)"), ("parquet", "(?<=nyse_).+")):
        source = SOURCES.create(kind, path=str(tmp_path), session_close="XNYS", symbol_from_name=pattern)
        bars = source.fetch(Query()).collect()
        assert bars["symbol"].to_list() == ["A", "A", "B", "B"]
        assert str(source) == str(tmp_path)


def test_patterns_that_find_nothing_or_make_no_sense_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(TEXT)
    fields = {"path": str(tmp_path / "x.csv"), "session_close": "XNYS"}
    with pytest.raises(DataError, match="finds nothing in the name 'x'"):
        SOURCES.create("csv", **fields, symbol_from_name=r"nyse_(\w+)").fetch(Query())
    with pytest.raises(ConfigError, match="no regular expression"):
        SOURCES.create("csv", **fields, symbol_from_name="(")
    with pytest.raises(ConfigError, match="has 2 groups"):
        SOURCES.create("csv", **fields, symbol_from_name="(a)(b)")
    with pytest.raises(ConfigError, match="contradict"):
        SOURCES.create("csv", **fields, symbol_from_name="x", symbol="X")


def test_damaged_json_is_refused(tmp_path: Path) -> None:
    for number, body in enumerate((b"[", b"[]", b'{"a": 1}', b"\xff", b"[" * 100_000)):
        path = tmp_path / f"{number}.json"
        path.write_bytes(body)
        with pytest.raises(DataError, match=path.name):
            read_bars(path, stamp="close")
    (tmp_path / "x.json.gz").write_bytes(b"plain")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read_bars(tmp_path / "x.json.gz", stamp="close")


def test_gnomon_s_own_parquet_needs_no_reading_and_is_verified(tmp_path: Path) -> None:
    bars = read_bars("embedded", symbols=["SP500"])
    write_partitions(bars, tmp_path)
    assert len(list(tmp_path.iterdir())) == 20
    assert read_bars(tmp_path).equals(bars)
    part = pl.read_parquet(tmp_path / "2001.parquet")
    forged = part.with_columns(pl.col("close") * 2)
    forged.write_parquet(tmp_path / "2001.parquet", metadata={DIGEST: hash_bars(part)})
    with pytest.raises(IntegrityError, match=r"2001\.parquet was altered"):
        read_bars(tmp_path)
    part.drop("volume").write_parquet(tmp_path / "2001.parquet", metadata={DIGEST: hash_bars(part.drop("volume"))})
    with pytest.raises(IntegrityError, match="is not bars"):
        read_bars(tmp_path)
    part.write_parquet(tmp_path / "2001.parquet")
    with pytest.raises(ConfigError, match="say what the time stamps are"):
        read_bars(tmp_path)
    later = SOURCES.create("parquet", path=str(tmp_path / "later.parquet"))
    with pytest.raises(DataError, match="there is no file"):
        later.fetch(Query())
    part.write_parquet(tmp_path / "later.parquet")
    with pytest.raises(ConfigError, match="say what the time stamps are"):
        later.fetch(Query())
