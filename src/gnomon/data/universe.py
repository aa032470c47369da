"""The point-in-time universe: which symbols were listed when.

A list of today's names has survivorship bias: those that failed are missing. A table of listing and delisting dates
says what could be traded at each moment; bars outside a symbol's listed time are dropped and counted, and a symbol that
was given to another company after a delisting becomes another symbol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.base import TABLES, TIMESTAMP

LISTING_SCHEMA = pl.Schema({"symbol": pl.String(), "listed": TIMESTAMP, "delisted": TIMESTAMP, "name": pl.String()})
"""A table of listings: `listed` and `delisted` are the moments between which it could be traded, `delisted` is null
while it lasts, `name` is the symbol in the universe. Bars that close after `listed`, up to `delisted`, belong to it."""


@dataclass(frozen=True, kw_only=True)
class UniverseCount:
    """What the universe did to a symbol's bars: "dropped" (outside every listing) or "renamed" to `name`."""

    symbol: str
    action: Literal["dropped", "renamed"]
    name: str
    count: int


def restrict(
    bars: pl.DataFrame, section: Mapping[str, Any], *, unlisted: Literal["refuse", "drop", "keep"] = "refuse"
) -> tuple[pl.DataFrame, list[UniverseCount]]:
    """Bars within the universe whose listings `data.universe` names: the source of a side table."""
    listings = read_listings(TABLES.from_config(section, where="data.universe").read())
    return apply_universe(bars, listings, unlisted=unlisted)


def read_listings(table: pl.DataFrame) -> pl.DataFrame:
    """Listings as `LISTING_SCHEMA`, sorted, from a table with `symbol`, `listed` (or `timestamp`) and `delisted`.

    Dates count whole: a symbol delisted on a date trades on it. A date is a Date, a text such as 2009-11-01, or a
    moment at 00:00 UTC. The first listing of a symbol keeps its name, a later one is called SYMBOL@LISTED. Raises
    DataError for missing columns, dates that cannot be read, listings that end before they begin or overlap.
    """
    table = (
        table.rename({"timestamp": "listed"})
        if "listed" not in table.columns and "timestamp" in table.columns
        else table
    )
    for name in ("symbol", "listed", "delisted"):
        if name not in table.columns:
            raise DataError(f"a table of listings needs the column {name!r}, it has {', '.join(table.columns)}")
    end = _moment(table, "delisted")
    whole = end == end.dt.truncate("1d")
    listings = (
        pl.DataFrame([table["symbol"].cast(pl.String), _moment(table, "listed"), end])
        .with_columns(delisted=pl.when(whole).then(pl.col("delisted") + timedelta(days=1)).otherwise("delisted"))
        .sort("symbol", "listed")
    )
    bad = listings.filter(
        pl.col("symbol").is_null() | pl.col("listed").is_null() | (pl.col("delisted") <= pl.col("listed"))
    )
    if not bad.is_empty():
        raise DataError(
            f"{bad.height} listings have no symbol, no beginning, or end before it, first {bad.row(0)}", rows=bad
        )
    before = pl.col("delisted").shift()
    overlap = (pl.col("symbol") == pl.col("symbol").shift()) & (before.is_null() | (before > pl.col("listed")))
    both = listings.filter(overlap.fill_null(value=False))
    if not both.is_empty():
        first = both.row(0, named=True)
        raise DataError(
            f"{both.height} listings begin before the one before them ended, first {first['symbol']} at "
            f"{first['listed']}; a symbol has one listing at a time",
            rows=both,
        )
    first_of_symbol = pl.int_range(pl.len()).over("symbol") == 0
    later = pl.format("{}@{}", "symbol", pl.col("listed").dt.strftime("%Y-%m-%d"))
    return listings.with_columns(name=pl.when(first_of_symbol).then("symbol").otherwise(later)).cast(LISTING_SCHEMA)


def apply_universe(
    bars: pl.DataFrame, listings: pl.DataFrame, *, unlisted: Literal["refuse", "drop", "keep"] = "refuse"
) -> tuple[pl.DataFrame, list[UniverseCount]]:
    """Bars within the listings, with the universe's names, sorted; and what was dropped or renamed, by symbol.

    `unlisted`: what happens to symbols that the table does not have at all. Raises DataError for those by default, and
    when no bar is left.
    """
    known = listings["symbol"].unique()
    strangers = bars.filter(~pl.col("symbol").is_in(known.implode()))["symbol"].unique().sort()
    if len(strangers) and unlisted == "refuse":
        shown = ", ".join(strangers.head(5)) + (", ..." if len(strangers) > 5 else "")
        raise DataError(
            f"{len(strangers)} symbols are not in the table of listings ({shown}); "
            "add them, or set data.unlisted to drop or keep"
        )
    placed = (
        bars.with_row_index("gnomon.row")
        .sort("timestamp")
        .join_asof(
            listings.sort("listed"),
            left_on="timestamp",
            right_on="listed",
            by="symbol",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .sort("gnomon.row")
    )
    inside = pl.col("name").is_not_null() & (pl.col("delisted").is_null() | (pl.col("timestamp") <= pl.col("delisted")))
    if unlisted == "keep":
        stranger = pl.col("symbol").is_in(strangers.implode())
        placed = placed.with_columns(name=pl.when(stranger).then("symbol").otherwise("name"))
        inside = inside | stranger
    counts = _counts(placed.filter(~inside), "dropped") + _counts(
        placed.filter(inside & (pl.col("name") != pl.col("symbol"))), "renamed"
    )
    kept = placed.filter(inside).with_columns(symbol="name").select(bars.columns)
    if kept.is_empty():
        raise DataError("no bar lies within the listings; look at their dates and symbols (data.universe)")
    return kept.sort("symbol", "timestamp", maintain_order=True), counts


def _counts(rows: pl.DataFrame, action: Literal["dropped", "renamed"]) -> list[UniverseCount]:
    name = pl.col("symbol") if action == "dropped" else pl.col("name")
    table = rows.group_by("symbol", name.alias("to")).len().sort("symbol", "to")
    return [
        UniverseCount(symbol=symbol, action=action, name=to, count=count) for symbol, to, count in table.iter_rows()
    ]


def _moment(table: pl.DataFrame, name: str) -> pl.Series:
    """A column of dates or moments as moments in UTC; empty text is null."""
    column = table[name]
    if column.dtype == pl.String:
        filled = column.str.strip_chars().replace("", None)
        read = filled.str.to_date("%Y-%m-%d", strict=False)
        bad = read.is_null() & filled.is_not_null()
        if bad.any():
            raise DataError(
                f"{bad.sum()} values of {name!r} are no dates such as 2009-11-01, first {filled.filter(bad)[0]!r}"
            )
        column = read
    if column.dtype == pl.Date or column.dtype == pl.Null:
        return column.cast(pl.Date).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias(name)
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        return column.dt.convert_time_zone("UTC").cast(TIMESTAMP)
    raise DataError(f"column {name!r} of the table of listings is {column.dtype}; write dates or moments in UTC")
