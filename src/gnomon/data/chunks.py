"""Bars of any number in chunks of time, for what is larger than memory.

A chunk holds all bars of its moments, of every symbol, as `BAR_SCHEMA`. Parquet files are cut by the stamps that stand
in them, and each chunk reads only what lies in its span; other sources are read file by file (a table of a database
symbol by symbol) and laid down as Parquet first, in a folder that is removed in the end.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import polars as pl

from gnomon.config.models import ChecksConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.core.files import make_folder, temporary_for
from gnomon.core.types import Array, Int64
from gnomon.data.bars import join_bars, to_bars
from gnomon.data.base import BAR_SCHEMA, DataSource, Query
from gnomon.data.calendars import infer_frequency
from gnomon.data.checks.run import CHECKS, check_bars
from gnomon.data.reading import Reading
from gnomon.data.sources.csv import CsvDataSource
from gnomon.data.sources.files import from_name
from gnomon.data.sources.parquet import ParquetDataSource, own_digest
from gnomon.data.sources.sqlite import SqliteDataSource, read_sqlite
from gnomon.data.stamps import MICROS

BUCKETS = 8192
"""Pieces of the time between the first and the last stamp, of which chunks are made up."""
CHUNK_ROWS = 250_000
"""Bars of a chunk where nobody says otherwise: few enough for the memory of their features, enough to be fast."""
SCAN_ROWS = 4_000_000
"""Rows whose stamps are looked at together."""
LOCAL = ("structure", "values")
AS_BARS = Reading(stamp="close")


class _Column(NamedTuple):
    """A file's column of stamps; `unit` is that of whole numbers."""

    name: str
    kind: pl.DataType
    unit: str

    def micros(self) -> pl.Expr:
        """The stamps in whole microseconds, floored: two stamps within one stay in one chunk."""
        stamp = pl.col(self.name)
        if isinstance(self.kind, pl.Date):
            return stamp.cast(pl.Datetime("us")).to_physical()
        if isinstance(self.kind, pl.Datetime):
            return stamp.dt.timestamp("us")
        scale = MICROS[self.unit]
        return stamp.cast(pl.Int64) * int(scale) if scale >= 1 else stamp.cast(pl.Int64) // round(1 / scale)

    def literal(self, micros: int) -> pl.Expr:
        """The first stamp at or after a moment, as the file writes stamps: the file can leave out what lies outside."""
        if isinstance(self.kind, pl.Datetime):
            stamp = pl.lit(_scaled(micros, self.kind.time_unit)).cast(pl.Datetime(self.kind.time_unit))
            if self.kind.time_zone is None:
                return stamp
            return stamp.dt.replace_time_zone("UTC").dt.convert_time_zone(self.kind.time_zone)
        if isinstance(self.kind, pl.Date):
            return pl.lit(-(-micros // (86_400 * 1_000_000))).cast(pl.Int32).cast(pl.Date)
        return pl.lit(_scaled(micros, self.unit))


def _scaled(micros: int, unit: str) -> int:
    scale = MICROS[unit]
    return -(-micros // int(scale)) if scale >= 1 else micros * round(1 / scale)


@dataclass(frozen=True)
class _Piece:
    """A file that is cut by time: where its stamps and symbols stand, and what they mean."""

    path: Path
    reading: Reading
    own: bool
    """Whether its columns are those of bars already."""
    stamp: _Column
    symbol: str | None
    first: int
    last: int


class BarChunks:
    """Bars in chunks of about `rows`; made by `open_chunks`, used as a context manager.

    Iterating reads a chunk at a time, checks its structure and values as `checks` says, and raises DataError for
    what the checks find, for bars that stand twice (in one file or in two), and for what is no bars.
    """

    def __init__(
        self, source: DataSource, *, rows: int, query: Query, checks: ChecksConfig | None, scratch: Path | None
    ) -> None:
        self._query = query
        self._checks = checks and _local(checks)
        self._scratch = temporary_for((scratch or Path(tempfile.gettempdir())) / "bars")
        try:
            self._pieces = self._open(source)
            self._edges = self._cut(rows)
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """How many chunks there are, at most."""
        return len(self._edges) - 1

    @property
    def total(self) -> int:
        """Rows of all files, those that the query leaves out too."""
        return self._total

    @property
    def edges(self) -> tuple[int, ...]:
        """Where the chunks begin and the last one ends, as the files write their stamps (microseconds)."""
        return self._edges

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Removes what was laid down to be cut."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        found = False
        for number in range(self.count):
            bars = self.chunk(number)
            if not bars.is_empty():
                found = True
                yield bars
        if not found:
            raise DataError(f"there are no bars from {self._query.start} to {self._query.end}")

    def chunk(self, number: int) -> pl.DataFrame:
        """The bars of a chunk, sorted by symbol and timestamp; empty where the query leaves nothing of it."""
        start, stop = self._edges[number], self._edges[number + 1]
        parts = [
            (str(piece.path), part)
            for piece in self._pieces
            if piece.first < stop and piece.last >= start and not (part := _read(piece, start, stop)).is_empty()
        ]
        if not parts:
            return pl.DataFrame(schema=dict(BAR_SCHEMA))
        bars = _narrowed(join_bars(parts), self._query)
        if not bars.is_empty():
            self._check(bars, parts)
        return bars

    def _check(self, bars: pl.DataFrame, parts: Sequence[tuple[str, pl.DataFrame]]) -> None:
        twice = (bars["symbol"] == bars["symbol"].shift()) & (bars["timestamp"] == bars["timestamp"].shift())
        if twice.any():
            row = bars.row(int(twice.arg_max() or 0), named=True)
            key = (pl.col("symbol") == row["symbol"]) & (pl.col("timestamp") == row["timestamp"])
            holders = [origin for origin, part in parts if not part.filter(key).is_empty()]
            raise DataError(
                f"{int(twice.sum())} bars stand twice, the first of {row['symbol']} at {row['timestamp']}, in "
                f"{' and in '.join(holders)}; leave one out",
                rows=bars.filter(twice).head(200),
            )
        if self._checks is not None:
            check_bars(bars, self._checks).raise_errors()

    def _open(self, source: DataSource) -> list[_Piece]:
        if isinstance(source, ParquetDataSource):
            found = [_lazily(source, path) for path in source.inputs()]
            if all(piece is not None for piece in found):
                return [piece for piece in found if piece is not None]
        return [piece for path in self._laid_down(source) if (piece := _piece(path, AS_BARS, own=True)) is not None]

    def _laid_down(self, source: DataSource) -> Iterator[Path]:
        """The bars of a source that cannot be cut where they stand, as Parquet, a part at a time."""
        for number, part in enumerate(_parts(source)):
            path = self._scratch / f"{number:06}.parquet"
            make_folder(self._scratch)
            bars = part.fetch(Query()).collect()
            bars.write_parquet(path, compression="lz4", row_group_size=250_000)
            yield path

    def _cut(self, rows: int) -> tuple[int, ...]:
        """Edges of chunks with about so many rows each. DataError for a file that is not in order."""
        if rows < 1:
            raise ConfigError(f"a chunk needs 1 row or more, was {rows}")
        first = min(piece.first for piece in self._pieces)
        last = max(piece.last for piece in self._pieces)
        width = (last - first) // BUCKETS + 1
        counts = np.zeros(BUCKETS, np.int64)
        symbols: set[str] = set()
        for piece in self._pieces:
            for stamps in _stamps(piece, symbols):
                counts += np.bincount((stamps - first) // width, minlength=BUCKETS)
        for symbol in self._query.symbols or ():
            if symbol not in symbols:
                raise DataError(unknown("symbol", symbol, symbols, where="the bars"))
        self._total = int(counts.sum())
        filled = np.flatnonzero(np.diff(np.cumsum(counts) // rows, prepend=0))
        edges = [first, *(first + width * (int(bucket) + 1) for bucket in filled)]
        return tuple(edges if edges[-1] > last else [*edges, last + 1])


def open_chunks(
    source: Any,
    *,
    rows: int = CHUNK_ROWS,
    query: Query | None = None,
    checks: ChecksConfig | None = None,
    scratch: Path | None = None,
    **fields: Any,
) -> BarChunks:
    """The bars of a source in chunks of time of about `rows` bars.

    `source` and `fields` are those of `read_bars`. `checks`: what is checked of each chunk (structure and values; what
    needs the whole history is left to `gnomon data check`); None for nothing but order and duplicates. `scratch` is the
    folder in which sources that are no Parquet are laid down; the system's own without it.

    Raises as `read_bars` does; a file out of order is found before the first chunk.
    """
    from gnomon.data.read import as_source

    return BarChunks(as_source(source, **fields), rows=rows, query=query or Query(), checks=checks, scratch=scratch)


def cut_bars(bars: pl.DataFrame, rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
    """Bars that are in memory, in chunks of time of about `rows`.

    >>> days = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 3), eager=True)
    >>> bars = pl.DataFrame({"timestamp": [*days, *days], "symbol": ["A"] * 3 + ["B"] * 3})
    >>> [chunk.height for chunk in cut_bars(bars, 4)]
    [4, 2]
    """
    stamps = bars["timestamp"].sort()
    start = 0
    while start < bars.height:
        last = stamps[min(start + rows, bars.height) - 1]
        stop = int(stamps.search_sorted(last, "right"))
        if start == 0 and stop == bars.height:
            yield bars
        else:
            yield bars.filter(pl.col("timestamp").is_between(stamps[start], last))
        start = stop


def _local(checks: ChecksConfig) -> ChecksConfig:
    """The checks that a part of the history can answer."""
    whole = [name for check, names in CHECKS if not check.__module__.endswith(LOCAL) for name in names]
    return checks.model_copy(update=dict.fromkeys(whole, "off"))


def _parts(source: DataSource) -> Iterator[DataSource]:
    """A source in parts that are read one after the other."""
    if isinstance(source, CsvDataSource | ParquetDataSource):
        for path in source.inputs():
            yield replace(source, path=str(path))
    elif isinstance(source, SqliteDataSource) and source.table is not None and source.symbol is None:
        column = (source.columns or {}).get("symbol", "symbol").replace('"', '""')
        table = source.table.replace('"', '""')
        names = read_sqlite(source.inputs()[0], query=f'SELECT DISTINCT "{column}" AS symbol FROM "{table}" ORDER BY 1')
        for name in names["symbol"]:
            quoted = str(name).replace("'", "''")
            # Row by row as they were written, as without parts.
            chosen = f"""SELECT * FROM "{table}" WHERE "{column}" = '{quoted}'"""
            yield replace(source, table=None, query=chosen)
    else:
        yield source


def _lazily(source: ParquetDataSource, path: Path) -> _Piece | None:
    """A Parquet file that can be cut as it stands; None where its stamps are text or stand in two columns."""
    own = own_digest(path) is not None and not source._declared()
    if own:
        return _piece(path, AS_BARS, own=True)
    Reading.__post_init__(source)
    reading: Reading = source
    if source.symbol_from_name is not None:
        reading = replace(source, symbol=from_name(source.symbol_from_name, path, what="symbol_from_name"))
    return _piece(path, reading, own=False)


def _piece(path: Path, reading: Reading, *, own: bool) -> _Piece | None:
    try:
        scan = pl.scan_parquet(path, hive_partitioning=False, glob=False)
        schema = scan.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    stamp = _column("timestamp", reading, schema)
    symbol = None if reading.symbol is not None else _column("symbol", reading, schema)
    if stamp is None or (symbol is None and reading.symbol is None):
        # What is missing is told in words by the reading itself.
        to_bars(scan.head(1).collect(), reading, origin=str(path))
        return None
    column = _Column(stamp, schema[stamp], reading.unit or "us")
    if not (isinstance(column.kind, pl.Datetime | pl.Date) or column.kind.is_integer()):
        return None
    head = scan.head(10_000).collect()
    if head.is_empty():
        raise DataError(f"{path} holds no rows")
    if reading.stamp == "open" and reading.frequency is None:
        # One for all chunks: each for itself might find another.
        frequency = infer_frequency(to_bars(head, replace(reading, stamp="close"), origin=str(path)))
        reading = replace(reading, frequency=frequency)
    moments = scan.select(stamp=column.micros())
    first, last, nulls = (
        moments.select(
            pl.col("stamp").min(), pl.col("stamp").max().alias("last"), pl.col("stamp").null_count().alias("n")
        )
        .collect()
        .row(0)
    )
    if nulls:
        raise DataError(f"{path}: {nulls} time stamps are empty; fix the source")
    return _Piece(path, reading, own, column, symbol, int(first), int(last))


def _column(ours: str, reading: Reading, schema: pl.Schema) -> str | None:
    mapped = (reading.columns or {}).get(ours)
    if mapped is not None:
        return mapped if mapped in schema else None
    found = [name for name in schema if name.strip().casefold() == ours]
    return found[0] if len(found) == 1 else None


def _stamps(piece: _Piece, symbols: set[str]) -> Iterator[Int64[Array, " rows"]]:
    """The stamps of a file, part by part; its symbols join the set. DataError where those of one do not ascend."""
    scan = pl.scan_parquet(piece.path, hive_partitioning=False, glob=False)
    symbol = pl.lit(piece.reading.symbol) if piece.symbol is None else pl.col(piece.symbol).cast(pl.String)
    scan = scan.select(stamp=piece.stamp.micros(), symbol=symbol)
    ends = pl.DataFrame(schema={"stamp": pl.Int64, "symbol": pl.String})
    start = 0
    while not (part := scan.slice(start, SCAN_ROWS).collect()).is_empty():
        joined = pl.concat([ends, part])
        back = joined.select((pl.col("stamp").diff().over("symbol") < 0).fill_null(value=False))["stamp"]
        if back.any() and not piece.reading.sort:
            row = int(back.arg_max() or 0)
            raise DataError(
                f"{piece.path}, row {start + row - ends.height + 1}: {int(back.sum())} bars are earlier than their "
                f"symbol's bar before, the first of {joined['symbol'][row]}; sort the file by symbol and timestamp, or "
                "say `sort: true` to put all in order"
            )
        ends = joined.group_by("symbol", maintain_order=True).last().select("stamp", "symbol")
        symbols.update(ends["symbol"])
        yield part["stamp"].to_numpy()
        start += part.height


def _read(piece: _Piece, start: int, stop: int) -> pl.DataFrame:
    """The bars of a file whose stamps, as it writes them, lie in [start, stop)."""
    stamp = pl.col(piece.stamp.name)
    scan = pl.scan_parquet(piece.path, hive_partitioning=False, glob=False)
    frame = scan.filter((stamp >= piece.stamp.literal(start)) & (stamp < piece.stamp.literal(stop))).collect()
    if frame.is_empty():
        return frame
    if piece.own:
        return frame.sort("symbol", "timestamp", maintain_order=True)
    # A descending file was refused or is to be sorted; what is read here is in order or may be put so.
    return to_bars(frame, piece.reading, origin=str(piece.path))


def _narrowed(bars: pl.DataFrame, query: Query) -> pl.DataFrame:
    if query.symbols is not None:
        bars = bars.filter(pl.col("symbol").is_in(list(query.symbols)))
    if query.start is not None:
        bars = bars.filter(pl.col("timestamp") >= query.start)
    if query.end is not None:
        bars = bars.filter(pl.col("timestamp") < query.end)
    return bars
