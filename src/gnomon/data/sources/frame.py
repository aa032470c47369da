"""Bars from a polars or pandas frame that is already in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.data.bars import to_bars
from gnomon.data.base import SOURCES, DataSourceBase, Query
from gnomon.data.reading import Reading

if TYPE_CHECKING:
    import pandas as pd


@SOURCES.register(name="frame")
@dataclass(frozen=True, kw_only=True, eq=False)
class FrameDataSource(Reading, DataSourceBase):
    """Bars from a frame. A pandas index with a name, or of dates, is a column ("timestamp" when it has no name)."""

    frame: Any

    def __str__(self) -> str:
        return "the frame"

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - it is in memory already
        """The frame's bars, sorted."""
        return to_bars(as_polars(self.frame), self)


def as_polars(frame: pl.DataFrame | pl.LazyFrame | pd.DataFrame) -> pl.DataFrame:
    """The same table in polars. A pandas NaN stays NaN. ConfigError for anything that is no table."""
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
    return pl.from_pandas(flat, nan_to_null=False)
