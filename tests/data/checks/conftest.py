"""Clean bars for the tests of checks: what a healthy exchange delivers, with fat tails and weekends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

Factory = Callable[..., pl.DataFrame]


def weekdays(count: int) -> list[datetime]:
    start = datetime(2020, 1, 6, 21, tzinfo=UTC)
    return [start + timedelta(days=7 * (day // 5) + day % 5) for day in range(count)]


@pytest.fixture(scope="session")
def clean() -> Factory:
    """A factory: `clean(seed, symbols=3, bars=260)` gives daily bars in which no check should find an error."""

    def make(seed: int = 0, *, symbols: int = 3, bars: int = 260, sigma: float = 0.015) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        frames = []
        for number in range(symbols):
            # Student t with 5 degrees of freedom: the tails of real daily returns.
            moves = sigma * rng.standard_t(5, size=bars) / np.sqrt(5 / 3)
            close = 50.0 * (number + 1) * np.exp(np.cumsum(moves))
            open_ = close * np.exp(-moves * rng.uniform(0, 1, size=bars))
            reach = np.abs(rng.normal(0, sigma / 2, size=(2, bars)))
            frames.append(
                pl.DataFrame(
                    {
                        "timestamp": weekdays(bars),
                        "symbol": "ABCDEFGH"[number],
                        "open": open_,
                        "high": np.maximum(open_, close) * np.exp(reach[0]),
                        "low": np.minimum(open_, close) * np.exp(-reach[1]),
                        "close": close,
                        "volume": np.round(1e6 * np.exp(rng.normal(0, 0.4, size=bars))),
                    }
                )
            )
        return pl.concat(frames).cast({"timestamp": pl.Datetime("us", "UTC")})

    return make
