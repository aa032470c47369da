"""The full set of features: over a million bars with one thread, and one bar at a time."""

from __future__ import annotations

import time

import numpy as np
import polars as pl

from gnomon.features.sets import FeatureSet
from gnomon.testing.kernels import synthetic_columns

BARS = 1_000_000
UPDATES = 20_000
WARM = 2_000


def market(bars: int) -> pl.DataFrame:
    """Bars of one symbol, a minute apart."""
    names = ("open", "high", "low", "close", "volume")
    stamps = pl.Series("timestamp", 60_000_000 * np.arange(1, bars + 1)).cast(pl.Datetime("us", "UTC"))
    # Shorter walks put together: one of a million bars with fat tails would leave all bounds.
    part = synthetic_columns(names, bars=100_000)
    columns = np.tile(part, (1, -(-bars // part.shape[1])))[:, :bars]
    return pl.DataFrame(
        [stamps, *(pl.Series(name, row) for name, row in zip(names, columns, strict=True))]
    ).with_columns(symbol=pl.lit("A"))


def run() -> dict[str, dict[str, object]]:
    """Seconds over the whole, and microseconds a live bar."""
    features = FeatureSet.default()
    bars = market(BARS)
    features.compute(bars.head(5000), threads=1)
    begin = time.perf_counter()
    features.compute(bars, threads=1)
    seconds = time.perf_counter() - begin

    stream = features.stream(["A"])
    columns = np.stack([bars[name].head(WARM + UPDATES).cast(pl.Float64).to_numpy() for name in features.inputs])
    if "timestamp" in features.inputs:
        columns[features.inputs.index("timestamp")] = bars["timestamp"].head(WARM + UPDATES).dt.epoch("us").to_numpy()
    stream.extend("A", columns[:, :WARM])
    times = np.empty(UPDATES)
    for update in range(UPDATES):
        bar = np.ascontiguousarray(columns[:, WARM + update])
        begin = time.perf_counter()
        stream.update("A", bar)
        times[update] = time.perf_counter() - begin
    p50, p99 = (1e6 * float(value) for value in np.percentile(times, [50, 99]))
    count = len(features.outputs)
    return {
        # 10 million bars in 40 s with two threads are 8 s a million with one.
        "full_set_seconds_per_million_bars": {
            "value": seconds,
            "target": 8.0,
            "better": "lower",
            "outputs": count,
            "ns_per_bar_and_output": 1e9 * seconds / BARS / count,
        },
        "full_set_update_us_p50": {"value": p50, "target": 30.0, "better": "lower", "outputs": count},
        "full_set_update_us_p99": {"value": p99, "target": 100.0, "better": "lower", "outputs": count},
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
