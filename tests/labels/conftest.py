"""Bars for the labels: paths given, random, or with holes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

START = datetime(2024, 1, 1, tzinfo=UTC)


def bars_of(close: Any, symbol: str = "A", open_: Any = None) -> pl.DataFrame:
    """Hourly bars with these closes; each opens where the one before closed, or as given."""
    close = np.asarray(close, np.float64)
    open_ = np.concatenate([close[:1], close[:-1]]) if open_ is None else np.asarray(open_, np.float64)
    return pl.DataFrame(
        {
            "timestamp": [START + timedelta(hours=i) for i in range(close.size)],
            "symbol": [symbol] * close.size,
            "open": open_,
            "high": np.maximum(open_, close) * 1.001,
            "low": np.minimum(open_, close) * 0.999,
            "close": close,
        },
        schema_overrides={"timestamp": pl.Datetime("us", "UTC"), "symbol": pl.String},
    )


def walk(bars: int, seed: int, symbols: str = "A", holes: bool = False) -> pl.DataFrame:
    """Random walks; with `holes` some prices are missing."""
    frames = []
    for i, symbol in enumerate(symbols):
        draw = np.random.default_rng([seed, i])
        close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, bars)))
        open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(draw.normal(0, 0.002, bars))
        if holes:
            gone = draw.random(bars) < 0.05
            close, open_ = np.where(gone, np.nan, close), np.where(gone, np.nan, open_)
        frames.append(bars_of(close, symbol, open_))
    return pl.concat(frames)


@pytest.fixture(scope="session")
def make_bars() -> Callable[..., pl.DataFrame]:
    """`bars_of`."""
    return bars_of


@pytest.fixture(scope="session")
def random_walk() -> Callable[..., pl.DataFrame]:
    """`walk`."""
    return walk
