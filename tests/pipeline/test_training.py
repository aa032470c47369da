"""Training alone: models are fitted, chosen among and kept; nothing is traded or counted."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.models import TrainedModel
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.training import learning_curve, train_models

SMALL = """\
project: small
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2017-06-01", seed: 3}
  frequency: 1d
  calendar: XNYS
features: {set: none, include: [log_return, rsi]}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2}
models:
  logistic: {model_type: logistic_regression}
  trees: {model_type: lightgbm, params: {rounds: 8}}
selection: {splitter: {kind: purged_kfold, folds: 2}}
report: {formats: [md]}
evaluation: {benchmarks: [cash]}
tracking: {enabled: false}
executor: {workers: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    (folder / "gnomon.yaml").write_text(SMALL)
    return folder


def test_training_keeps_what_each_model_left_and_counts_no_try(folder):
    workspace = open_workspace(folder)
    found = {one.name: one for one in train_models(workspace)}
    assert set(found) == {"logistic", "trees"}
    assert sum(one.chosen for one in found.values()) == 1
    trees = found["trees"]
    assert (trees.model_type, trees.version) == ("lightgbm", "small.trees:1")
    assert trees.iterations >= 1
    assert 0.0 < trees.scores["log_loss"] < 5.0
    for one in found.values():
        assert all((one.folder / file).is_file() for file in one.files)
        parts = pl.read_parquet(one.folder / "predictions.parquet")["part"].unique().to_list()
        assert sorted(parts) == ["test", "valid"]
        assert TrainedModel.load(one.folder / "trained").meta.name == one.name
        assert json.loads((one.folder / "training.json").read_text())["fit"]["iterations"] == one.iterations
    assert {"learning_curve.png", "learning_curve.svg", "learning_curve.html"} <= set(trees.files)
    assert workspace.trials.count() == 0
    # A run goes on from here: nothing is fitted twice.
    run = ModelPipeline(workspace=open_workspace(folder)).run()
    assert not [name for name in run.outcome.computed if name.startswith(("train.", "select"))]
    assert run.run.folder == trees.folder.parent.parent


def test_a_named_model_alone(folder):
    (one,) = train_models(open_workspace(folder), ["logistic"])
    assert (one.name, one.chosen) == ("logistic", True)
    with pytest.raises(ConfigError, match=r"unknown model 'logistics'.*logistic"):
        train_models(open_workspace(folder), ["logistics"])


def test_no_model_says_so(tmp_path):
    (tmp_path / "gnomon.yaml").write_text("project: none\n")
    with pytest.raises(ConfigError, match="no model to train"):
        train_models(open_workspace(tmp_path))


def test_a_fit_without_iterations_has_no_curve():
    assert learning_curve("one", {"iterations": 1, "curves": {}}) == {}
    assert learning_curve("one", {"iterations": 1, "curves": {"train": [0.7]}}) == {}
