"""Bars of two symbols, and every side table that a feature of this package reads."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.features import FEATURES
from gnomon.testing.features import synthetic_bars

EVERY = {"vix": 1, "wti": 5, "cpi": 30, "rates": 2, "funding": 3}
"""Bars from one publication to the next; 4 for the others."""


@pytest.fixture(scope="session")
def bars() -> pl.DataFrame:
    return synthetic_bars(("open", "high", "low", "close", "volume"), bars=300)


@pytest.fixture(scope="session")
def tables(bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
    stamps = bars["timestamp"].unique(maintain_order=True)
    columns: dict[str, dict[str, None]] = {}
    for spec in FEATURES.values():
        for name in spec.inputs:
            table, dot, column = name.partition(".")
            if dot and column != "known_at":
                columns.setdefault(table, {})[column] = None
    return {
        table: pl.DataFrame({"known_at": (known := stamps.gather_every(EVERY.get(table, 4)))}).with_columns(
            pl.Series(name, [20.0 + (i * (7 + k)) % 11 for i in range(len(known))]) for k, name in enumerate(names)
        )
        for table, names in columns.items()
    }
