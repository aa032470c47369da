"""Bars from JSON files: a list of objects or of lists, whole or under a path, gzipped or not."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.bars import join_bars, to_bars
from gnomon.data.base import SOURCES, DataSourceBase, Query
from gnomon.data.reading import Reading
from gnomon.data.sources.files import check_pattern, find_files, from_name
from gnomon.data.sources.records import frame_of, records_at


@SOURCES.register(name="json")
@dataclass(frozen=True, kw_only=True)
class JsonDataSource(Reading, DataSourceBase):
    """Bars from JSON files. `path` is a file, a glob or a folder."""

    cached: ClassVar[bool] = True
    path: str
    records: str = ""
    """Where the list of records is ("data.candles"); empty when the file is the list."""
    names: tuple[str, ...] | None = None
    """The columns' names, where each record is a list and not an object."""
    symbol_from_name: str | None = None

    def __post_init__(self) -> None:
        Reading.__post_init__(self)
        if self.symbol_from_name is not None:
            check_pattern(self.symbol_from_name, what="symbol_from_name")

    def __str__(self) -> str:
        return self.path

    def inputs(self) -> tuple[Path, ...]:
        """The files."""
        return find_files(self.path, (".json", ".json.gz"))

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - all of it is checked
        """The bars of all files, sorted."""
        return join_bars([(str(path), self._read(path)) for path in self.inputs()])

    def _read(self, path: Path) -> pl.DataFrame:
        try:
            body = json.loads(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        except (ValueError, EOFError, OSError, zlib.error, RecursionError) as error:
            raise DataError(f"{path} cannot be read as JSON: {error}") from None
        rows = records_at(body, self.records, origin=str(path))
        if not rows:
            raise DataError(f"{path} holds no records")
        reading: Reading = self
        if self.symbol_from_name is not None:
            symbol = from_name(self.symbol_from_name, path, what="symbol_from_name")
            reading = replace(self, symbol=symbol)
        return to_bars(frame_of(rows, self.names, origin=str(path)), reading, origin=str(path))
