"""A store in a temporary folder, and a clock that moves only when told to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gnomon.core.clock import FixedClock
from gnomon.store.local import LocalArtifactStore


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> LocalArtifactStore:
    return LocalArtifactStore(storage_root=tmp_path / "store", clock=clock)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small folder to store."""
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 20)
    (folder / "deep" / "config.json").write_bytes(b'{"depth": 3}')
    return folder
