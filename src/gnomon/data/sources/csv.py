"""Bars from CSV and its kin: any delimiter, header or none, gz, zip, one file or many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.data.bars import join_bars, to_bars
from gnomon.data.base import SOURCES, DataSourceBase, Query
from gnomon.data.reading import Reading
from gnomon.data.sources.delimited import Delimited, read_delimited
from gnomon.data.sources.files import check_pattern, find_files, from_name

SUFFIXES = (".csv", ".csv.gz", ".csv.zip", ".tsv", ".txt", ".txt.gz")


@SOURCES.register(name="csv")
@dataclass(frozen=True, kw_only=True)
class CsvDataSource(Delimited, Reading, DataSourceBase):
    """Bars from text files. `path` is a file, a glob ("data/*.csv.gz") or a folder."""

    cached: ClassVar[bool] = True
    path: str
    symbol_from_name: str | None = None
    """A pattern whose group is the symbol in each file's name ("NASDAQ_(.+)_30Y"); "(.+)" takes the whole name."""
    date_from_name: str | None = None
    """A pattern whose group is the `date` in each file's name, for files that only write the `time`."""

    def __post_init__(self) -> None:
        Delimited.__post_init__(self)
        Reading.__post_init__(self)
        for name in ("symbol_from_name", "date_from_name"):
            pattern = getattr(self, name)
            if pattern is not None:
                check_pattern(pattern, what=name)
        if self.symbol is not None and self.symbol_from_name is not None:
            raise ConfigError("`symbol` and `symbol_from_name` contradict; keep one")

    def __str__(self) -> str:
        return self.path

    def inputs(self) -> tuple[Path, ...]:
        """The files."""
        return find_files(self.path, SUFFIXES)

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - text is read whole, so that all of it is checked
        """The bars of all files, sorted."""
        return join_bars([(str(path), self._read(path)) for path in self.inputs()])

    def _read(self, path: Path) -> pl.DataFrame:
        frame, line = read_delimited(path, self)
        reading: Reading = self
        if self.symbol_from_name is not None:
            reading = replace(
                self, symbol=from_name(self.symbol_from_name, path, what="symbol_from_name"), symbol_from_name=None
            )
        if self.date_from_name is not None:
            date = from_name(self.date_from_name, path, what="date_from_name")
            frame = frame.with_columns(pl.lit(date).alias("date from name"))
            reading = replace(reading, columns={**(reading.columns or {}), "date": "date from name"})
        return to_bars(frame, reading, origin=str(path), line=line)
