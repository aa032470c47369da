"""Bars from a polars or pandas frame that is already in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from gnomon.data.bars import to_bars
from gnomon.data.base import SOURCES, DataSourceBase, Query
from gnomon.data.frames import as_polars
from gnomon.data.reading import Reading


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
