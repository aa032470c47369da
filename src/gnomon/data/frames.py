"""A person's own table that is in memory already, in polars or pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import TIMESTAMP

if TYPE_CHECKING:
    import pandas as pd

Frame: TypeAlias = "pl.DataFrame | pl.LazyFrame | pd.DataFrame"


def as_polars(frame: Frame) -> pl.DataFrame:
    """The same table in polars.

    A pandas NaN stays NaN; an index with a name, or of dates, is a column ("timestamp" when it has no name).
    ConfigError for anything that is no table, DataError for columns that no table can have.
    """
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.partition(".")[0] != "pandas" or not hasattr(frame, "columns"):
        raise ConfigError(f"a frame is a polars or pandas DataFrame, not {type(frame).__name__}")
    flat = frame.copy(deep=False)
    flat.columns = [str(name) for name in flat.columns]
    if flat.index.names != [None] or flat.index.dtype.kind == "M":
        if flat.index.names == [None]:
            flat.index = flat.index.rename("timestamp")
        flat = flat.reset_index()
    if twice := [name for name in flat.columns if list(flat.columns).count(name) > 1]:
        raise DataError(f"the frame has {twice.count(twice[0])} columns {twice[0]!r}; keep one, or rename the others")
    return pl.DataFrame([_column(flat, name) for name in flat.columns])


def as_bars(frame: Frame) -> pl.DataFrame:
    """`as_polars`, with time stamps that have a zone as moments in UTC and microseconds. Nothing else is changed."""
    table = as_polars(frame)
    stamp = table.schema.get("timestamp")
    if isinstance(stamp, pl.Datetime) and stamp.time_zone is not None and stamp != TIMESTAMP:
        table = table.with_columns(pl.col("timestamp").dt.convert_time_zone("UTC").cast(TIMESTAMP))
    return table


def _column(frame: pd.DataFrame, name: str) -> pl.Series:
    try:
        return pl.from_pandas(frame[name], nan_to_null=False)
    except (TypeError, ValueError) as error:
        kinds = sorted({type(value).__name__ for value in frame[name]})
        raise DataError(
            f"column {name!r} of the frame holds values of the kinds {', '.join(kinds[:5])}; make them one kind"
        ) from error
