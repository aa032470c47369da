"""What a labeler is. Labels look ahead on purpose: nothing that runs live may import this room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import polars as pl

from gnomon.core.registry import Registry

LABEL_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "timestamp": pl.Datetime("us", "UTC"),
    "symbol": pl.String,
    "horizon": pl.Int32,
    "label": pl.Int8,
    "label_end": pl.Datetime("us", "UTC"),
    "forward_return": pl.Float64,
    "weight": pl.Float64,
}


class Labeler(Protocol):
    """Turns bars into what a model should have known."""

    def label(self, bars: pl.DataFrame, entries: pl.DataFrame | None = None) -> pl.DataFrame:
        """One row an entry and horizon, as `LABEL_SCHEMA`, sorted by symbol, timestamp, horizon.

        `label` is -1, 0 or 1; `label_end` is the moment it became known. Where the data end before the label is
        decided, `label`, `label_end` and `forward_return` are null and `weight` is 0. `entries` (timestamp, symbol and
        optional `side`) restricts the rows; with `side` the labels are meta-labels. Default: every bar.
        """
        ...


LABELERS: Registry[Labeler] = Registry("labeler")
