"""XGBoost and CatBoost: against the libraries themselves, early stopping, missing classes, their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnomon.core import extras
from gnomon.core.errors import ConfigError, IntegrityError
from gnomon.models import ModelRegistry
from gnomon.models.boosting.watch import Watch
from gnomon.testing.models import planted_samples
from gnomon.training import CallbackBase, ModelCheckpointCallback

QUICK: dict[str, dict[str, Any]] = {
    "xgboost": {"rounds": 30, "max_depth": 3, "min_weight_in_leaf": 5.0, "learning_rate": 0.15},
    "catboost": {"rounds": 30, "depth": 3, "learning_rate": 0.2, "max_bins": 32},
}


@pytest.fixture(params=QUICK)
def name(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


def test_xgboost_says_what_the_library_says() -> None:
    xgboost = pytest.importorskip("xgboost")
    train, other = planted_samples(600), planted_samples(50, part="other")
    model: Any = ModelRegistry.create("xgboost", **QUICK["xgboost"], seed=3)
    model.fit(train)
    data = xgboost.QuantileDMatrix(train.x, train.y[:, 0].astype(int) + 1, weight=np.ones(600))
    oracle = xgboost.train(model._params(), data, num_boost_round=30)
    np.testing.assert_allclose(model.predict(other).probability, oracle.predict(xgboost.DMatrix(other.x)), atol=1e-6)


def test_catboost_says_what_the_library_says() -> None:
    catboost = pytest.importorskip("catboost")
    train, other = planted_samples(600), planted_samples(50, part="other")
    model: Any = ModelRegistry.create("catboost", **QUICK["catboost"], seed=3)
    model.fit(train)
    oracle = catboost.CatBoost(model._params())
    oracle.fit(catboost.Pool(train.x, train.y[:, 0].astype(int) + 1, weight=np.ones(600)))
    expected = oracle.predict(other.x, prediction_type="Probability")
    np.testing.assert_allclose(model.predict(other).probability, expected, atol=1e-9)


def test_the_best_round_on_validation_rows_is_kept(name: str) -> None:
    train, valid = planted_samples(400, strength=0.3), planted_samples(400, strength=0.3, part="valid")
    model: Any = ModelRegistry.create(name, **{**QUICK[name], "rounds": 150}, early_stopping_rounds=5)
    report = model.fit(train, valid)
    losses = report.curves["valid_log_loss"]
    assert report.best_iteration == int(np.argmin(losses))
    assert report.iterations == len(losses) == report.best_iteration + 6
    held = model._trees.tree_count_ if name == "catboost" else model._booster.num_boosted_rounds()
    assert held == report.best_iteration + 1


def test_an_unseen_class_is_impossible_and_its_validation_rows_are_left_out(name: str) -> None:
    train = planted_samples(400)
    train = train.take(np.flatnonzero(train.y[:, 0] != -1))
    model = ModelRegistry.create(name, **QUICK[name])
    model.fit(train, planted_samples(300, part="valid"))
    assert (model.predict(planted_samples(50, part="other")).probability[:, 0] == 0).all()


def test_files_of_another_fit_and_other_bytes_are_refused(name: str, tmp_path: Path) -> None:
    folders = []
    for features in (6, 3):
        model = ModelRegistry.create(name, **QUICK[name])
        model.fit(planted_samples(300, features=features))
        folders.append(tmp_path / str(features))
        folders[-1].mkdir()
        model.save(folders[-1])
    kind = ModelRegistry.models.get(name)
    file = next(path for path in folders[0].iterdir() if path.name != "model.json")
    whole = file.read_bytes()
    for other in (whole[:-40], b"nothing", (folders[1] / file.name).read_bytes()):
        file.write_bytes(other)
        with pytest.raises(IntegrityError, match="not the file that was written with this model"):
            kind.load(folders[0])


def test_nothing_is_left_in_the_working_directory(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ModelRegistry.create(name, **QUICK[name]).fit(planted_samples(200))
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_is_kept_on_the_way_or_at_the_end(name: str, tmp_path: Path) -> None:
    keeper = ModelCheckpointCallback(tmp_path, monitor=None)
    model = ModelRegistry.create(name, **QUICK[name])
    valid = planted_samples(200, part="valid")
    report = model.fit(planted_samples(300), valid, callbacks=[keeper])
    assert [folder.name for folder in keeper.saved()] == [f"iteration-{report.best_iteration:05d}"]
    loaded = type(model).load(keeper.saved()[0])
    np.testing.assert_array_equal(loaded.predict(valid).probability, model.predict(valid).probability)


def test_a_missing_library_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    for model in ("xgboost", "catboost", "sklearn"):
        assert model in ModelRegistry.names()
        with pytest.raises(ConfigError, match=r"not installed here; pip install 'gnomon\[boosting\]'"):
            ModelRegistry.create(model)
    ModelRegistry.create("lightgbm")


def test_what_is_not_worth_a_split_is_said() -> None:
    pytest.importorskip("xgboost")
    report = ModelRegistry.create("xgboost", rounds=3, min_weight_in_leaf=1e6).fit(planted_samples(200))
    assert "no split was worth making" in report.notes[0]


def test_a_watch_stops_after_its_patience() -> None:
    model: Any = ModelRegistry.create("lightgbm")

    class Hears(CallbackBase):
        heard: Mapping[str, float] = {}

        def on_iteration_end(self, model: Any, iteration: int, metrics: Mapping[str, float]) -> bool:
            self.heard = metrics
            return False

    hears = Hears()
    watch = Watch(model, [hears], part="valid", patience=2)
    assert [watch.stops(i, loss) for i, loss in enumerate([3.0, 1.0, 1.0, 2.0])] == [False, False, False, True]
    assert watch.best_iteration == 1
    assert hears.heard == {"valid_log_loss": 2.0}
    assert Watch(replace_target(model), [], part="train", patience=None).metric == "train_rmse"


def replace_target(model: Any) -> Any:
    return type(model)(model.config.model_copy(update={"target": "return"}))


def test_one_row_of_lightgbm_is_the_same_bits_as_a_batch() -> None:
    train = planted_samples(500)
    x = train.x.copy()
    x[::3, 1] = np.nan
    model: Any = ModelRegistry.create("lightgbm", rounds=20, min_rows_in_leaf=20)
    model.fit(replace(train, x=x))
    together = model.predict(replace(train, x=x)).probability
    np.testing.assert_array_equal(np.stack([model.row(row) for row in x[:60]]), together[:60])
    with pytest.raises(ValueError, match=r"shape \(6,\), was \(5,\)"):
        model.row(x[0, :5])
    before = model.row(x[0])
    model.fit(planted_samples(500, seed=5))
    assert not np.array_equal(model.row(x[0]), before), "a second fit must not answer with the first one's trees"


def test_threads_get_their_own_rows() -> None:
    from concurrent.futures import ThreadPoolExecutor

    train = planted_samples(400)
    model: Any = ModelRegistry.create("lightgbm", rounds=20, min_rows_in_leaf=20)
    model.fit(train)
    together = model.predict(train).probability
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(model.row, np.concatenate([train.x] * 5)))
    np.testing.assert_array_equal(np.stack(rows), np.concatenate([together] * 5))
