"""Samples on disk: the same arrays, the same bytes, opened without reading."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.core.errors import IntegrityError
from gnomon.core.files import observed
from gnomon.core.hashing import hash_tree
from gnomon.samples import Samples, build_samples, load_samples, save_samples


def test_what_is_saved_is_loaded(tables: Any, tmp_path: Path) -> None:
    for name, labels in (("labelled", tables.labels), ("bare", None)):
        samples = build_samples(tables.features, labels, tables.bars)
        save_samples(samples, tmp_path / name)
        loaded = load_samples(tmp_path / name)
        for field in fields(Samples):
            before, after = getattr(samples, field.name), getattr(loaded, field.name)
            if isinstance(before, np.ndarray):
                assert before.dtype == after.dtype
                np.testing.assert_array_equal(before, after)
            else:
                assert before == after
    assert isinstance(loaded.x, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        loaded.x[0, 0] = 1.0


def test_the_same_samples_give_the_same_bytes(tables: Any, tmp_path: Path) -> None:
    samples = build_samples(*tables)
    save_samples(samples, tmp_path / "a")
    save_samples(load_samples(tmp_path / "a"), tmp_path / "b")
    assert hash_tree(tmp_path / "a") == hash_tree(tmp_path / "b")


def test_no_samples_are_saved_as_well(tables: Any, tmp_path: Path) -> None:
    save_samples(build_samples(*tables).take(np.arange(0)), tmp_path / "none")
    assert len(load_samples(tmp_path / "none")) == 0


def test_a_failed_write_leaves_nothing(tables: Any, tmp_path: Path) -> None:
    def full_disk(operation: str, path: Path) -> None:
        if path.name == "y.npy":
            raise OSError(28, "No space left on device")

    with observed(full_disk), pytest.raises(OSError, match="No space"):
        save_samples(build_samples(*tables), tmp_path / "samples")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder_of_samples_is_refused(tables: Any, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="holds no samples"):
        load_samples(tmp_path / "absent")
    save_samples(build_samples(*tables), tmp_path / "cut")
    np.save(tmp_path / "cut" / "y.npy", np.zeros((3, 2), np.int8))
    with pytest.raises(IntegrityError, match="should hold 17 rows, but y have other lengths"):
        load_samples(tmp_path / "cut")
    (tmp_path / "cut" / "x.npy").write_bytes(b"not numpy" * 30)
    with pytest.raises(IntegrityError, match="holds no samples"):
        load_samples(tmp_path / "cut")
