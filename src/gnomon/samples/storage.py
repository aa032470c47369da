"""Samples on disk: a folder with one .npy file an array, opened without reading it."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.errors import IntegrityError
from gnomon.core.files import atomic_folder, step, write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.samples.base import Samples

FACTS = "samples.json"
TUPLES = ("symbols", "feature_names", "price_names", "horizons")
ARRAYS = tuple(field.name for field in fields(Samples) if field.name not in TUPLES)


def save_samples(samples: Samples, folder: Path) -> None:
    """Writes samples into a new folder; the same samples, the same bytes. The folder must not exist."""
    with atomic_folder(folder) as temporary:
        for name in ARRAYS:
            path = temporary / f"{name}.npy"
            step("write", path)
            np.save(path, np.ascontiguousarray(getattr(samples, name)), allow_pickle=False)
        facts = {"rows": len(samples), **{name: list(getattr(samples, name)) for name in TUPLES}}
        write_atomic(temporary / FACTS, canonical_json(facts))


def load_samples(folder: Path) -> Samples:
    """The samples in a folder, memory-mapped and read-only. Raises IntegrityError for a folder that holds none."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_bytes())
        arrays = {name: _open(folder / f"{name}.npy") for name in ARRAYS}
        held: dict[str, Any] = {**arrays, **{name: tuple(facts[name]) for name in TUPLES}}
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{folder} holds no samples: {error}") from error
    wrong = [name for name in ARRAYS if len(arrays[name]) != facts["rows"]]
    if wrong:
        raise IntegrityError(f"{folder} should hold {facts['rows']} rows, but {', '.join(wrong)} have other lengths")
    return Samples(**held)


def _open(path: Path) -> Any:
    # A header is 128 bytes; an array without values cannot be memory-mapped.
    return np.load(path, mmap_mode=None if path.stat().st_size <= 128 else "r", allow_pickle=False)
