"""As-of joins: to each bar the latest value that was published by its close.

The join goes by `known_at`, the moment of publication, never by the date that a value is about: a consumer price index
"of January" is unknown until the middle of February.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError, unknown

KEYS = ("known_at", "symbol")


def join_asof(
    bars: pl.DataFrame,
    table: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    tolerance: timedelta | None = None,
    prefix: str,
) -> pl.DataFrame:
    """Bars with the columns `prefix.column`: of the rows with `known_at` <= `timestamp`, the last one.

    A value published exactly at a bar's close counts as known, since the bar itself is known from that moment on. With
    a `symbol` column the join is within symbols, otherwise every symbol gets the same value. A value older than
    `tolerance` (by its publication) is not used; where there is none the columns are null. A null inside the table is a
    published "no value" and is taken as such. Rows and their order stay those of `bars`.

    `known_at` among `columns` gives the moment at which the bar's value was published; by default it is left out.

    `table` is sorted by (symbol and) `known_at`, without two rows at one moment: DataError otherwise.

    >>> from datetime import UTC, datetime
    >>> at = lambda hour: datetime(2020, 1, 1, hour, tzinfo=UTC)
    >>> bars = pl.DataFrame({"timestamp": [at(9), at(10), at(11)], "symbol": "A"})
    >>> cpi = pl.DataFrame({"known_at": [at(10)], "value": [2.5]})
    >>> join_asof(bars, cpi, prefix="cpi")["cpi.value"].to_list()
    [None, 2.5, 2.5]
    """
    check_publication(table, name=prefix)
    chosen = list(columns) if columns is not None else [name for name in table.columns if name not in KEYS]
    for name in chosen:
        if name not in table.columns or name == "symbol":
            options = [column for column in table.columns if column not in KEYS]
            raise ConfigError(unknown("column", name, options, where=f"side table {prefix}"))
    found = _latest(bars, table)
    if tolerance is not None:
        known = table["known_at"].cast(pl.Datetime("us", "UTC")).gather(found)
        old = (bars["timestamp"] - known > tolerance).fill_null(value=False)
        found = found.set(old, None)
    return bars.with_columns(table[name].gather(found).alias(f"{prefix}.{name}") for name in chosen)


def check_publication(table: pl.DataFrame, *, name: str) -> None:
    """Raises DataError, with the rows, unless `known_at` is there, whole, in UTC, in order and without duplicates."""
    if "known_at" not in table.columns:
        raise DataError(
            f"side table {name!r} does not say when its rows were published: it has no column known_at "
            f"(its columns are {', '.join(table.columns)}); state a `delay` after its stamp in data.side_tables.{name}"
        )
    dtype = table.schema["known_at"]
    if not isinstance(dtype, pl.Datetime) or dtype.time_zone != "UTC":
        raise DataError(f"known_at of side table {name!r} is {dtype}, it must be a moment in UTC")
    by = [key for key in ("symbol", "known_at") if key in table.columns]
    empty = table.filter(pl.any_horizontal(pl.col(key).is_null() for key in by))
    if not empty.is_empty():
        raise DataError(
            f"side table {name!r} has {empty.height} rows without {' or '.join(by)}; fix its source",
            rows=empty.head(200),
        )
    again = table.filter(pl.struct(by).is_duplicated())
    if not again.is_empty():
        first = again.row(0, named=True)
        raise DataError(
            f"side table {name!r} has {again.height} rows that share {' and '.join(by)}, first at {first['known_at']}; "
            "one value must be the one that was known: fix its source",
            rows=again.head(200),
        )
    before = pl.col("known_at").shift()
    before = before.over("symbol") if "symbol" in by else before
    back = table.filter((pl.col("known_at") < before).fill_null(value=False))
    if not back.is_empty():
        first = back.row(0, named=True)
        raise DataError(
            f"side table {name!r} is not in order of publication: {back.height} rows came out before the row that "
            f"they follow, first at {first['known_at']}; sort its source",
            rows=back.head(200),
        )


def _latest(bars: pl.DataFrame, table: pl.DataFrame) -> pl.Series:
    """The row of the table for each bar: the last one published by the bar's close; null where there is none."""
    if "symbol" not in table.columns:
        known = table["known_at"].dt.cast_time_unit("us").cast(pl.Int64).to_numpy()
        stamps = bars["timestamp"].dt.cast_time_unit("us").cast(pl.Int64).to_numpy()
        found = np.searchsorted(known, stamps, side="right") - 1
        return pl.Series("found", found).set(pl.Series(found < 0), None)
    left = bars.select("symbol", timestamp=pl.col("timestamp").dt.cast_time_unit("us")).with_row_index("bar")
    right = table.select("symbol", known_at=pl.col("known_at").dt.cast_time_unit("us")).with_row_index("found")
    joined = left.sort("timestamp").join_asof(
        right.sort("known_at"), left_on="timestamp", right_on="known_at", by="symbol", check_sortedness=False
    )
    return joined.sort("bar")["found"].cast(pl.Int64)
