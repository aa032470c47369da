"""The full set of features: over a million bars with one thread, one bar at a time, and ten million bars in chunks.

The ten million run in a process of their own, so that its peak memory is theirs: the bars, a chunk's work, the writer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from gnomon.data.chunks import cut_bars
from gnomon.features.sets import FeatureSet
from gnomon.features.to_parquet import write_features
from gnomon.testing.kernels import synthetic_columns

BARS = 1_000_000
UPDATES = 20_000
WARM = 2_000
MANY, SYMBOLS, THREADS = 10_000_000, 10, 2


def market(bars: int, symbol: str = "A") -> pl.DataFrame:
    """Bars of one symbol, a minute apart."""
    names = ("open", "high", "low", "close", "volume")
    stamps = pl.Series("timestamp", 60_000_000 * np.arange(1, bars + 1)).cast(pl.Datetime("us", "UTC"))
    # Shorter walks put together: one of a million bars with fat tails would leave all bounds.
    part = synthetic_columns(names, bars=100_000)
    columns = np.tile(part, (1, -(-bars // part.shape[1])))[:, :bars]
    return pl.DataFrame(
        [stamps, *(pl.Series(name, row) for name, row in zip(names, columns, strict=True))]
    ).with_columns(symbol=pl.lit(symbol))


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
        **many_bars(),
    }


def many_bars() -> dict[str, dict[str, object]]:
    """Ten million bars of ten symbols: seconds to compute all, seconds through to Parquet, peak memory of both."""
    command = [sys.executable, "-m", "benchmarks.feature_set", "--many"]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    facts = {"better": "lower", "outputs": found["outputs"], "bars": MANY, "symbols": SYMBOLS, "threads": THREADS}
    return {
        "full_set_10M_bars_computed_seconds": {"value": found["computed"], "target": 40.0, "unit": "s", **facts},
        "full_set_10M_bars_to_parquet_seconds": {
            "value": found["written"],
            "target": 150.0,
            "unit": "s",
            "file_gb": found["file_gb"],
            **facts,
        },
        "full_set_10M_bars_peak_memory_gb": {"value": found["peak_gb"], "target": 4.0, "unit": "GB", **facts},
    }


def measure_many(bars: int = MANY) -> dict[str, float]:
    """What `many_bars` reports, measured in this process."""
    features = FeatureSet.default()
    frame = pl.concat([market(bars // SYMBOLS, f"S{number}") for number in range(SYMBOLS)])
    features.compute(frame.head(5000), threads=1)
    begin = time.perf_counter()
    state = features.start()
    for chunk in cut_bars(frame):
        features.advance(state, chunk, threads=THREADS)
    computed = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.parquet"
        begin = time.perf_counter()
        write_features(features, cut_bars(frame), path, threads=THREADS)
        written = time.perf_counter() - begin
        size = path.stat().st_size
    # Not `ru_maxrss`, in which a child's counting begins with its parent's memory.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) / 1024**2
    outputs = len(features.outputs)
    return {"outputs": outputs, "computed": computed, "written": written, "file_gb": size / 1e9, "peak_gb": peak}


if __name__ == "__main__":
    if sys.argv[1:] == ["--many"]:
        print(json.dumps(measure_many()))
    else:
        for name, value in run().items():
            print(name, value)
