"""A small market of hours, with two symbols, over ends of months and a change of clocks."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from gnomon.data.synthetic import Market, market_bars


@pytest.fixture(scope="session")
def hours() -> pl.DataFrame:
    market = Market(symbols=2, start=date(2024, 2, 26), end=date(2024, 4, 3), frequency="1h", calendar="24/7", seed=3)
    return market_bars(market)


@pytest.fixture(scope="session")
def few(hours: pl.DataFrame) -> pl.DataFrame:
    """The first hundred hours of each symbol."""
    return hours.group_by("symbol", maintain_order=True).head(100).select(hours.columns)
