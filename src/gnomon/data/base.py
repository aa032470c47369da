"""What a source of bars is, and what bars are.

Bars are one long table: `timestamp` (UTC, microseconds: the moment the bar closed and became knowable), `symbol`,
`open`, `high`, `low`, `close`, `volume`, then any extra columns; sorted by symbol and timestamp, unique.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

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


class DataSource(Protocol):
    """Somewhere bars come from."""

    def fetch(self, query: Query) -> pl.LazyFrame:
        """Bars as `BAR_SCHEMA`, sorted by symbol and timestamp. Raises DataError for what cannot be read as bars."""
        ...


SOURCES: Registry[DataSource] = Registry("data source")
