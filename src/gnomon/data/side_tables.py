"""Side tables: macro figures, funding rates, sentiment; loaded with the moment at which each row was published.

A table that cannot say when its rows became known is refused, unless the config states the delay after its stamp. What
comes out joins as-of (`gnomon.data.asof`) and needs nothing else: where a tolerance is set, rows without values stand
where the last ones expire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from gnomon.config.models import SideTableConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.data.asof import check_publication
from gnomon.data.base import TABLES, TIMESTAMP
from gnomon.data.calendars import parse_frequency
from gnomon.data.table_models import TABLE_MODELS, outside, schema

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
    the table has one (a vendor's own delay), otherwise to `timestamp`. A column of vectors (lists of one length)
    becomes a column an element. With a `schedule` the columns `released_at` and `next_at` are added, in microseconds.
    """
    place = f"data.side_tables.{name}"
    kind = config.kind or (name if name in TABLE_MODELS else None)
    table = _of_whom(_chosen_rows(table, config, place), config, place, kind)
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
    if kind == "calendar" and config.schedule is None and "next_at" not in table.columns:
        raise ConfigError(
            f"side table {name!r} is a calendar: state {place}.schedule, how long ahead its dates are announced (30d)"
        )
    table, vectors = _unfolded(table, place)
    values = _values(table, config, place, vectors)
    keys = [known_at.alias("known_at"), *([pl.col("symbol")] if "symbol" in table.columns else [])]
    table = table.select(*keys, *(pl.col(column).cast(pl.Float64) for column in values))
    if not values:
        # Only dates are told: what is released at one moment is one release.
        table = table.unique(maintain_order=True)
    _validate(name, table, kind)
    check_publication(table, name=name)
    if config.schedule is not None:
        table = _scheduled(table, parse_duration(config.schedule, where=f"{place}.schedule"), place)
    if config.tolerance is not None:
        table = _expire(table, parse_duration(config.tolerance, where=f"{place}.tolerance"))
    return table


def settlements(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
    """The payments in the side table `funding`, None without one: a row without a rate says that the last one expired.

    Such rows stand where the table has a tolerance; nobody pays then.
    """
    table = tables.get("funding")
    return table.drop_nulls("rate") if table is not None and "rate" in table.columns else table


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


def _of_whom(table: pl.DataFrame, config: SideTableConfig, place: str, kind: str | None) -> pl.DataFrame:
    """The table with its column `symbol`, or without one that says nothing about the bars' symbols."""
    told = "symbol" in table.columns
    if config.per_symbol is False:
        return table.drop("symbol") if told else table
    if config.per_symbol and not told:
        raise ConfigError(f"{place}.per_symbol is true, but the table has no column symbol: map it in source.columns")
    if not told and kind is not None and TABLE_MODELS[kind].per_symbol:
        raise ConfigError(
            f"side table {place.rpartition('.')[2]!r} is per symbol ({TABLE_MODELS[kind].meaning}), and has no column "
            "symbol: map it in source.columns"
        )
    if told and config.per_symbol is None and kind is not None and TABLE_MODELS[kind].per_symbol is False:
        raise ConfigError(
            f"side table {place.rpartition('.')[2]!r} holds for the whole market ({TABLE_MODELS[kind].meaning}), but "
            f"its rows carry a symbol ({table['symbol'][0]}), and bars of other symbols would see nothing of it; set "
            f"{place}.per_symbol: false to take the column off, or true where the table is per symbol indeed"
        )
    return table


def _unfolded(table: pl.DataFrame, place: str) -> tuple[pl.DataFrame, dict[str, tuple[str, ...]]]:
    """The table with a column for each element of its vectors, and which those are."""
    vectors: dict[str, tuple[str, ...]] = {}
    for name, dtype in table.schema.items():
        if not isinstance(dtype, pl.List | pl.Array) or not dtype.inner.is_numeric():
            continue
        lists = table[name].cast(pl.List(dtype.inner))
        lengths = lists.list.len().drop_nulls().unique().sort().to_list()
        if len(lengths) != 1 or lengths[0] == 0:
            raise DataError(f"{place}: the vectors in {name!r} must all be as long as each other, found {lengths[:10]}")
        vectors[name] = tuple(f"{name}_{k}" for k in range(lengths[0]))
        elements = [lists.list.get(k).alias(part) for k, part in enumerate(vectors[name])]
        table = table.drop(name).with_columns(elements)
    return table, vectors


def _scheduled(table: pl.DataFrame, lead: timedelta, place: str) -> pl.DataFrame:
    """Adds `released_at` and `next_at`, and a row where the next date is announced later than the release before it."""
    if not lead:
        raise ConfigError(f"{place}.schedule must be above zero: a date that is not announced ahead has no schedule")
    keys = ["symbol", "known_at"] if "symbol" in table.columns else ["known_at"]
    following = pl.col("known_at").shift(-1)
    if "symbol" in keys:
        following = following.over("symbol")
    table = table.sort(keys).with_columns(released_at=pl.col("known_at"), next_at=following)
    announced = pl.col("next_at") - lead
    later = table.filter(announced > pl.col("known_at")).with_columns(known_at=announced)
    first = table.unique("symbol", keep="first", maintain_order=True) if "symbol" in keys else table.head(1)
    hidden = pl.when(announced <= pl.col("known_at")).then(pl.col("next_at")).alias("next_at")
    ahead = first.select(*keys[:-1], next_at=pl.col("known_at"), known_at=pl.col("known_at") - lead)
    whole = pl.concat([table.with_columns(hidden), later, ahead], how="diagonal")
    moments = pl.col("released_at", "next_at").dt.epoch("us").cast(pl.Float64)
    return whole.with_columns(moments).sort(keys)


def _values(
    table: pl.DataFrame, config: SideTableConfig, place: str, vectors: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The columns to join; text is left out unless it was asked for, which is an error."""
    numeric = [
        column
        for column, dtype in table.schema.items()
        if column not in KEYS and (dtype.is_numeric() or dtype == pl.Boolean)
    ]
    wanted = [part for column in config.columns or () for part in vectors.get(column, (column,))]
    for column in wanted:
        if column not in table.columns or column in KEYS:
            raise ConfigError(unknown("column", column, numeric, where=f"{place}.columns"))
        if column not in numeric:
            raise DataError(
                f"{place}.columns: {column!r} is {table.schema[column]}; only numbers can be joined to bars"
            )
    chosen = tuple(wanted or numeric)
    if not chosen and config.schedule is None:
        raise DataError(f"{place}: no column holds numbers; its columns are {', '.join(table.columns)}")
    return chosen


def _validate(name: str, table: pl.DataFrame, kind: str | None) -> None:
    import pandera.errors

    values = tuple(column for column in table.columns if column not in KEYS)
    try:
        schema(kind=kind, per_symbol="symbol" in table.columns, values=values).validate(table, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        bad = pl.any_horizontal(
            pl.col("known_at").is_null(),
            *(pl.col(column).is_null() for column in ("symbol",) if column in table.columns),
            *(outside(kind, column) for column in values),
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
