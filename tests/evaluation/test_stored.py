"""The call that users write, on a model that training has put into a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.config import ConfigManager
from gnomon.core.errors import ConfigError, DataError, StoreError
from gnomon.data.manager import DataManager
from gnomon.evaluation import EvaluationEngine, ModelEvaluator
from gnomon.evaluation.stored import unseen_rows
from gnomon.models import ModelRegistry
from gnomon.store.local import LocalArtifactStore
from gnomon.training import TrainingEngine

CONFIG = """
seed: 3
data:
  source: {kind: synthetic, symbols: [A, B], start: "2015-01-01", end: "2017-06-01", frequency: 1d, seed: 5}
features: {set: basic}
labels: {kind: triple_barrier, horizons: [3]}
split: {kind: holdout, embargo_bars: 2}
models:
  plain: {model_type: logistic_regression}
execution: {fee_bps: 1.0}
evaluation: {benchmarks: [cash, random]}
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "gnomon.yaml").write_text(CONFIG)
    manager = ConfigManager(folder)
    data = DataManager(manager)
    store = LocalArtifactStore(storage_root=folder / "store")
    training = TrainingEngine(config_manager=manager, data_manager=data, artifact_store=store)
    result = training.train()
    engine = EvaluationEngine(
        config_manager=manager, model_registry=ModelRegistry, data_manager=data, artifact_store=store
    )
    return engine, training, result


def test_the_call_that_users_write(stored: Any) -> None:
    engine, training, result = stored
    judged = engine.evaluate_model(
        model_id="plain",
        model_version="1",
        metrics_to_calculate=["sharpe_ratio", "max_drawdown", "psr", "value_at_risk"],
        benchmarks_to_compare=["buy_and_hold", "cash"],
    )
    evaluation = judged.evaluation
    assert (judged.model_id, judged.model_version) == ("plain", "1")
    assert list(judged.metrics) == ["sharpe_ratio", "max_drawdown", "psr", "value_at_risk"]
    assert judged.metrics["sharpe_ratio"] == evaluation.doubt.annual_sharpe
    assert set(evaluation.benchmarks) == {"buy_and_hold", "cash"}
    test = training.prepare().test
    assert evaluation.forecast["test"].metrics["rows"] <= len(test)
    assert evaluation.start.timestamp() * 1e6 >= result.trained.meta.trained_until
    assert "used to fit" not in " ".join(evaluation.verdict.reasons)


def test_what_it_does_by_default(stored: Any) -> None:
    judged = stored[0].evaluate_model(model_id="plain")
    assert set(judged.evaluation.benchmarks) == {"cash", "random"}
    assert judged.metrics == judged.evaluation.metrics


def test_other_data_that_the_model_never_saw_are_used_whole(stored: Any) -> None:
    later = {
        "source": {
            "kind": "synthetic",
            "symbols": ["A"],
            "seed": 6,
            "start": "2018-01-01",
            "end": "2020-01-01",
            "frequency": "1d",
        }
    }
    judged = stored[0].evaluate_model(model_id="plain", evaluation_data_config=later)
    assert judged.evaluation.start.year >= 2018
    assert judged.evaluation.n > 300


def test_rows_that_the_model_learned_from_are_never_judged(stored: Any) -> None:
    _, training, result = stored
    prepared = training.prepare()
    rows = unseen_rows(prepared, result.trained.meta.trained_until)
    assert set(rows) <= set(prepared.fold.test)
    assert prepared.samples.known_at[rows].min() > result.trained.meta.trained_until
    with pytest.raises(DataError, match="give data that go on after it"):
        unseen_rows(prepared, int(prepared.samples.known_at.max()))


def test_an_evaluation_on_training_rows_claims_no_edge(stored: Any) -> None:
    engine, training, result = stored
    prepared = training.prepare()
    bars = engine.data_manager.load()
    evaluation = ModelEvaluator().evaluate(result.trained, prepared.train, bars=bars)
    assert not evaluation.verdict.edge
    assert "used to fit or to choose" in " ".join(evaluation.verdict.reasons)
    unseen = replace(result.trained.meta, trained_until=int(np.iinfo(np.int64).min))
    control = ModelEvaluator().evaluate(replace(result.trained, meta=unseen), prepared.train, bars=bars)
    assert "used to fit or to choose" not in " ".join(control.verdict.reasons)


def test_what_is_not_there_is_named(stored: Any, tmp_path: Path) -> None:
    engine = stored[0]
    with pytest.raises(StoreError):
        engine.evaluate_model(model_id="nobody")
    with pytest.raises(ConfigError, match="did you mean 'max_drawdown'"):
        engine.evaluate_model(model_id="plain", metrics_to_calculate=["max_drawdwn"])
    with pytest.raises(ConfigError, match="benchmarks_to_compare"):
        engine.evaluate_model(model_id="plain", benchmarks_to_compare=["buy"])
