"""Side tables: macro figures, funding rates, sentiment; loaded with the moment at which each row was published.

A table that cannot say when its rows became known is refused, unless the config states the delay after its stamp. What
comes out joins as-of (`gnomon.data.asof`) and needs nothing else: where a tolerance is set, rows without values stand
where the last ones expire.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from gnomon.config.models import SideTableConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.data.asof import check_publication
from gnomon.data.base import TABLES, TIMESTAMP
from gnomon.data.calendars import parse_frequency

if TYPE_CHECKING:
    import pandera.polars as pa

STAMPS = ("known_at", "timestamp")
KEYS = (*STAMPS, "symbol")


def load_side_table(name: str, config: SideTableConfig) -> pl.DataFrame:
    """Reads a side table from its configured source: `known_at`, `symbol` where it has one, values as Float64.

    Raises ConfigError for a source or column that is not known, or when nothing says when the rows were published;
    DataError for rows without a stamp, duplicates, or values that are no numbers.
    """
    source = TABLES.from_config(config.source, where=f"data.side_tables.{name}.source")
    return as_side_table(name, source.read(), config)


def load_side_tables(configs: Mapping[str, SideTableConfig]) -> dict[str, pl.DataFrame]:
    """Every configured side table by name."""
    return {name: load_side_table(name, config) for name, config in configs.items()}


def as_side_table(name: str, table: pl.DataFrame, config: SideTableConfig) -> pl.DataFrame:
    """A frame with a stamp as a side table: filtered, its publication settled, checked, old values expired.

    `table` has `known_at` (publication) or `timestamp` (what a row is about). A `delay` is added to `known_at` where
    the table has one (a vendor's own delay), otherwise to `timestamp`.
    """
    place = f"data.side_tables.{name}"
    table = _chosen_rows(table, config, place)
    delay = parse_duration(config.delay, where=f"{place}.delay") if config.delay is not None else None
    stamp = next((stamp for stamp in STAMPS if stamp in table.columns), None)
    if stamp is None:
        raise DataError(f"side table {name!r} has no stamp: map `known_at` or `timestamp` in {place}.source.columns")
    if stamp == "timestamp" and delay is None:
        raise ConfigError(
            f"side table {name!r} does not say when its rows were published: it has only `timestamp`, the date that a "
            f"row is about. State how much later it came out, {place}.delay (such as 45d for a monthly figure), or map "
            "the column that holds the publication to `known_at`"
        )
    known_at = pl.col(stamp).cast(TIMESTAMP) + (delay or timedelta())
    values = _values(table, config, place)
    keys = [known_at.alias("known_at"), *([pl.col("symbol")] if "symbol" in table.columns else [])]
    table = table.select(*keys, *(pl.col(column).cast(pl.Float64) for column in values))
    _validate(name, table)
    check_publication(table, name=name)
    if config.tolerance is not None:
        table = _expire(table, parse_duration(config.tolerance, where=f"{place}.tolerance"))
    return table


def parse_duration(text: str, *, where: str) -> timedelta:
    """A span of time: a whole number, zero too, and a unit of s, m, h, d, w.

    >>> parse_duration("8h", where="delay"), parse_duration("0d", where="delay")
    (datetime.timedelta(seconds=28800), datetime.timedelta(0))
    """
    if re.fullmatch(r"0[smhdw]", text):
        return timedelta()
    try:
        return parse_frequency(text)
    except ConfigError:
        raise ConfigError(f"{where} = {text!r}: write a whole number and s, m, h, d or w, such as 8h or 45d") from None


@functools.cache
def schema(*, per_symbol: bool, values: tuple[str, ...]) -> pa.DataFrameSchema:
    """The pandera schema of a side table, global or per symbol: moments in UTC, no empty keys, no infinite values.

    Values may be null (published as "none") but not NaN or infinite, which would spread through every feature.
    """
    import pandera.polars as pa

    def finite(data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col(data.key).is_finite() | pl.col(data.key).is_null()).all())

    columns = {"known_at": pa.Column(TIMESTAMP)}
    if per_symbol:
        columns["symbol"] = pa.Column(pl.String)
    for name in values:
        columns[name] = pa.Column(pl.Float64, pa.Check(finite, error="NaN or infinite"), nullable=True)
    return pa.DataFrameSchema(columns, strict=True)


def _chosen_rows(table: pl.DataFrame, config: SideTableConfig, place: str) -> pl.DataFrame:
    for column, value in config.where.items():
        if column not in table.columns:
            raise ConfigError(unknown("column", column, table.columns, where=f"{place}.where"))
        try:
            kept = table.filter(pl.col(column) == pl.lit(value).cast(table.schema[column]))
        except pl.exceptions.PolarsError:
            # The value cannot even be written in the column's type: no row has it.
            kept = table.clear()
        if kept.is_empty():
            found = ", ".join(repr(other) for other in table[column].unique().sort().head(10))
            raise DataError(f"{place}.where: no row has {column} = {value!r}; it holds {found}")
        table = kept
    return table


def _values(table: pl.DataFrame, config: SideTableConfig, place: str) -> tuple[str, ...]:
    """The columns to join; text is left out unless it was asked for, which is an error."""
    numeric = [
        column
        for column, dtype in table.schema.items()
        if column not in KEYS and (dtype.is_numeric() or dtype == pl.Boolean)
    ]
    for column in config.columns or ():
        if column not in table.columns or column in KEYS:
            raise ConfigError(unknown("column", column, numeric, where=f"{place}.columns"))
        if column not in numeric:
            raise DataError(
                f"{place}.columns: {column!r} is {table.schema[column]}; only numbers can be joined to bars"
            )
    chosen = tuple(config.columns or numeric)
    if not chosen:
        raise DataError(f"{place}: no column holds numbers; its columns are {', '.join(table.columns)}")
    return chosen


def _validate(name: str, table: pl.DataFrame) -> None:
    import pandera.errors

    values = tuple(column for column in table.columns if column not in KEYS)
    try:
        schema(per_symbol="symbol" in table.columns, values=values).validate(table, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        bad = pl.any_horizontal(
            pl.col("known_at").is_null(),
            *(pl.col(column).is_null() for column in ("symbol",) if column in table.columns),
            *(~pl.col(column).is_finite().fill_null(value=True) for column in values),
        )
        faults = "; ".join(str(error).split("\n", 1)[0] for error in errors.schema_errors)
        rows = table.filter(bad)
        raise DataError(f"side table {name!r} is refused ({rows.height} rows): {faults}", rows=rows.head(200)) from None


def _expire(table: pl.DataFrame, tolerance: timedelta) -> pl.DataFrame:
    """Adds a row without values where a value is older than the tolerance and no newer one has come."""
    following = pl.col("known_at").shift(-1)
    keys = ["known_at"]
    if "symbol" in table.columns:
        table = table.sort("symbol", "known_at")
        following, keys = following.over("symbol"), ["symbol", "known_at"]
    # A value that is exactly as old as the tolerance is still used.
    ends = pl.col("known_at") + tolerance + timedelta(microseconds=1)
    expired = table.filter((following > ends) | following.is_null()).select(
        *(ends.alias("known_at") if key == "known_at" else pl.col(key) for key in keys)
    )
    return pl.concat([table, expired], how="diagonal").sort(keys)
