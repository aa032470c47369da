"""What cannot be learned from, or loaded: every family says what is wrong, with which value, and the way out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gnomon.ensembles  # noqa: F401  what fits the ensembles
from gnomon.core.errors import ConfigError, DataError, IntegrityError, TrainingError
from gnomon.models import ModelBase, ModelRegistry
from gnomon.models.boosting.watch import Watch
from gnomon.models.neural.base import NeuralModel
from gnomon.testing.models import planted_samples

RULES = {"persistence": {"feature": "feature_0"}, "momentum_rule": {"feature": "feature_0"}}
SMALL: dict[str, dict[str, Any]] = {
    **RULES,
    "lightgbm": {"rounds": 5},
    "xgboost": {"rounds": 5},
    "catboost": {"rounds": 5},
    "random_forest": {"trees": 5},
    "svm": {"exact_rows": 10, "components": 5},
    "sklearn": {"settings": {"n_estimators": 5}},
    "transformer": {"dim": 8, "heads": 1, "layers": 1},
    "nhits": {"rates": (1,), "hidden": 8, "width": 8},
    "tft": {"dim": 4, "heads": 1},
    "patchtst": {"patch": 3, "dim": 8, "heads": 1, "width": 8},
    "foundation": {"series": 1, "width": 4},
    "omni_scale": {"width": 8},
    "mixture_of_experts": {"dim": 8, "heads": 1, "layers": 1, "experts": 2, "top": 1},
    "state_space": {"dim": 8, "layers": 1, "states": 2},
    "ensemble": {
        "members": {"a": {"model_type": "logistic_regression"}, "b": {"model_type": "ridge"}},
        "folds": 2,
        "training": {"scaler": "none"},
    },
}
NETS = [name for name in ModelRegistry.names() if issubclass(ModelRegistry.models.get(name), NeuralModel)]
LEARNERS = [name for name in ModelRegistry.names() if not ModelRegistry.models.get(name).baseline]
BOOSTERS = ["lightgbm", "xgboost", "catboost"]
TRAIN = planted_samples(300)

Make = Callable[..., ModelBase]


@pytest.fixture(scope="session")
def make(small_decoder: Path) -> Make:
    """A function of a model's name: a small one, not yet fitted."""

    def made(name: str, **more: Any) -> ModelBase:
        for module in ModelRegistry.models.get(name).needs:
            pytest.importorskip(module)
        given: dict[str, Any] = {"window": 3, "epochs": 1, "batch_size": 256} if name in NETS else {}
        given |= {"weights": small_decoder} if name == "foundation" else {}
        return ModelRegistry.create(name, **{**given, **SMALL.get(name, {}), **more})

    return made


@pytest.fixture(scope="session")
def saved(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function of a model's name: the folder of one that was fitted, once."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            model = make(name)
            model.fit(TRAIN)
            folders[name] = tmp_path_factory.mktemp(name)
            model.save(folders[name])
        return folders[name]

    return folder


@pytest.mark.parametrize("name", LEARNERS)
def test_one_class_only(name: str, make: Make) -> None:
    with pytest.raises(DataError, match=r"training labels at horizon 5 are -1; change the barriers \(labels\.upper"):
        make(name).fit(replace(TRAIN, y=np.full_like(TRAIN.y, -1)))


@pytest.mark.parametrize("value", [7.0, np.nan])
@pytest.mark.parametrize("name", LEARNERS)
def test_features_that_never_vary(name: str, value: float, make: Make) -> None:
    with pytest.raises(DataError, match=r"none of the 6 features varies in the training rows, .*let them warm up"):
        make(name).fit(replace(TRAIN, x=np.full_like(TRAIN.x, value)))


@pytest.mark.parametrize("name", NETS)
def test_fewer_rows_than_a_window(name: str, make: Make) -> None:
    window = {"window": 151}
    with pytest.raises(DataError, match=r"windows of 151 rows, but the longest run .* has 150; set a shorter window"):
        make(name, **window).fit(TRAIN)


@pytest.mark.parametrize("name", ModelRegistry.names())
def test_a_setting_that_no_model_has(name: str, make: Make) -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'horizn' at model\.horizn; did you mean 'horizon'\?"):
        make(name, horizn=5)


@pytest.mark.parametrize("name", ModelRegistry.names())
def test_other_features_than_those_of_training(name: str, saved: Callable[[str], Path]) -> None:
    model = ModelRegistry.models.get(name).load(saved(name))
    names = TRAIN.feature_names
    with pytest.raises(DataError, match=r"fitted on features that the samples lack: \['feature_2'\]; .*may be"):
        model.predict(replace(TRAIN, feature_names=(*names[:2], "featur_2", *names[3:])))
    with pytest.raises(DataError, match=r"give the same ones in the same order$"):
        model.predict(replace(TRAIN, feature_names=(*names, "more"), x=np.column_stack([TRAIN.x, TRAIN.x[:, 0]])))


@pytest.mark.parametrize("name", ModelRegistry.names())
def test_damaged_and_foreign_files(name: str, saved: Callable[[str], Path], tmp_path: Path) -> None:
    """Each file of a model is cut, emptied, or is another family's: none is taken for what it was."""
    kind = ModelRegistry.models.get(name)
    folder = tmp_path / name
    shutil.copytree(saved(name), folder)
    kind.load(folder)
    foreign = saved("ridge" if name == "lightgbm" else "lightgbm") / "model.json"
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for data in (whole[: len(whole) // 2], b"", foreign.read_bytes()):
            path.write_bytes(data)
            with pytest.raises(IntegrityError, match=str(folder)):
                kind.load(folder)
        path.write_bytes(whole)
    kind.load(folder)


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_loss_that_is_no_number_ends_the_fit_and_nothing_is_kept(
    name: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, stops = make(name), Watch.stops
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "stops", lambda self, i, loss: stops(self, i, np.nan if i == 2 else loss))
        with pytest.raises(TrainingError, match=r"train_log_loss is nan after iteration 2, and nothing is kept; lower"):
            model.fit(TRAIN)
    with pytest.raises(ValueError, match="was not fitted yet"):
        model.predict(TRAIN)
    model.fit(TRAIN)
    model.predict(TRAIN).checked()


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "ridge", "random_forest"])
def test_a_return_that_is_none(name: str, make: Make) -> None:
    returns = TRAIN.forward_return.copy()
    returns[17] = 1e12
    with pytest.raises(DataError, match=r"a training return at horizon 5 is 1e\+12, row 17; returns are fractions"):
        make(name, target="return").fit(replace(TRAIN, forward_return=returns))


def test_what_a_library_refuses_is_said_in_one_line(make: Make) -> None:
    model = make("catboost", row_fraction=1e-9)
    with pytest.raises(TrainingError, match=r"^CatBoost could not be fitted; its library says: .*Too few sampling"):
        model.fit(TRAIN)
    with pytest.raises(ValueError, match="was not fitted yet"):
        model.predict(TRAIN)


@pytest.mark.parametrize("name", NETS)
def test_a_loss_of_a_net_that_is_no_number(name: str, make: Make) -> None:
    model = make(name, clip=None, learning_rate=1e30, epochs=3, batch_size=64, warmup=0.0)
    with pytest.raises(TrainingError, match=r"became unstable at step \d+ \(epoch \d\): .*; lower learning_rate \(now"):
        model.fit(TRAIN)
    with pytest.raises(ValueError, match="was not fitted yet"):
        model.predict(TRAIN)
