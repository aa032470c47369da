"""Bars from Parquet: one file, a glob or a folder; what Gnomon wrote itself is verified against its hash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from gnomon.core.errors import DataError, IntegrityError
from gnomon.data.bars import in_order, join_bars, to_bars
from gnomon.data.base import BAR_SCHEMA, SOURCES, DataSourceBase, Query
from gnomon.data.digest import hash_bars
from gnomon.data.reading import Reading
from gnomon.data.sources.files import check_pattern, find_files, from_name

T = TypeVar("T")
DIGEST = "gnomon.bars"
"""The Parquet metadata key under which Gnomon writes the hash of a file's bars; such files are bars already."""


@SOURCES.register(name="parquet")
@dataclass(frozen=True, kw_only=True)
class ParquetDataSource(Reading, DataSourceBase):
    """Bars from Parquet files. `path` is a file, a glob or a folder. Files that Gnomon wrote need no reading."""

    path: str
    symbol_from_name: str | None = None
    """A pattern whose group is the symbol in each file's name; "(.+)" takes the whole name."""

    def __post_init__(self) -> None:
        if self.symbol_from_name is not None:
            check_pattern(self.symbol_from_name, what="symbol_from_name")
        if self._declared() or self._foreign():
            Reading.__post_init__(self)

    def __str__(self) -> str:
        return self.path

    def inputs(self) -> tuple[Path, ...]:
        """The files."""
        return find_files(self.path, (".parquet",))

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - all of it is checked
        """The bars of all files, sorted."""
        return join_bars([(str(path), self._read(path)) for path in self.inputs()])

    def _declared(self) -> bool:
        return any(getattr(self, field.name) != field.default for field in fields(Reading))

    def _foreign(self) -> bool:
        """Whether some file is there that Gnomon did not write; a path that is not there is told when it is read."""
        try:
            return any(own_digest(path) is None for path in self.inputs())
        except DataError:
            return False

    def _read(self, path: Path) -> pl.DataFrame:
        frame = read_parquet(path)
        digest = own_digest(path)
        if digest is not None and not self._declared():
            if not all(frame.schema.get(name) == dtype for name, dtype in BAR_SCHEMA.items()) or not in_order(frame):
                raise IntegrityError(f"{path} is marked as Gnomon's bars but is not bars; write it again")
            if hash_bars(frame) != digest:
                raise IntegrityError(f"{path} was altered: its bars are not those that were written; import it again")
            return frame
        Reading.__post_init__(self)
        reading: Reading = self
        if self.symbol_from_name is not None:
            reading = replace(self, symbol=from_name(self.symbol_from_name, path, what="symbol_from_name"))
        return to_bars(frame, reading, origin=str(path))


def own_digest(path: Path) -> str | None:
    """The hash of the bars in a file that Gnomon wrote; None for any other file. DataError when it is not Parquet."""
    return _guarded(path, lambda: pl.read_parquet_metadata(path)).get(DIGEST)


def read_parquet(path: Path) -> pl.DataFrame:
    """A Parquet file's frame. DataError when it is damaged or something else."""
    return _guarded(path, lambda: pl.read_parquet(path, hive_partitioning=False, glob=False))


def _guarded(path: Path, read: Callable[[], T]) -> T:
    """What a Parquet reader gives; its many ways to fail on damaged bytes are one DataError."""
    try:
        return read()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        cause = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} cannot be read as Parquet, it is damaged or another format: {cause}") from None
