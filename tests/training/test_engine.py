"""The engine: a configuration to a fitted and stored model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.config import ConfigManager
from gnomon.config.models import DataConfig, ModelConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.manager import DataManager
from gnomon.models import ModelRegistry, TrainedModel
from gnomon.splits import audit_fold
from gnomon.store.local import LocalArtifactStore
from gnomon.training import CallbackBase, LoggingCallback, TrainingEngine

OTHER = {"kind": "synthetic", "symbols": 1, "end": "2012-01-01", "calendar": "24/7", "seed": 9}

CONFIG = """
seed: 3
data:
  source: {kind: synthetic, symbols: 2, start: 2015-01-01, end: 2018-01-01, calendar: 24/7, seed: 5}
features: {set: none, include: [log_return, rsi]}
labels: {kind: triple_barrier, horizons: [3, 6]}
split: {kind: holdout, embargo_bars: 2}
models:
  trees: {model_type: lightgbm, params: {rounds: 10, min_rows_in_leaf: 20}}
  plain: {model_type: logistic_regression}
training: {scaler: robust}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "gnomon.yaml").write_text(CONFIG)
    return tmp_path


def engine_of(workspace: Path, **parts: Any) -> TrainingEngine:
    manager = ConfigManager(workspace)
    return TrainingEngine(
        model_registry=ModelRegistry,
        data_manager=DataManager(manager),
        config_manager=manager,
        **parts,
    )


def test_the_call_that_users_write(workspace: Path) -> None:
    store = LocalArtifactStore(storage_root=workspace / "store")
    engine = engine_of(workspace, artifact_store=store, checkpoint_dir=workspace / "checkpoints")
    result = engine.train(
        model_config={"model_type": "lightgbm", "name": "mine", "params": {"rounds": 8}},
        data_config={"source": OTHER},
        training_config={"scaler": "standard", "horizon": 6},
        callbacks=[LoggingCallback(every=100), CallbackBase()],
    )
    assert (result.model_id, result.model_version) == ("mine", "1")
    meta = result.trained.meta
    assert (meta.name, meta.horizon, meta.seed, meta.config["rounds"]) == ("mine", 6, 3, 8)
    assert result.trained.scaler.kind == "none"  # trees take features as they are
    assert result.validation is not None
    assert result.validation.rows > 0
    assert set(meta.lineage) == {"features", "labels", "split"}
    loaded = TrainedModel.load(store.get("mine"))
    assert loaded.meta == meta
    assert len(list((workspace / "checkpoints" / "mine").iterdir())) == 1
    again = engine.train(
        model_config=ModelConfig(model_type="lightgbm", name="mine"),
        data_config=DataConfig(source=OTHER),
    )
    assert again.model_version == "2"


def test_the_configured_models_share_one_preparation(workspace: Path) -> None:
    engine = engine_of(workspace)
    prepared = engine.prepare()
    first = engine.train(prepared=prepared)
    plain = engine.train(model_config="plain", prepared=prepared)
    assert (first.model_id, plain.model_id) == ("trees", "plain")
    assert first.trained.meta.config["rounds"] == 10
    assert first.model_version is None
    assert first.trained.scaler.rows_hash == plain.trained.scaler.rows_hash
    assert first.trained.meta.data_version == prepared.data_version
    samples, fold = prepared.samples, prepared.fold
    assert samples.horizons == (3, 6)
    assert audit_fold(fold, samples.known_at, samples.last_label_end).clean
    assert len(prepared.test) == len(fold.test)
    forecast = first.trained.predict(prepared.test)
    assert np.isfinite(forecast.probability).all()


def test_a_split_without_validation_rows_has_no_score(workspace: Path) -> None:
    (workspace / "gnomon.yaml").write_text(CONFIG.replace("embargo_bars: 2", "train: 0.8, valid: 0.0, test: 0.2"))
    engine = engine_of(workspace, checkpoint_dir=workspace / "checkpoints")
    result = engine.train()
    assert result.validation is None
    assert result.report.iterations == 10


def test_what_is_not_there_is_named(tmp_path: Path, workspace: Path) -> None:
    with pytest.raises(ConfigError, match="unknown model 'forest'"):
        engine_of(workspace).train(model_config="forest")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "gnomon.yaml").write_text("models: {}\n")
    with pytest.raises(ConfigError, match="no model is configured"):
        engine_of(bare).train()


def test_bad_bars_are_refused_before_anything_is_fitted(workspace: Path) -> None:
    csv = workspace / "bars.csv"
    csv.write_text(
        "timestamp,symbol,open,high,low,close,volume\n2024-01-01T00:00:00Z,A,1,2,0.5,-1,5\n2024-01-02T00:00:00Z,A,1,2,0.5,1,5\n"
    )
    with pytest.raises(DataError):
        engine_of(workspace).train(data_config={"source": {"kind": "csv", "path": str(csv), "stamp": "close"}})
