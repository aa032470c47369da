"""A synthetic market written to disk: Parquet, CSV, or a SQLite panel with the tables that real ones have beside bars.

The SQLite panel is described in docs/sqlite_schema.md. Its bars are unadjusted: splits and dividends stand in them as
jumps and in `corporate_actions` as rows, as a vendor would deliver them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.core.files import atomic_path, step
from gnomon.core.seeds import generator
from gnomon.data.base import BAR_SCHEMA, PRICES
from gnomon.data.digest import hash_bars
from gnomon.data.sources.parquet import DIGEST
from gnomon.data.synthetic import Market, market_bars, universe

STAMP = "%Y-%m-%dT%H:%M:%SZ"
FORMATS = {".parquet": "parquet", ".csv": "csv", ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite"}
SECTORS = ("energy", "materials", "industrials", "consumer", "health", "financials", "technology", "utilities")
SCHEMA = """
CREATE TABLE symbols (
    symbol TEXT PRIMARY KEY, name TEXT NOT NULL, sector TEXT NOT NULL, currency TEXT NOT NULL,
    listed TEXT NOT NULL, delisted TEXT
) WITHOUT ROWID;
CREATE TABLE bars (
    symbol TEXT NOT NULL REFERENCES symbols, timestamp TEXT NOT NULL,
    open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL NOT NULL{extra},
    PRIMARY KEY (symbol, timestamp)
) WITHOUT ROWID;
CREATE TABLE corporate_actions (
    symbol TEXT NOT NULL REFERENCES symbols, ex_date TEXT NOT NULL, announced_at TEXT NOT NULL,
    split REAL NOT NULL, dividend REAL NOT NULL,
    PRIMARY KEY (symbol, ex_date)
) WITHOUT ROWID;
CREATE TABLE macro (
    series TEXT NOT NULL, reference_date TEXT NOT NULL, published_at TEXT NOT NULL, value REAL NOT NULL,
    PRIMARY KEY (series, reference_date)
) WITHOUT ROWID;
CREATE TABLE funding (
    symbol TEXT NOT NULL REFERENCES symbols, known_at TEXT NOT NULL, rate REAL NOT NULL,
    PRIMARY KEY (symbol, known_at)
) WITHOUT ROWID;
CREATE TABLE sentiment (
    symbol TEXT NOT NULL REFERENCES symbols, known_at TEXT NOT NULL, score REAL NOT NULL, articles INTEGER NOT NULL,
    PRIMARY KEY (symbol, known_at)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: where, in which form, and how many rows each table has."""

    path: Path
    format: str
    digest: str
    rows: dict[str, int]


def write_market(market: Market, path: Path, *, format: Literal["parquet", "csv", "sqlite"] | None = None) -> Written:
    """Writes a market; the format is the file's ending unless it is given. The file is whole or not there.

    Parquet and CSV hold the bars, SQLite the whole panel. `digest` is the hash of the bars as they are read back.
    """
    form = format or FORMATS.get(path.suffix)
    if form is None:
        raise ConfigError(f"{path} has none of the endings {', '.join(FORMATS)}; rename it or give a format")
    bars = market_bars(market)
    counts = {"bars": bars.height}
    if form == "sqlite":
        bars, actions = apply_actions(bars, market)
        tables = _side_tables(bars, market, actions)
        counts |= {name: len(rows) for name, rows in tables.items()}
        with atomic_path(path) as temporary:
            step("write", path)
            _write_sqlite(temporary, bars, tables)
    else:
        with atomic_path(path) as temporary:
            step("write", path)
            if form == "parquet":
                bars.write_parquet(temporary, compression="zstd", metadata={DIGEST: hash_bars(bars)})
            else:
                bars.with_columns(pl.col("timestamp").dt.strftime(STAMP)).write_csv(temporary)
    return Written(path=path, format=form, digest=hash_bars(bars), rows=counts)


def apply_actions(bars: pl.DataFrame, market: Market) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Unadjusted bars, and the actions in them: `symbol`, `ex_date`, `split`, `dividend` (cash a share).

    A quarter of the symbols splits once (2:1, 3:1 or 1:10); half of them pay half a percent each quarter.
    """
    parts, rows = [], []
    for number, (symbol, part) in enumerate(_by_symbol(bars)):
        chance = generator(market.seed, "actions", symbol)
        first = part.with_row_index("row").group_by(pl.col("timestamp").dt.date(), maintain_order=True).first()
        days, starts = first["timestamp"].to_list(), first["row"].to_list()
        factor = np.ones(part.height)
        shares = np.ones(part.height)
        close = part["close"].to_numpy()
        quarterly = range(40 + int(chance.integers(20)), len(days), 63) if number % 2 == 0 else range(0)
        splits = {int(len(days) * chance.uniform(0.3, 0.7))} if number % 4 == 1 and len(days) > 10 else set()
        for day in sorted({*quarterly, *splits}):
            at = starts[day]
            if day in splits:
                ratio = float(chance.choice([2.0, 3.0, 0.1]))
                factor[at:] /= ratio
                shares[at:] *= ratio
                rows.append((symbol, days[day], ratio, 0.0))
            else:
                cash = round(0.005 * close[at - 1] * factor[at - 1], 4)
                factor[at:] *= 1.0 - cash / (close[at - 1] * factor[at - 1])
                rows.append((symbol, days[day], 1.0, cash))
        scaled = [pl.Series(name, part[name].to_numpy() * factor) for name in PRICES]
        volume = pl.Series("volume", np.ceil(part["volume"].to_numpy() * shares))
        parts.append(part.with_columns(*scaled, volume))
    schema = {"symbol": pl.String, "ex_date": pl.Date, "split": pl.Float64, "dividend": pl.Float64}
    return pl.concat(parts), pl.DataFrame(rows, schema=schema, orient="row")


def _by_symbol(bars: pl.DataFrame) -> Iterable[tuple[str, pl.DataFrame]]:
    for key, part in bars.partition_by("symbol", as_dict=True, maintain_order=True).items():
        yield str(key[0]), part


def _side_tables(bars: pl.DataFrame, market: Market, actions: pl.DataFrame) -> dict[str, Sequence[tuple[Any, ...]]]:
    lives = universe(market)
    symbols = [
        (symbol, f"Synthetic {symbol} Inc.", SECTORS[number % len(SECTORS)], "USD", _day(listed), _day(delisted))
        for number, (symbol, listed, delisted) in enumerate(lives.iter_rows())
    ]
    announced = pl.col("ex_date").cast(pl.Datetime("us")) - timedelta(days=10) + timedelta(hours=21)
    told = actions.select(
        "symbol",
        pl.col("ex_date").dt.to_string(),
        announced.dt.strftime(STAMP).alias("announced_at"),
        "split",
        "dividend",
    ).rows()
    return {
        "symbols": symbols,
        "corporate_actions": told,
        "macro": _macro(market),
        "funding": _funding(bars, market),
        "sentiment": _sentiment(bars, market),
    }


def _macro(market: Market) -> list[tuple[Any, ...]]:
    """Monthly figures, published at 12:30 UTC about six weeks after the first of their month."""
    months = pl.date_range(market.start.replace(day=1), market.end, "1mo", closed="left", eager=True)
    rows = []
    for series, level, size in (("cpi", 100.0, 0.002), ("unemployment", 5.0, 0.02), ("policy_rate", 2.0, 0.03)):
        chance = generator(market.seed, "macro", series)
        values = level * np.exp(np.cumsum(size * chance.standard_normal(len(months))))
        late = chance.integers(40, 47, len(months))
        for month, days, value in zip(months.to_list(), late.tolist(), values.tolist(), strict=True):
            published = f"{month + timedelta(days=days)}T12:30:00Z"
            rows.append((series, month.isoformat(), published, round(value, 4)))
    return rows


def _funding(bars: pl.DataFrame, market: Market) -> list[tuple[Any, ...]]:
    """Rates of eight hours, for at most ten symbols; they revert to one basis point."""
    rows: list[tuple[Any, ...]] = []
    for symbol, part in list(_by_symbol(bars))[:10]:
        chance = generator(market.seed, "funding", symbol)
        moments = pl.datetime_range(
            part["timestamp"][0].replace(hour=0, minute=0, second=0), part["timestamp"][-1], "8h", eager=True
        )
        noise = chance.standard_normal(len(moments)) * 0.00005
        weights = 0.9 ** np.arange(60)
        rates = 0.0001 + np.convolve(noise, weights)[: len(noise)]
        rows += [(symbol, stamp, round(rate, 8)) for stamp, rate in zip(moments.dt.strftime(STAMP), rates, strict=True)]
    return rows


def _sentiment(bars: pl.DataFrame, market: Market) -> list[tuple[Any, ...]]:
    """A score in [-1, 1] and its number of articles, each day at 13:00 UTC. It knows nothing of the future."""
    rows: list[tuple[Any, ...]] = []
    for symbol, part in _by_symbol(bars):
        chance = generator(market.seed, "sentiment", symbol)
        days = part["timestamp"].dt.date().unique(maintain_order=True)
        scores = np.tanh(0.5 * chance.standard_normal(len(days)))
        articles = chance.poisson(4.0, len(days))
        stamps = days.dt.strftime("%Y-%m-%dT13:00:00Z")
        rows += [
            (symbol, stamp, round(score, 4), count)
            for stamp, score, count in zip(stamps, scores.tolist(), articles.tolist(), strict=True)
        ]
    return rows


def _day(moment: Any) -> str | None:
    """A date counts whole: the last one is traded."""
    return None if moment is None else moment.date().isoformat()


def _write_sqlite(path: Path, bars: pl.DataFrame, tables: dict[str, Sequence[tuple[Any, ...]]]) -> None:
    extras = [name for name in bars.columns if name not in BAR_SCHEMA]
    columns = ["symbol", "timestamp", *PRICES, "volume", *extras]
    with closing(sqlite3.connect(path)) as connection:
        # The file is temporary until it is whole: no journal is needed.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA.format(extra="".join(f", {name} REAL" for name in extras)))
        _insert(connection, "symbols", tables["symbols"])
        text = bars.with_columns(pl.col("timestamp").dt.strftime(STAMP)).select(columns)
        _insert(connection, "bars", zip(*(text[name].to_list() for name in columns), strict=True), width=len(columns))
        for name in ("corporate_actions", "macro", "funding", "sentiment"):
            _insert(connection, name, tables[name])
        connection.commit()


def _insert(
    connection: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]], *, width: int | None = None
) -> None:
    listed = rows if width is not None else list(rows)
    count = width if width is not None else len(next(iter(listed), ()))
    if count:
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * count)})", listed)
