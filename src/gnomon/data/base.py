"""What a source of bars is, what bars are, and what a side table is.

Bars are one long table: `timestamp` (UTC, microseconds: the moment the bar closed and became knowable), `symbol`,
`open`, `high`, `low`, `close`, `volume`, then any extra columns; sorted by symbol and timestamp, unique.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar, final

import polars as pl

from gnomon.core.errors import DataError, nearest
from gnomon.core.registry import Registry

TIMESTAMP = pl.Datetime("us", "UTC")
PRICES = ("open", "high", "low", "close")
BAR_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "timestamp": TIMESTAMP,
    "symbol": pl.String,
    **dict.fromkeys((*PRICES, "volume"), pl.Float64),
}


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which bars are wanted. `start` is inclusive and `end` exclusive, both by the bar's close, with a time zone."""

    symbols: tuple[str, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise DataError(f"{name} = {moment.isoformat()} has no time zone; write {moment.isoformat()}Z for UTC")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise DataError(f"start {self.start.isoformat()} is not before end {self.end.isoformat()}")


class DataSource(Protocol):
    """Somewhere bars come from."""

    def fetch(self, query: Query) -> pl.LazyFrame:
        """Bars as `BAR_SCHEMA`, sorted by symbol and timestamp. Raises DataError for what cannot be read as bars."""
        ...


class TableSource(Protocol):
    """Somewhere a side table comes from: macro figures, funding, sentiment, corporate actions."""

    def read(self) -> pl.DataFrame:
        """Columns `known_at` (publication) or `timestamp` (what the row is about), both UTC; `symbol` if it has one."""
        ...


T = TypeVar("T")


class _SourceRegistry(Registry[T]):
    """A registry that knows Gnomon's own kinds too: their modules are imported when a name is first looked up."""

    def _load_plugins(self) -> None:
        importlib.import_module("gnomon.data.sources")
        super()._load_plugins()


SOURCES: Registry[DataSource] = _SourceRegistry("data source")
TABLES: Registry[TableSource] = _SourceRegistry("side table")


class NetworkError(DataError):
    """A server could not be reached, or did not answer well after all retries."""


class DataSourceBase(ABC):
    """A source that loads bars and is narrowed to the query here. For plug-ins: implement `load`."""

    cached: ClassVar[bool] = False
    """Whether reading is slow enough that a copy of the bars is kept."""
    remote: ClassVar[bool] = False
    """Whether the bars come from elsewhere, so that a copy is kept for when that cannot be reached."""
    offline: bool = False
    """Of a remote source: whether only the copy is used."""

    @abstractmethod
    def load(self, query: Query) -> pl.DataFrame:
        """Bars, sorted; at least those of the query, more are cut away by `fetch`."""

    @final
    def fetch(self, query: Query) -> pl.LazyFrame:
        """The bars of the query. DataError when a symbol is unknown or nothing is left."""
        return narrow(self.load(query), query, what=str(self)).lazy()

    def inputs(self) -> tuple[Path, ...]:
        """The files whose bytes decide what `load` gives; empty when it is decided by the fields alone."""
        return ()


def narrow(bars: pl.DataFrame, query: Query, *, what: str = "the data") -> pl.DataFrame:
    """The bars of a query. DataError names a symbol that is not there, or says that the period is empty."""
    if query.symbols is not None:
        there = bars["symbol"].unique().to_list()
        for symbol in query.symbols:
            if symbol not in there:
                close = nearest(symbol, there)
                hint = f"did you mean {close!r}?" if close else f"it has {', '.join(sorted(there)[:20])}"
                raise DataError(f"{what} has no symbol {symbol!r}; {hint}")
        bars = bars.filter(pl.col("symbol").is_in(list(query.symbols)))
    kept = bars
    if query.start is not None:
        kept = kept.filter(pl.col("timestamp") >= query.start)
    if query.end is not None:
        kept = kept.filter(pl.col("timestamp") < query.end)
    if kept.is_empty():
        period = f"{bars['timestamp'].min()!s} to {bars['timestamp'].max()!s}" if len(bars) else "no bars at all"
        raise DataError(f"{what} has no bars from {query.start} to {query.end}; it holds {period}")
    return kept
