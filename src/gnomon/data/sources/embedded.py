"""The market data in the box: S&P 500 and NASDAQ Composite, daily, 1999 to 2018, with VIX, oil and core CPI.

The files ship inside the `arch` package. They are read from there without importing it (which takes seconds). US
consumer prices and oil come from FRED as they stood in 2019: revised values, so an effect of their revisions on results
cannot be excluded.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import polars as pl

from gnomon.core.errors import ConfigError, GnomonError, unknown
from gnomon.data.bars import join_bars, to_bars
from gnomon.data.base import BAR_SCHEMA, SOURCES, TABLES, TIMESTAMP, DataSourceBase, Query
from gnomon.data.calendars import session_closes
from gnomon.data.reading import Reading
from gnomon.data.sources.delimited import Delimited, read_delimited

INDICES = {"SP500": "sp500/sp500.csv.gz", "NASDAQ": "nasdaq/nasdaq.csv.gz"}


@SOURCES.register(name="embedded")
@dataclass(frozen=True, kw_only=True)
class EmbeddedDataSource(DataSourceBase):
    """Daily bars of SP500 and NASDAQ, 1999 to 2018, known at each New York close; `adj_close` is an extra column."""

    symbols: tuple[str, ...] = field(default=("NASDAQ", "SP500"))

    def __post_init__(self) -> None:
        for symbol in self.symbols:
            if symbol not in INDICES:
                raise ConfigError(unknown("embedded symbol", symbol, INDICES))

    def __str__(self) -> str:
        return "the embedded sample"

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - ten thousand bars
        """All bars of the symbols."""
        return join_bars([(symbol, self._read(symbol)) for symbol in sorted(self.symbols)])

    def _read(self, symbol: str) -> pl.DataFrame:
        columns = {"timestamp": "Date", "adj_close": "Adj Close"}
        reading = Reading(columns=columns, session_close="XNYS", date_format="%m/%d/%Y", symbol=symbol)
        bars = _embedded(INDICES[symbol], reading)
        return bars.select(*BAR_SCHEMA, "adj_close")


def _embedded(name: str, reading: Reading) -> pl.DataFrame:
    path = _folder() / name
    frame, line = read_delimited(path, Delimited())
    return to_bars(frame, reading, origin=name, line=line)


def _folder() -> Path:
    found = importlib.util.find_spec("arch")
    if found is None or not found.submodule_search_locations:
        raise GnomonError("the embedded sample ships in the package `arch`, which is not installed: pip install arch")
    return Path(found.submodule_search_locations[0]) / "data"


@dataclass(frozen=True)
class Series:
    """An embedded side table: its file and column, and how long after its date it was surely public."""

    file: str
    column: str
    after: timedelta
    session: bool = False


SERIES = {
    # Final values follow the close of New York's session by a quarter of an hour.
    "vix": Series("vix/vix.csv.gz", "vix", timedelta(minutes=15), session=True),
    # FRED carries the week up to Monday on Wednesday, so a Tuesday's price waits eight days; nine to its end.
    "wti": Series("wti/wti.csv.gz", "DCOILWTICO", timedelta(days=9)),
    # A month's figure, stamped on its first day, comes out in the middle of the next; in October 2013 (the shutdown)
    # it came on the 30th, 59 days after the stamp.
    "cpi": Series("core_cpi/core-cpi.csv.gz", "CPILFESL", timedelta(days=60)),
}


@TABLES.register(name="embedded")
@TABLES.register(name="embedded_table")
@dataclass(frozen=True, kw_only=True)
class EmbeddedTable:
    """VIX (2014-2019), WTI crude oil (1986-2019) or US core CPI (1957-2018), with the moment each value was public."""

    table: Literal["vix", "wti", "cpi"]

    def read(self) -> pl.DataFrame:
        """Columns `known_at` and the table's name. Days for which the publisher gives no value have no row."""
        series = SERIES[self.table]
        frame, _ = read_delimited(_folder() / series.file, Delimited())
        dates = frame["Date"].str.to_date("%m/%d/%Y")
        published = (
            session_closes("XNYS", dates)
            if series.session
            else dates.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        )
        values = frame[series.column].cast(pl.Float64, strict=False)
        table = pl.DataFrame({"known_at": (published + series.after).cast(TIMESTAMP), self.table: values})
        return table.drop_nulls().sort("known_at")
