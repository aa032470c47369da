"""The full run: boosting, classical, LSTM on 124,277 x 107, four horizons, cross-validated, ensembled, reported.

It takes its time, so `make bench` leaves it out: `python -m benchmarks full_run`. GNOMON_FULL_RUN_ROWS=12000 tries it
on fewer rows first. Bars: Bitfinex, BTC and ETH, minutes of 2017, from the real data beside the checkout (or in the
folder GNOMON_REAL_DATA), joined to five minutes; without them there is nothing to run on.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from gnomon.pipeline import open_workspace
from gnomon.pipeline.comparison import ModelComparison
from gnomon.pipeline.executor import PipelineExecutor
from gnomon.pipeline.keys import SAMPLES

ROWS, FEATURES = 124_277, 107
HOURS = 2.0
WARMUP = 139
"""Bars of a symbol until the slowest of the configured features has a value."""
CONFIG = Path(__file__).with_suffix(".yaml")
REAL_DATA = Path(__file__).parents[2] / "shared" / "data"
FILE = "A_intraday/crypto_bitfinex_btc_eth_1m_2017.parquet"


def bars_of(source: Path, rows: int) -> pl.DataFrame:
    """The last five-minute bars that give so many warm rows of both symbols, stamped at their close."""
    minutes = pl.read_parquet(source).with_columns(pl.col("timestamp").dt.truncate("5m"))
    bars = minutes.group_by("symbol", "timestamp", maintain_order=True).agg(
        pl.col("open").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").last(),
        pl.col("volume").sum(),
    )
    bars = bars.with_columns(pl.col("timestamp") + pl.duration(minutes=5)).sort("timestamp", "symbol")
    return bars.tail(rows + WARMUP * bars["symbol"].n_unique()).sort("symbol", "timestamp")


def make_workspace(folder: Path, source: Path, *, rows: int = ROWS) -> None:
    """A workspace with the configuration and its bars."""
    (folder / "gnomon.yaml").write_text(CONFIG.read_text())
    bars_of(source, rows).write_parquet(folder / "bars.parquet")


def run() -> dict[str, dict[str, Any]]:
    """Wall time, processor time and peak memory of the study with its report."""
    source = Path(os.environ.get("GNOMON_REAL_DATA", REAL_DATA)) / FILE
    if not source.is_file():
        return {"full run, hours": {"value": None, "absent": f"there is no {source}; set GNOMON_REAL_DATA"}}
    rows = int(os.environ.get("GNOMON_FULL_RUN_ROWS", ROWS))
    with TemporaryDirectory() as folder:
        make_workspace(Path(folder), source, rows=rows)
        workspace = open_workspace(Path(folder))
        began, before = time.perf_counter(), time.process_time()
        study = ModelComparison(workspace)
        written = study.run(progress=lambda text, share: print(f"{share:4.0%} {text}", file=sys.stderr, flush=True))
        seconds, used = time.perf_counter() - began, time.process_time() - before
        executor = PipelineExecutor(study.plans[0], workspace.products)
        executor.run(until="split")
        samples = executor.value(SAMPLES)
        assert samples.x.shape == (rows, FEATURES), samples.x.shape
        standings = written.found.standings
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    whole = rows == ROWS
    return {
        "full run, hours": {
            "value": seconds / 3600,
            "target": HOURS if whole else None,
            "better": "lower",
            "rows": rows,
        },
        "full run, processor hours": {"value": used / 3600, "better": "lower"},
        "full run, peak memory": {"value": peak, "unit": "GB", "better": "lower"},
        "full run, models and horizons judged": {"value": float(len(standings)), "better": "higher"},
    }
