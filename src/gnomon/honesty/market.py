"""The small market of the corpus: six weeks of hours with all that a leak may hide behind.

Three symbols, two ends of months, both spring changes of clocks, a crash of each symbol at its own hour, a hole of
missing closes, a late listing, and a table of figures that come out after the time they are about and are revised.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl

from gnomon.data.base import PRICES, TIMESTAMP
from gnomon.data.synthetic import Market, market_bars

START = date(2024, 2, 26)
END = date(2024, 4, 3)
CRASH = 0.8
"""What is left of a price after its crash."""
CRASH_HOURS = {"SYN001": 300, "SYN002": 500, "SYN003": 550}
HOLE_HOURS = (400, 406)
LATE_HOURS = 200


def corpus_bars(seed: int = 11) -> pl.DataFrame:
    """The bars."""
    market = Market(symbols=3, start=START, end=END, frequency="1h", calendar="24/7", seed=seed, volatility=0.6)
    hour = pl.int_range(pl.len()).over("symbol")
    crashed = hour >= pl.col("symbol").replace_strict(CRASH_HOURS, return_dtype=pl.Int64)
    hole = (pl.col("symbol") == "SYN001") & hour.is_between(*HOLE_HOURS)
    return (
        market_bars(market)
        .with_columns(pl.when(crashed).then(pl.col(name) * CRASH).otherwise(name) for name in PRICES)
        .with_columns(close=pl.when(hole).then(float("nan")).otherwise("close"))
        .filter((pl.col("symbol") != "SYN003") | (hour >= LATE_HOURS))
    )


def corpus_tables() -> dict[str, pl.DataFrame]:
    """A table `figures`: each is `about` a moment, comes out five hours later, and is revised after two days."""
    about = [datetime(2024, 2, 25, tzinfo=UTC) + timedelta(hours=17 * number) for number in range(55)]
    first = pl.DataFrame({"about": about, "value": [100.0 + number % 7 for number in range(55)], "vintage": 1})
    revised = first.with_columns(value=pl.col("value") * 1.1 + 0.3, vintage=2)
    delay = pl.when(pl.col("vintage") == 1).then(pl.duration(hours=5)).otherwise(pl.duration(hours=53, minutes=1))
    both = pl.concat([first, revised]).cast({"about": TIMESTAMP, "vintage": pl.Int64})
    return {"figures": both.with_columns(known_at=(pl.col("about") + delay).cast(TIMESTAMP)).sort("known_at")}
