"""Small tables that fit together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

STAMP = pl.Datetime("us", "UTC")
START = datetime(2024, 1, 1, tzinfo=UTC)


class Tables(NamedTuple):
    features: pl.DataFrame
    labels: pl.DataFrame
    bars: pl.DataFrame


@pytest.fixture
def tables() -> Tables:
    """Two symbols, ten hours; features warm from the third bar of A and the second of B; labels at 2 and 4 bars."""
    stamps = [START + timedelta(hours=i) for i in range(10)] * 2
    symbols = ["A"] * 10 + ["B"] * 10
    keys = {"timestamp": pl.Series(stamps).cast(STAMP), "symbol": symbols}
    close = np.arange(100.0, 120.0)
    bars = pl.DataFrame(
        {**keys, "open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0}
    )
    fast = pl.Series(np.arange(20), dtype=pl.Float32)
    slow = pl.Series([None, None, *range(2, 10), None, *range(11, 20)], dtype=pl.Float32)
    features = pl.DataFrame({**keys, "fast": fast, "slow": slow})
    rows = []
    for i, (stamp, symbol) in enumerate(zip(stamps, symbols, strict=True)):
        for horizon in (2, 4):
            known = i % 10 + horizon < 10
            rows.append(
                {
                    "timestamp": stamp,
                    "symbol": symbol,
                    "horizon": horizon,
                    "label": (i % 3) - 1 if known else None,
                    "label_end": stamp + timedelta(hours=horizon) if known else None,
                    "forward_return": 0.01 * i if known else None,
                    "weight": 0.5 if known else 0.0,
                }
            )
    schema = {
        "timestamp": STAMP,
        "symbol": pl.String,
        "horizon": pl.Int32,
        "label": pl.Int8,
        "label_end": STAMP,
        "forward_return": pl.Float64,
        "weight": pl.Float64,
    }
    return Tables(features, pl.DataFrame(rows, schema=schema), bars)
