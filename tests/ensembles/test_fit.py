"""Fitting an ensemble: every method, faults of members, and what is said of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import gnomon.ensembles
from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.compute import LocalCompute
from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.core.hashing import hash_tree
from gnomon.ensembles import Stacker, blender_of
from gnomon.ensembles import fit as fitting
from gnomon.models import ModelRegistry, TrainedModel
from gnomon.models.ensemble import Ensemble, EnsembleConfig
from gnomon.splits import PurgedKFold
from gnomon.testing.models import mean_log_loss, planted_samples
from gnomon.training import CrossValidator, fit_model

BROKEN = {"model_type": "persistence", "params": {"feature": "not_there"}}


def ensemble(**params):
    return ModelConfig(model_type="ensemble", params=params)


@pytest.mark.parametrize("method", ["mean", "weighted", "rank", "stacking", "gating"])
def test_a_bundle_of_every_method_comes_back_to_the_last_bit(settings, method, tmp_path):
    params = {**settings, "method": method, "regime": "feature_3"}
    trained, report = fit_model(ensemble(**params), planted_samples(600), planted_samples(200, part="valid"))
    fresh = planted_samples(150, part="fresh")
    trained.save(tmp_path / "one")
    loaded = TrainedModel.load(tmp_path / "one")
    assert np.array_equal(loaded.predict(fresh).probability, trained.predict(fresh).probability)
    loaded.save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")
    alone = np.array([77])
    assert np.array_equal(trained.predict(fresh.take(alone)).probability[0], trained.predict(fresh).probability[77])
    about = loaded.model.about
    assert about["method"] == method
    assert sum(about["weights"].values()) == pytest.approx(1.0)
    assert set(about["out_of_fold"]["log_loss"]) == {"prior", "linear", "trees", "ensemble"}
    assert [row["member"] for row in about["contributions"]] == ["linear", "trees"]
    assert any("Shapley" in note for note in report.notes)
    kinds = {path.suffix for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert kinds <= {".json", ".txt"}


def test_members_that_see_different_things_are_better_together():
    train, fresh = planted_samples(3000), planted_samples(3000, part="fresh")
    # A member a feature: each knows half of what the label depends on.
    members = {
        name: {"model_type": "momentum_rule", "params": {"feature": name}} for name in ("feature_0", "feature_1")
    }
    losses = {}
    for name, section in members.items():
        trained, _ = fit_model(ModelConfig.model_validate(section), train, training=TrainingConfig(scaler="none"))
        losses[name] = mean_log_loss(trained.predict(fresh).probability, fresh)
    stack, _ = fit_model(ensemble(members=members, method="stacking", folds=3), train)
    assert mean_log_loss(stack.predict(fresh).probability, fresh) < min(losses.values()) - 0.005


def test_members_that_are_fitted_already_are_taken_as_they_are(settings):
    train = planted_samples(500)
    first, _ = fit_model(ensemble(**settings), train)
    given = first.model.members
    second, _ = fit_model(ensemble(**settings), train, members=given, compute=LocalCompute(workers=2))
    fresh = planted_samples(100, part="fresh")
    assert np.array_equal(first.predict(fresh).probability, second.predict(fresh).probability)
    with pytest.raises(ConfigError, match="only ensembles know these, and ridge is none"):
        fit_model(ModelConfig(model_type="ridge"), train, members=given)
    with pytest.raises(ConfigError, match="'other' was given as a fitted member"):
        fit_model(ensemble(**settings), train, members={"other": given["linear"]})


def test_an_ensemble_is_cross_validated_like_any_model(settings):
    result = CrossValidator(splitter=PurgedKFold(folds=2), metrics=("log_loss", "f1")).run(
        {"blend": ensemble(**settings), "linear": ModelConfig(model_type="logistic_regression")}, planted_samples(600)
    )
    assert result.scores.height == 4
    assert result.scores["log_loss"].max() < 1.05


def test_its_own_calibration_and_sets():
    members = {"a": {"model_type": "logistic_regression"}, "b": {"model_type": "ridge"}}
    training = TrainingConfig.model_validate({"calibration": "temperature", "conformal": {"alpha": 0.1}})
    trained, _ = fit_model(
        ensemble(members=members, folds=2), planted_samples(600), planted_samples(400, part="valid"), training=training
    )
    assert trained.calibration is not None
    assert trained.conformal is not None
    assert all(member.conformal is None for member in trained.model.members.values())
    assert trained.predict(planted_samples(50, part="fresh")).allowed is not None


def test_a_projection_is_the_members_own():
    members = {"a": {"model_type": "logistic_regression"}, "b": {"model_type": "ridge"}}
    training = TrainingConfig(projection={"kind": "pca", "columns": "feature_*", "components": 2})
    trained, _ = fit_model(ensemble(members=members, folds=2), planted_samples(400), training=training)
    assert trained.projection is None
    assert all(member.projection is not None for member in trained.model.members.values())


def test_a_failed_member_fails_the_ensemble_unless_a_fallback_is_named(settings):
    train = planted_samples(500)
    members = {**settings["members"], "broken": BROKEN}
    with pytest.raises(DataError, match=r"the member 'broken' failed: .*not_there.*`fallback: drop` goes on without"):
        fit_model(ensemble(**{**settings, "members": members}), train)
    trained, report = fit_model(ensemble(**{**settings, "members": members}, fallback="drop"), train)
    assert list(trained.model.members) == ["linear", "trees"]
    assert "broken" in trained.model.about["dropped"]
    assert report.notes[0].startswith("left out: broken, DataError:")
    two = {"linear": settings["members"]["linear"], "broken": BROKEN}
    with pytest.raises(DataError, match="1 of 2 members are left, an ensemble needs two; broken: DataError"):
        fit_model(ensemble(members=two, fallback="drop", folds=2), train)


def test_a_member_that_fails_on_a_fold_only(settings, monkeypatch):
    train, run = planted_samples(500), CrossValidator.run

    def failing(self, models, samples, **more):
        if "trees" in models:
            raise DataError("no")
        return run(self, models, samples, **more)

    monkeypatch.setattr(CrossValidator, "run", failing)
    members = {**settings["members"], "third": {"model_type": "ridge"}}
    trained, _ = fit_model(ensemble(**{**settings, "members": members}, fallback="drop"), train)
    assert list(trained.model.members) == ["linear", "third"]
    assert trained.model.about["dropped"] == {"trees": "DataError: no"}


def test_members_of_other_horizons_are_refused(settings):
    train = planted_samples(400)
    two = {name: np.repeat(getattr(train, name), 2, axis=1) for name in ("y", "label_end", "forward_return", "weight")}
    both = replace(train, horizons=(5, 20), **two)
    members = {**settings["members"], "far": {"model_type": "ridge", "params": {"horizon": 20}}}
    with pytest.raises(ConfigError, match=r"forecasts 5 bars ahead, its members \{'far': 20\}"):
        fit_model(ensemble(**{**settings, "members": members}), both)
    # An ensemble's own horizon is its members' too.
    trained, _ = fit_model(ensemble(**settings, horizon=20), both)
    assert {member.meta.horizon for member in trained.model.members.values()} == {20}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"members": {"a": {"model_type": "ridge"}}}, "two members at least"),
        ({"members": ["a", "a"]}, "stands there twice"),
        ({"members": {"a": {"model_type": "ensemble"}, "b": {"model_type": "ridge"}}}, "is an ensemble itself"),
        ({"members": {"../a": {"model_type": "ridge"}, "b": {"model_type": "ridge"}}}, "cannot name a folder"),
        ({"members": ["a", "b"], "method": "gating"}, "gating needs `regime`"),
        ({"members": ["a", "b"], "method": "average"}, "method"),
    ],
)
def test_settings_that_are_refused(params, words):
    with pytest.raises(ConfigError, match=words):
        ModelRegistry.create("ensemble", **params)


def test_what_cannot_be_fitted(settings):
    train = planted_samples(300)
    with pytest.raises(ConfigError, match="an ensemble needs `members`"):
        ModelRegistry.create("ensemble").fit(train)
    with pytest.raises(ConfigError, match=r"\['a', 'b'\] are names of a configuration's candidates"):
        ModelRegistry.create("ensemble", members=["a", "b"]).fit(train)
    with pytest.raises(DataError, match=r"unknown feature 'feature_33' at the regime of an ensemble; did you mean"):
        fit_model(ensemble(**settings, method="gating", regime="feature_33"), train)
    flat = replace(train, x=np.where(np.arange(6) == 4, 1.0, train.x).astype(np.float32))
    with pytest.raises(DataError, match="'feature_4' cannot tell 3 regimes apart"):
        fit_model(ensemble(**settings, method="gating", regime="feature_4"), flat)
    with pytest.raises(ConfigError, match=r"params\.meta_params"):
        fit_model(ensemble(**settings, method="stacking", meta_params={"cc": 1.0}), train)


def test_without_its_room_an_ensemble_says_what_to_import(settings, monkeypatch):
    monkeypatch.setattr(Ensemble, "fitter", None)
    with pytest.raises(ConfigError, match="import it first"):
        ModelRegistry.create("ensemble", **settings).fit(planted_samples(100))


def test_a_stacker_that_learns_from_other_rows_than_were_audited_is_caught(settings, monkeypatch):
    class Cheat(Stacker):
        def fit(self, known):
            return super().fit(known.take(np.arange(len(known) // 2)))

    monkeypatch.setattr(fitting, "blender_of", lambda _: Cheat())
    with pytest.raises(GateError, match="fitted on other rows than the out-of-fold ones"):
        fit_model(ensemble(**settings, method="stacking"), planted_samples(400))


def test_a_trees_stacker(settings):
    blender = blender_of(EnsembleConfig(members=("a", "b"), method="stacking", meta="lightgbm"))
    assert blender == Stacker(meta="lightgbm")
    trained, _ = fit_model(ensemble(**settings, method="stacking", meta="lightgbm"), planted_samples(600))
    assert trained.model.combiner.meta.meta.model_type == "lightgbm"


def test_the_facts_are_plain(settings):
    trained, _ = fit_model(ensemble(**settings), planted_samples(400))
    assert json.loads(json.dumps(trained.model.about)) == trained.model.about
    assert gnomon.ensembles.fit_ensemble is Ensemble.fitter


@pytest.mark.parametrize("method", ["weighted", "stacking"])
def test_members_may_be_of_any_family(method, tmp_path):
    small = {"batch_size": 128, "epochs": 3, "learning_rate": 0.03, "hidden": 8}
    members = {
        "wide": {"model_type": "mlp", "params": {**small, "window": 2}},
        "long": {"model_type": "gru", "params": {**small, "window": 4}},
        "linear": {"model_type": "logistic_regression"},
    }
    train, fresh = planted_samples(900), planted_samples(600, part="fresh")
    trained, _ = fit_model(ensemble(members=members, method=method, folds=2), train, planted_samples(300, part="valid"))
    trained.save(tmp_path / "one")
    loaded = TrainedModel.load(tmp_path / "one")
    forecast = loaded.predict(fresh)
    assert np.array_equal(forecast.probability, trained.predict(fresh).probability)
    assert set(trained.model.about["weights"]) == set(members)
    # Where the longest window is not full, a member abstains, and so does the whole.
    assert loaded.model.context == 3
    assert np.flatnonzero(~forecast.allowed.any(axis=1)).tolist() == [0, 1, 2, 300, 301, 302]
    frequency = np.bincount(train.y[:, 0] + 1, minlength=3) / len(train)
    blind = mean_log_loss(np.tile(frequency, (len(fresh), 1)), fresh)
    assert mean_log_loss(forecast.probability, fresh) < 0.85 * blind
    # A row with its past is forecast alone like among the others.
    rows = np.array([77, 450])
    assert np.array_equal(loaded.predict_rows(fresh, rows).probability, forecast.probability[rows])
