"""A net that begins with another's weights: named in the configuration, known by content, refused where it leaks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.config.models import ModelConfig
from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.models.bundle import TrainedModel
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import FIT, FOLD, MODEL, SAMPLES
from gnomon.pipeline.model_pipeline import RunContext
from gnomon.samples.base import Samples
from gnomon.splits.base import Fold
from gnomon.store.base import ArtifactType
from gnomon.training import fit_model

NET: Mapping[str, Any] = {"window": 2, "hidden": 4, "epochs": 1, "learning_rate": 1e-9, "dropout": 0.0}
Warm = Callable[..., RunContext]


@pytest.fixture(scope="module")
def rows(finished: Path) -> tuple[Samples, Fold]:
    """The samples of the finished run, and its fold."""
    context = ModelPipeline(workspace=open_workspace(finished)).run(until="split")
    return context.value(SAMPLES), context.value(FOLD)


def trained(samples: Samples, folder: Path, *, seed: int = 1, **params: Any) -> Path:
    section = ModelConfig(model_type="gru", params={**NET, "learning_rate": 0.01, **params})
    fit_model(section, samples, seed=seed)[0].save(folder)
    return folder


@pytest.fixture(scope="module")
def base(rows: tuple[Samples, Fold], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net that was trained on the training rows."""
    samples, fold = rows
    return trained(samples.take(fold.train), tmp_path_factory.mktemp("origin") / "base")


@pytest.fixture
def warm(copied: Path) -> Warm:
    """Runs a net that begins with the weights that are named, up to the fit."""

    def run(origin: str, *overrides: str, model_type: str = "gru", **params: Any) -> RunContext:
        section = {"model_type": model_type, "init_from": origin, "params": {**NET, **params}}
        workspace = open_workspace(copied, overrides=[f"models={{warm: {section}}}".replace("'", '"'), *overrides])
        return ModelPipeline(workspace=workspace).run(until="train")

    return run


def test_a_candidate_begins_with_the_named_weights(
    warm: Warm, copied: Path, base: Path, rows: tuple[Samples, Fold]
) -> None:
    shutil.copytree(base, copied / "base")
    version = open_workspace(copied).store.put(base, name="tiny.base", kind=ArtifactType.MODEL)
    assert version.version == "1"
    context = warm("base")
    assert context.outcome.computed == ["train.warm"]
    samples, fold = rows
    fresh = samples.take(fold.test)
    # It hardly learns, so it says what it began with.
    began, ended = TrainedModel.load(base).predict(fresh), context.value(MODEL.of("warm")).predict(fresh)
    np.testing.assert_allclose(ended.probability, began.probability, atol=1e-6)
    assert not any("weights it began with" in note for note in context.value(FIT.of("warm"))["notes"])
    # The same weights by another name are the same stage; other weights are another one.
    assert warm("tiny.base:1").outcome.computed == []
    shutil.rmtree(copied / "base")
    trained(samples.take(fold.train), copied / "base", seed=2)
    other = warm("base")
    assert other.outcome.computed == ["train.warm"]
    assert not np.allclose(other.value(MODEL.of("warm")).predict(fresh).probability, began.probability, atol=1e-6)


def test_what_a_candidate_cannot_begin_with_is_told_before_work(warm: Warm, copied: Path, base: Path) -> None:
    with pytest.raises(ConfigError, match=r"init_from = 'bas' is neither a folder .*; there are tiny\.logistic:1"):
        warm("bas")
    shutil.copytree(base, copied / "base")
    open_workspace(copied).store.put(base, name="tiny.base", kind=ArtifactType.MODEL)
    with pytest.raises(ConfigError, match=r"did you mean 'tiny\.base:1'"):
        warm("tiny.bass:1")
    with pytest.raises(ConfigError, match=r"'tiny\.base' names no version; say which, such as 'tiny\.base:1'"):
        warm("tiny.base")
    with pytest.raises(ConfigError, match=r"models\.warm\.init_from = 'base' is a gru, the candidate a lstm"):
        warm("base", model_type="lstm")
    with pytest.raises(ConfigError, match="only nets begin with the weights of another, and logistic_regression"):
        open_workspace(copied, overrides=["models={l: {model_type: logistic_regression, init_from: base}}"]).plan()
    (copied / "base" / "meta.json").write_text("{}")
    with pytest.raises(ConfigError, match="'base' holds no trained model"):
        warm("base")


def test_other_shapes_and_other_features_are_refused(
    warm: Warm, copied: Path, base: Path, rows: tuple[Samples, Fold]
) -> None:
    shutil.copytree(base, copied / "base")
    with pytest.raises(DataError, match=r"init_from hold .* they are of another net; give both the same config"):
        warm("base", hidden=3)
    with pytest.raises(DataError, match="init_from was fitted on the features"):
        warm("base", "features.exclude=[adx]")


def test_weights_that_know_the_judging_rows_are_refused(warm: Warm, copied: Path, rows: tuple[Samples, Fold]) -> None:
    """The control of the audit: the net of the training rows passes, in the tests above."""
    samples, fold = rows
    trained(samples.take(np.concatenate([fold.train, fold.valid, fold.test[:50]])), copied / "all")
    with pytest.raises(GateError, match=r"init_from leaks: gru was trained until .*, and the test rows begin at"):
        warm("all")
    # Those that know the validation rows alone are told of.
    trained(samples.take(np.concatenate([fold.train, fold.valid])), copied / "later")
    assert any("weights it began with" in note for note in warm("later").value(FIT.of("warm"))["notes"])


def test_folds_are_judged_by_rows_that_the_weights_do_not_know(copied: Path, base: Path) -> None:
    shutil.copytree(base, copied / "base")
    section = {"model_type": "gru", "init_from": "base", "params": dict(NET)}
    overrides = [
        f"models={{warm: {section}}}".replace("'", '"'),
        "selection.by=cross_validation",
    ]  # which is the default
    with pytest.raises(GateError, match=r"warm, fold 1 of 5: init_from leaks.*selection\.by: validation"):
        ModelPipeline(workspace=open_workspace(copied, overrides=overrides)).run(until="cross_validate")


def test_ensembles_and_searches_do_not_take_it(copied: Path, base: Path) -> None:
    from gnomon.pipeline.tuning import tune

    shutil.copytree(base, copied / "base")
    warm = (
        "models={a: {model_type: gru, init_from: base}, b: {model_type: ridge}, "
        "c: {model_type: ensemble, params: {members: %s}}}"
    )
    with pytest.raises(ConfigError, match="names 'a', which begins with the weights of another model"):
        open_workspace(copied, overrides=[warm % "[a, b]"]).plan()
    own = "{x: {model_type: gru, init_from: base}, y: {model_type: ridge}}"
    with pytest.raises(ConfigError, match="'x' has init_from"):
        open_workspace(copied, overrides=[warm % own]).plan()
    with pytest.raises(ConfigError, match="search without init_from"):
        tune(copied, "a", overrides=[warm % "{x: {model_type: ridge}, y: {model_type: ridge}}"])
