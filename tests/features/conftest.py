"""Bars of two symbols and the three side tables that the default features know."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.testing.features import synthetic_bars

TABLES = ("cpi", "vix", "wti")


@pytest.fixture(scope="session")
def bars() -> pl.DataFrame:
    return synthetic_bars(("open", "high", "low", "close", "volume"), bars=300)


@pytest.fixture(scope="session")
def tables(bars: pl.DataFrame) -> dict[str, pl.DataFrame]:
    stamps = bars["timestamp"].unique(maintain_order=True)
    every = {"vix": 1, "wti": 5, "cpi": 30}
    return {
        name: pl.DataFrame(
            {
                "known_at": (known := stamps.gather_every(every[name])),
                name: [20.0 + (i * 7) % 11 for i in range(len(known))],
            }
        )
        for name in TABLES
    }
