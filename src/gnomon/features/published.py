"""Side tables in pieces: what a later chunk of bars may still read of what was published before it.

A chunk comes with the rows published since the last one, or with whole tables each time; both join as the whole tables
would. Kept are the last row by the chunk's end, of each symbol where the table has symbols, and all later rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.asof import check_publication
from gnomon.data.base import TIMESTAMP
from gnomon.features.inputs import input_column


def as_published(table: pl.DataFrame, columns: Sequence[str], *, name: str) -> pl.DataFrame:
    """The keys and the wanted columns, these as float64 with nulls as NaN; checked by `check_publication`."""
    check_publication(table, name=name)
    keys = [pl.col("known_at").cast(TIMESTAMP)]
    if "symbol" in table.columns:
        keys.append(pl.col("symbol").cast(pl.String))
    values = [column for column in columns if column != "known_at"]
    return table.select(*keys, *(pl.Series(column, input_column(table, column)) for column in values))


def continued(kept: pl.DataFrame, table: pl.DataFrame, moment: int, *, name: str) -> pl.DataFrame:
    """What was kept at `moment` (microseconds since 1970), and the rows of `table` after it.

    Raises DataError for a row published by `moment` that was not there then: bars were computed without it.
    """
    if kept.columns != table.columns:
        raise DataError(
            f"side table {name!r} has other columns than in the chunk before: {', '.join(table.columns)} after "
            f"{', '.join(kept.columns)}"
        )
    by = ["symbol"] if "symbol" in table.columns else []
    seen = pl.col("known_at").to_physical() <= moment
    old = table.filter(seen)
    if by:
        last = kept.filter(seen).select(*by, last="known_at")
        late = old.join(last, on=by, how="left", maintain_order="left")
    else:
        late = old.with_columns(last=pl.lit(kept.filter(seen)["known_at"].max(), TIMESTAMP))
    late = late.filter((pl.col("known_at") > pl.col("last")) | pl.col("last").is_null())
    if not late.is_empty():
        raise DataError(
            f"{late.height} rows of side table {name!r} came late, first the one of {late['known_at'].min()!s}: the "
            "chunk that reached that moment was computed without them; give each chunk all rows published by its end",
            rows=late.head(200),
        )
    return pl.concat([kept, table.filter(~seen)]).unique(maintain_order=True).sort(*by, "known_at", maintain_order=True)


def kept_at(table: pl.DataFrame, moment: int) -> pl.DataFrame:
    """The rows that bars after `moment` may read: the last ones published by then, and those to come."""
    seen = pl.col("known_at").to_physical() <= moment
    old = table.filter(seen)
    old = old.group_by("symbol", maintain_order=True).last() if "symbol" in table.columns else old.tail(1)
    return pl.concat([old.select(table.columns), table.filter(~seen)])
