"""The command line: how long help, the demo and an unchanged run take, and how much memory a large run needs."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

GNOMON = [sys.executable, "-m", "gnomon.cli.main"]
REAL = Path(__file__).parents[2] / "shared" / "data" / "A_intraday" / "crypto_bitfinex_btc_eth_1m_2017.parquet"


def run() -> dict[str, Any]:
    """Every figure of the command line."""
    results = help_figures()
    results.update(demo_figures())
    if REAL.exists():
        results.update(memory_figures())
    return results


def help_figures() -> dict[str, Any]:
    """`gnomon --help` against `mlflow --help`, the best of five each."""
    executable = Path(sys.executable).with_name("gnomon")
    ours = min(_seconds([str(executable), "--help"]) for _ in range(5))
    mlflow = Path(sys.executable).with_name("mlflow")
    results = {"help_seconds": {"value": ours, "target": 0.2, "better": "lower", "unit": "s"}}
    if mlflow.exists():
        theirs = min(_seconds([str(mlflow), "--help"]) for _ in range(3))
        results["help_against_mlflow"] = {"value": theirs / ours, "target": 15.0, "unit": "x", "rival_seconds": theirs}
    return results


def demo_figures() -> dict[str, Any]:
    """The demo with cold and warm caches of compiled code, and the same run again."""
    with tempfile.TemporaryDirectory() as folder:
        cache = {"GNOMON_CACHE_DIR": f"{folder}/cache"}
        cold = _seconds([*GNOMON, "demo", "--workspace", f"{folder}/cold"], cache)
        warm = _seconds([*GNOMON, "demo", "--workspace", f"{folder}/warm"], cache)
        again = min(_seconds([*GNOMON, "run", "--workspace", f"{folder}/warm"], cache) for _ in range(3))
        shutil.rmtree(f"{folder}/cold")
    return {
        "demo_cold_seconds": {"value": cold, "target": 120.0, "better": "lower", "unit": "s"},
        "demo_warm_seconds": {"value": warm, "target": 60.0, "better": "lower", "unit": "s"},
        "run_again_seconds": {"value": again, "target": 3.0, "better": "lower", "unit": "s"},
    }


def memory_figures() -> dict[str, Any]:
    """Peak memory and time of a run over 919,523 one-minute bars."""
    with tempfile.TemporaryDirectory() as folder:
        _seconds([*GNOMON, "init", folder])
        settings = (
            f"data.source={{kind: parquet, path: {REAL}, stamp: open, frequency: 1m}}",
            "data.frequency=1m",
            "data.calendar=24/7",
            "data.side_tables={}",
        )
        command = [*GNOMON, "run", "--workspace", folder]
        seconds = _seconds(command + [part for setting in settings for part in ("--set", setting)])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    return {
        "peak_memory_gb": {"value": peak, "target": 3.0, "better": "lower", "unit": "GB"},
        "minute_bars_seconds": {"value": seconds, "target": None, "better": "lower", "unit": "s"},
    }


def _seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}: {done.stderr[-2000:]}")
    return seconds
