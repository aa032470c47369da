"""A synthetic market as a source of bars."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from gnomon.data.base import SOURCES, DataSourceBase, Query
from gnomon.data.synthetic import Market, market_bars


@SOURCES.register(name="synthetic")
@dataclass(frozen=True, kw_only=True)
class SyntheticDataSource(Market, DataSourceBase):
    """Bars of a synthetic market; the fields are `gnomon.data.synthetic.Market`'s."""

    def __str__(self) -> str:
        return f"the synthetic market of seed {self.seed}"

    def load(self, query: Query) -> pl.DataFrame:  # noqa: ARG002 - a part of a path needs the whole path
        """All bars of the market."""
        return market_bars(self)
