"""Bars from a SQLite database: a table, or a query's result. The database is opened read-only."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from gnomon.core.errors import ConfigError, DataError, nearest
from gnomon.data.bars import to_bars
from gnomon.data.base import SOURCES, DataSourceBase, Query
from gnomon.data.reading import Reading
from gnomon.data.sources.files import find_files
from gnomon.data.sources.records import column_of

SUFFIXES = (".db", ".sqlite", ".sqlite3")


@SOURCES.register(name="sqlite")
@dataclass(frozen=True, kw_only=True)
class SqliteDataSource(Reading, DataSourceBase):
    """Bars from a table or a query of a SQLite file. NaN cannot be written to SQLite: it comes back as NULL."""

    cached: ClassVar[bool] = True
    path: str
    table: str | None = None
    query: str | None = None
    """SQL whose result is the bars ("SELECT * FROM bars WHERE venue = 'X' ORDER BY ts")."""

    def __post_init__(self) -> None:
        Reading.__post_init__(self)
        check_choice(self.table, self.query)

    def __str__(self) -> str:
        return self.path

    def inputs(self) -> tuple[Path, ...]:
        """The database file."""
        return find_files(self.path, SUFFIXES)[:1]

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - all of it is checked
        """The bars, sorted. A table's rows are read in the order of their stamps."""
        frame = read_sqlite(self.inputs()[0], table=self.table, query=self.query)
        return to_bars(frame, self, origin=f"{self.path}:{self.table or 'query'}")


def check_choice(table: str | None, query: str | None) -> None:
    """ConfigError unless exactly one of a table and a query is given."""
    if (table is None) == (query is None):
        raise ConfigError("a sqlite source needs `table: NAME` or `query: SQL`, one of them")


def read_sqlite(path: Path, *, table: str | None = None, query: str | None = None) -> pl.DataFrame:
    """The frame of a table (in the order it was written) or of a query; floats are the stored bits.

    DataError for an unknown table (the nearest one is named), bad SQL, a damaged file, or a column of mixed types,
    whose numbers then come as text.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if table is not None:
                named = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
                tables = [str(row[0]) for row in named]
                if table not in tables:
                    close = nearest(table, tables)
                    hint = f"did you mean {close!r}?" if close else f"it has {', '.join(sorted(tables)[:20]) or 'none'}"
                    raise DataError(f"{path} has no table {table!r}; {hint}")
                quoted = table.replace('"', '""')
                query = f'SELECT * FROM "{quoted}"'
            cursor = connection.execute(query or "")
            if cursor.description is None:
                raise DataError(f"{path}: the query gives no rows: {query}")
            names = [str(entry[0]) for entry in cursor.description]
            rows = cursor.fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if len(set(names)) != len(names):
        raise DataError(f"{path}: the query gives two columns of one name: {', '.join(names)}; name them with AS")
    if not rows:
        raise DataError(f"{path}: {table or 'the query'} holds no rows")
    return pl.DataFrame([column_of(name, values) for name, values in zip(names, zip(*rows, strict=True), strict=True)])
