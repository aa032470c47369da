"""The cross-sectional features over a decade of 400 stocks, one thread, beside the same ranks by polars."""

from __future__ import annotations

import time

import numpy as np
import polars as pl

from gnomon.features.registry import FEATURES
from gnomon.features.sets import FeatureSet

SYMBOLS, BARS = 400, 2_500
ROUNDS = 3


def market() -> pl.DataFrame:
    """Daily bars of many symbols with a common factor; one bar in fifty is missing."""
    chance = np.random.default_rng(1)
    moves = chance.normal(0.0, 0.01, BARS) + 0.02 * chance.standard_t(4, (SYMBOLS, BARS))
    stamps = pl.Series("timestamp", 86_400_000_000 * np.arange(1, BARS + 1)).cast(pl.Datetime("us", "UTC"))
    frame = pl.DataFrame(
        {
            "symbol": np.repeat([f"S{number:03d}" for number in range(SYMBOLS)], BARS),
            "close": 100.0 * np.exp(np.cumsum(moves, axis=1)).ravel(),
            "volume": chance.lognormal(10.0, 1.0, SYMBOLS * BARS),
        }
    ).insert_column(0, pl.concat([stamps] * SYMBOLS))
    return frame.filter(pl.Series(chance.random(frame.height) > 0.02))


def run() -> dict[str, dict[str, object]]:
    """Seconds over the whole, and how much faster rank and z-score of one return come than by polars."""
    bars, features = market(), FeatureSet.cross_section()
    features.compute(bars.head(5_000))
    one = FeatureSet([FEATURES.create("cross_return", windows=(5,))])
    value = (pl.col("close") / pl.col("close").shift(5)).log().over("symbol")
    moment = pl.col("value")
    rank = (moment.rank("average") - 1) / (moment.count() - 1)
    score = (moment - moment.mean()) / moment.std()
    seconds, mine, theirs = [], [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        features.compute(bars, threads=1)
        seconds.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        one.compute(bars, threads=1)
        mine.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        bars.with_columns(value=value).select(rank=rank.over("timestamp"), score=score.over("timestamp"))
        theirs.append(time.perf_counter() - begin)
    return {
        "cross_section_seconds": {
            "value": min(seconds),
            "target": 2.0,
            "better": "lower",
            "rows": bars.height,
            "outputs": len(features.outputs),
            "ns_per_row_and_output": 1e9 * min(seconds) / bars.height / len(features.outputs),
        },
        "rank_and_score_times_polars": {
            "value": min(theirs) / min(mine),
            "target": None,
            "better": "higher",
            "seconds": min(mine),
            "polars_seconds": min(theirs),
        },
    }


if __name__ == "__main__":
    for name, figure in run().items():
        print(name, figure)
