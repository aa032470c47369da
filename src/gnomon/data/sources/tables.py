"""Side tables from CSV, Parquet, SQLite, JSON over HTTP and frames: values with the moment they became known.

The same kinds as for bars, with other fields: a table needs no prices, but a stamp that is a publication (`known_at`)
or what the row is about (`timestamp`; then `delay` in the config says how much later it was published).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from gnomon.core.errors import ConfigError, DataError, nearest
from gnomon.data.bars import extra_column
from gnomon.data.base import TABLES, TIMESTAMP
from gnomon.data.frames import as_polars
from gnomon.data.reading import Reading
from gnomon.data.sources.delimited import Delimited, read_delimited
from gnomon.data.sources.files import find_files
from gnomon.data.sources.http_json import HttpRequests
from gnomon.data.sources.parquet import read_parquet
from gnomon.data.sources.sqlite import SUFFIXES, check_choice, read_sqlite
from gnomon.data.stamps import Located, local_stamps, to_utc

STAMPS = ("known_at", "timestamp")


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """What a table's columns mean; `columns` maps our names to the table's, as for bars."""

    columns: Mapping[str, str] | None = None
    values: tuple[str, ...] | None = None
    """The columns to keep beside stamp and symbol; None keeps all."""
    zone: str | None = None
    """The time zone of stamps that carry none; dates are midnights there."""
    ambiguous: Literal["refuse", "earliest", "latest"] = "refuse"
    nonexistent: Literal["refuse", "shift_forward"] = "refuse"
    unit: Literal["s", "ms", "us", "ns"] | None = None
    date_format: str | None = None
    null_values: tuple[str, ...] = ()

    def reading(self) -> Reading:
        """The same declarations, as those of bars."""
        return Reading(
            stamp="close",
            zone=self.zone,
            ambiguous=self.ambiguous,
            nonexistent=self.nonexistent,
            unit=self.unit,
            date_format=self.date_format,
        )


def to_table(
    frame: pl.DataFrame, reading: TableReading, *, origin: str = "the table", line: Callable[[int], int] | None = None
) -> pl.DataFrame:
    """A side table: `known_at` and/or `timestamp` in UTC, `symbol` where there is one, values; sorted by its stamp.

    DataError when no stamp is there, when a stamp cannot be read, when a wanted column is missing.
    """
    wanted = dict(reading.columns or {})
    for name in (*STAMPS, "symbol"):
        if name not in wanted and name in frame.columns:
            wanted[name] = name
    stamps = [name for name in STAMPS if name in wanted]
    if not stamps:
        raise DataError(
            f"{origin} has no stamp; map `known_at` (when a row was published) or `timestamp` (what it is about): "
            f"columns: {{timestamp: {frame.columns[0] if frame.columns else '...'}}}"
        )
    rest = [name for name in frame.columns if name not in wanted.values()]
    if reading.values is not None:
        rest = [name for name in reading.values if name not in wanted]
    for theirs in (*wanted.values(), *rest):
        if theirs not in frame.columns:
            close = nearest(theirs, frame.columns)
            hint = f"did you mean {close!r}?" if close else f"its columns are {', '.join(frame.columns)}"
            raise DataError(f"{origin} has no column {theirs!r}; {hint}")
    where = Located(origin, line)
    columns = []
    for ours, source in [*wanted.items(), *((name, name) for name in rest)]:
        raw = frame[source]
        if ours in STAMPS:
            stamp = local_stamps(pl.DataFrame({"timestamp": raw}), reading.reading(), where)
            columns.append(to_utc(stamp, reading.reading(), where).cast(TIMESTAMP).alias(ours))
        elif ours == "symbol":
            columns.append(raw.cast(pl.String).alias(ours))
        else:
            if raw.dtype == pl.String and reading.null_values:
                raw = raw.set(raw.str.strip_chars().is_in(list(reading.null_values)), None)
            columns.append(extra_column(raw).alias(ours))
    return pl.DataFrame(columns).sort(stamps[0], maintain_order=True)


@TABLES.register(name="csv")
@dataclass(frozen=True, kw_only=True)
class CsvTable(Delimited, TableReading):
    """A side table in a text file (or several of the same columns)."""

    path: str

    def inputs(self) -> tuple[Path, ...]:
        """The files."""
        return find_files(self.path, (".csv", ".csv.gz", ".csv.zip", ".tsv", ".txt", ".txt.gz"))

    def read(self) -> pl.DataFrame:
        """The table, sorted by its stamp."""
        parts = []
        for path in self.inputs():
            frame, line = read_delimited(path, self)
            parts.append(to_table(frame, self, origin=str(path), line=line))
        return _joined(parts, self.path)


@TABLES.register(name="parquet")
@dataclass(frozen=True, kw_only=True)
class ParquetTable(TableReading):
    """A side table in a Parquet file (or several of the same columns)."""

    path: str

    def inputs(self) -> tuple[Path, ...]:
        """The files."""
        return find_files(self.path, (".parquet",))

    def read(self) -> pl.DataFrame:
        """The table, sorted by its stamp."""
        return _joined([to_table(read_parquet(path), self, origin=str(path)) for path in self.inputs()], self.path)


@TABLES.register(name="sqlite")
@dataclass(frozen=True, kw_only=True)
class SqliteTable(TableReading):
    """A side table in a SQLite file: a table or a query."""

    path: str
    table: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        check_choice(self.table, self.query)

    def inputs(self) -> tuple[Path, ...]:
        """The database file."""
        return find_files(self.path, SUFFIXES)[:1]

    def read(self) -> pl.DataFrame:
        """The table, sorted by its stamp."""
        frame = read_sqlite(self.inputs()[0], table=self.table, query=self.query)
        return to_table(frame, self, origin=f"{self.path}:{self.table or 'query'}")


@TABLES.register(name="http_json")
@dataclass(frozen=True, kw_only=True)
class ApiTable(HttpRequests, TableReading):
    """A side table from a JSON API."""

    def __post_init__(self) -> None:
        HttpRequests.__post_init__(self)
        if self.paging is not None and self.paging.kind == "window":
            raise ConfigError("a side table cannot be paged by time window: it has no start and end")

    def read(self) -> pl.DataFrame:
        """The table, sorted by its stamp."""
        return to_table(self.records_frame(), self, origin=self.url)


@TABLES.register(name="frame")
@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTable(TableReading):
    """A side table that is already in memory, in polars or pandas."""

    frame: Any

    def read(self) -> pl.DataFrame:
        """The table, sorted by its stamp."""
        return to_table(as_polars(self.frame), self)


def _joined(parts: list[pl.DataFrame], path: str) -> pl.DataFrame:
    try:
        whole = pl.concat(parts, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"the files of {path} differ: {str(error).splitlines()[0]}") from None
    return whole.sort(next(name for name in STAMPS if name in whole.columns), maintain_order=True)
