"""Putting and getting a large file, against a plain copy that is hashed once and flushed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gnomon.core.seeds import generator
from gnomon.store.local import LocalArtifactStore
from gnomon.store.trials import TrialLedger

GIGABYTE = 1 << 30
PIECE = 1 << 20


def run(size: int = GIGABYTE, rounds: int = 2) -> dict[str, Any]:
    """The best of some rounds each: put + get by a plain copy, flushed as a store must, and not flushed."""
    with tempfile.TemporaryDirectory() as folder:
        source = _random_file(Path(folder) / "large.bin", size)
        copies, flushed, puts, gets = [], [], [], []
        for turn in range(rounds):
            target = Path(folder) / "copy.bin"
            copies.append(_seconds(lambda target=target: _plain_copy(source, target, flush=False)))
            flushed.append(_seconds(lambda target=target: _plain_copy(source, target, flush=True)))
            target.unlink()
            store = LocalArtifactStore(Path(folder) / f"store{turn}")
            puts.append(_seconds(lambda store=store: store.put(source, name="large", kind="data")))
            gets.append(_seconds(lambda store=store: store.get("large")))
            shutil.rmtree(store.folder)
        ours = min(puts) + min(gets)
        seconds = {"put_seconds": min(puts), "get_seconds": min(gets)}
        return {
            "put + get of 1 GB, by a flushed hashed copy": {
                "value": ours / min(flushed),
                "target": 2.0,
                "better": "lower",
                "plain_copy_seconds": min(flushed),
                **seconds,
            },
            "put + get of 1 GB, by an unflushed hashed copy": {
                "value": ours / min(copies),
                "better": "lower",
                "plain_copy_seconds": min(copies),
                **seconds,
            },
            "to record a trial of 2,500 returns": {
                "value": _append_milliseconds(Path(folder)),
                "unit": "ms",
                "better": "lower",
            },
        }


def _plain_copy(source: Path, target: Path, *, flush: bool) -> str:
    """What anyone would write: read a piece, hash it, write it."""
    running = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(PIECE):
            running.update(piece)
            writer.write(piece)
        if flush:
            writer.flush()
            os.fsync(writer.fileno())
    return running.hexdigest()


def _append_milliseconds(folder: Path, count: int = 100) -> float:
    ledger = TrialLedger(folder / "trials.jsonl")
    returns = generator(7, "benchmark").standard_normal((count, 2500)) / 100

    def append() -> None:
        for number in range(count):
            ledger.append(dataset="d", config=f"{number}", name="m", kind="search", returns=returns[number])

    return 1000 * _seconds(append) / count


def _random_file(path: Path, size: int) -> Path:
    draws = generator(7, "benchmark")
    with path.open("wb") as file:
        for start in range(0, size, PIECE):
            file.write(draws.bytes(min(PIECE, size - start)))
    return path


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
