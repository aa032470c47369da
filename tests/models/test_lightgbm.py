"""LightGBM: against the library itself, early stopping, what stops it, its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from gnomon.core.errors import IntegrityError
from gnomon.models import LightGBM, ModelRegistry
from gnomon.models.boosting.lightgbm import LightGBMConfig
from gnomon.testing.models import planted_samples
from gnomon.training import CallbackBase

QUICK = {"rounds": 40, "min_rows_in_leaf": 20, "learning_rate": 0.1}


def test_probabilities_are_those_of_the_library() -> None:
    train, other = planted_samples(800), planted_samples(50, part="other")
    model = LightGBM(LightGBMConfig(**QUICK, seed=3))
    model.fit(train)
    data = lightgbm.Dataset(train.x, train.y[:, 0].astype(int) + 1, weight=np.ones(800))
    oracle = lightgbm.train(model._params(), data, num_boost_round=40)
    np.testing.assert_allclose(model.predict(other).probability, oracle.predict(other.x), rtol=1e-12)


def test_the_best_round_on_validation_rows_is_kept() -> None:
    train, valid = planted_samples(600, strength=0.3), planted_samples(600, strength=0.3, part="valid")
    model = ModelRegistry.create("lightgbm", **{**QUICK, "rounds": 200}, early_stopping_rounds=10)
    report = model.fit(train, valid)
    losses = report.curves["valid_log_loss"]
    assert report.best_iteration == int(np.argmin(losses))
    assert report.iterations == len(losses) == report.best_iteration + 11
    assert isinstance(model, LightGBM)
    assert model._booster.num_trees() == 3 * (report.best_iteration + 1)


def test_without_validation_rows_every_round_is_run() -> None:
    model = ModelRegistry.create("lightgbm", **QUICK)
    report = model.fit(planted_samples(600))
    assert report.iterations == 40
    assert list(report.curves) == ["train_log_loss"]
    unstopped = ModelRegistry.create("lightgbm", **QUICK, early_stopping_rounds=None)
    assert (
        unstopped.fit(planted_samples(600, strength=0), planted_samples(600, strength=0, part="v")).best_iteration == 39
    )


def test_the_seed_matters_and_nothing_else_does() -> None:
    train = planted_samples(600)
    forecasts = []
    for seed in (1, 1, 2):
        model = ModelRegistry.create("lightgbm", **QUICK, seed=seed)
        model.fit(train)
        np.random.default_rng().random(3)
        forecasts.append(model.predict(train).probability)
    np.testing.assert_array_equal(forecasts[0], forecasts[1])
    assert not np.array_equal(forecasts[0], forecasts[2])


def test_a_callback_can_stop_it_and_save_it_on_the_way(tmp_path: Path) -> None:
    class Saves(CallbackBase):
        def on_iteration_end(self, model: Any, iteration: int, metrics: Mapping[str, float]) -> bool:
            folder = tmp_path / str(iteration)
            folder.mkdir()
            model.save(folder)
            return iteration == 4

    train = planted_samples(600)
    model = ModelRegistry.create("lightgbm", **QUICK)
    report = model.fit(train, callbacks=[Saves()])
    assert report.iterations == 5
    halfway = LightGBM.load(tmp_path / "2")
    assert halfway._booster.num_trees() == 9
    np.testing.assert_array_equal(
        LightGBM.load(tmp_path / "4").predict(train).probability, model.predict(train).probability
    )


def test_what_is_not_worth_a_split_is_said() -> None:
    report = ModelRegistry.create("lightgbm", min_rows_in_leaf=5000).fit(planted_samples(300))
    assert "no split was worth making" in report.notes[0]
    assert set(report.importance.values()) == {0.0}


def test_altered_trees_are_refused(tmp_path: Path) -> None:
    model = ModelRegistry.create("lightgbm", **QUICK)
    model.fit(planted_samples(300))
    model.save(tmp_path)
    text = (tmp_path / "model.txt").read_text()
    (tmp_path / "model.txt").write_text("tree\nnothing")
    with pytest.raises(IntegrityError, match="holds no LightGBM"):
        LightGBM.load(tmp_path)
    small = ModelRegistry.create("lightgbm", **QUICK)
    small.fit(planted_samples(300, features=2))
    (tmp_path / "small").mkdir()
    small.save(tmp_path / "small")
    (tmp_path / "model.txt").write_text((tmp_path / "small" / "model.txt").read_text())
    with pytest.raises(IntegrityError, match="not the file that was written with this model"):
        LightGBM.load(tmp_path)
    (tmp_path / "model.txt").write_text(text)
    LightGBM.load(tmp_path)
