"""A store in a temporary folder, and a clock that moves only when told to."""

from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def _empty_tracking_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once: that takes seconds."""
    from gnomon.store.mlflow_client import connect, default_uri

    workspace = tmp_path_factory.mktemp("mlflow")
    connect(default_uri(workspace), workspace)
    return workspace / ".gnomon" / "mlflow.db"


@pytest.fixture
def workspace(tmp_path: Path, _empty_tracking_database: Path) -> Path:
    """A folder whose tracking database has its tables already."""
    folder = tmp_path / "workspace"
    (folder / ".gnomon").mkdir(parents=True)
    shutil.copy(_empty_tracking_database, folder / ".gnomon" / "mlflow.db")
    return folder
