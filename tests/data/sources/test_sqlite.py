"""SQLite: tables and queries, read-only; what is not there is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import SOURCES, Query
from gnomon.data.sources.sqlite import read_sqlite


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "prices.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE px (ts TEXT, ticker TEXT, o REAL, h REAL, l REAL, c REAL, v INTEGER, note)")
        rows = [("2020-01-02", "A", 1.0, 2.0, 0.5, 1.5, 10, None), ("2020-01-03", "A", 1.0, 2.0, 0.5, 1.75, 10, None)]
        connection.executemany("INSERT INTO px VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("CREATE TABLE empty (a)")
        connection.execute("CREATE TABLE \"odd \"\"name\" AS SELECT 1 AS a, 'x' AS b UNION SELECT 'y', 2")
        connection.commit()
    return path


COLUMNS = {"timestamp": "ts", "symbol": "ticker", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}


def fetch(path: Path, **fields: Any) -> Any:
    given = {"path": str(path), "columns": COLUMNS, "session_close": "XNYS", **fields}
    return SOURCES.create("sqlite", **given).fetch(Query()).collect()


def test_a_table_and_a_query_become_bars(database: Path) -> None:
    bars = fetch(database, table="px")
    assert bars["close"].to_list() == [1.5, 1.75]
    assert bars["note"].to_list() == [None, None]
    assert fetch(database, query="SELECT * FROM px WHERE c > 1.6")["close"].to_list() == [1.75]


def test_mixed_columns_come_as_text_and_names_are_quoted(database: Path) -> None:
    frame = read_sqlite(database, table='odd "name')
    assert sorted(frame["a"].to_list()) == ["1", "y"]


@pytest.mark.parametrize(
    ("fields", "error", "fault"),
    [
        ({}, ConfigError, "`table: NAME` or `query: SQL`"),
        ({"table": "px", "query": "SELECT 1"}, ConfigError, "one of them"),
        ({"table": "pxx"}, DataError, "no table 'pxx'; did you mean 'px'"),
        ({"table": "empty"}, DataError, "holds no rows"),
        ({"query": "SELEC 1"}, DataError, "syntax error"),
        ({"query": "DELETE FROM px"}, DataError, "readonly database"),
        ({"query": "SELECT ts, ts FROM px"}, DataError, "two columns of one name"),
        ({"query": "SELECT *, NULL AS z FROM px", "columns": {**COLUMNS, "close": "z"}}, DataError, "is empty"),
    ],
)
def test_what_is_wrong_is_named(database: Path, fields: dict[str, Any], error: type[Exception], fault: str) -> None:
    with pytest.raises(error, match=fault):
        fetch(database, **fields)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is not a database, though it is long enough to be looked at" * 20)
    with pytest.raises(DataError, match=r"x\.db cannot be read"):
        fetch(tmp_path / "x.db", table="px")
    with pytest.raises(DataError, match="there is no file"):
        fetch(tmp_path / "y.db", table="px")
