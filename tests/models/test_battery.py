"""Every registered model meets the battery, and the battery catches models that break a promise."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

import gnomon.ensembles  # noqa: F401  what fits the ensembles
from gnomon.core.errors import DataError
from gnomon.core.hashing import hash_tree
from gnomon.models import Forecast, ModelBase, ModelRegistry
from gnomon.models.base import FitReport, ModelConfig
from gnomon.models.search_space import Integer
from gnomon.samples.base import Samples
from gnomon.testing import models as battery

# Small settings, so that the battery is quick; a name after the first colon tells variants of a model apart.
# A step costs a small net about the same whatever the batch, so few large steps; three rows are no multiple of a tile.
SMALL_NET = {"window": 3, "batch_size": 250, "epochs": 3, "learning_rate": 0.03}
SETTINGS: dict[str, dict[str, Any]] = {
    "lightgbm": {"rounds": 40, "min_rows_in_leaf": 20, "learning_rate": 0.15},
    "xgboost": {"rounds": 40, "max_depth": 3, "min_weight_in_leaf": 5.0, "learning_rate": 0.15},
    "catboost": {"rounds": 60, "depth": 3, "learning_rate": 0.2, "max_bins": 32},
    "random_forest": {"trees": 15, "max_depth": 6, "min_rows_in_leaf": 20, "feature_fraction": 0.7},
    "svm": {"exact_rows": 100, "components": 30, "c": 0.5},
    "mlp": {**SMALL_NET, "hidden": 16},
    "lstm": {**SMALL_NET, "hidden": 12},
    "gru": {**SMALL_NET, "hidden": 12},
    "tcn": {**SMALL_NET, "channels": 8},
    "transformer": {**SMALL_NET, "dim": 8, "heads": 1, "layers": 1},
    "nhits": {**SMALL_NET, "rates": (2, 1), "hidden": 8, "width": 8},
    "tft": {**SMALL_NET, "dim": 4, "heads": 1},
    "patchtst": {**SMALL_NET, "patch": 3, "dim": 8, "heads": 1, "width": 8},
    "foundation": {**SMALL_NET, "series": 2, "width": 8},
    "omni_scale": {**SMALL_NET, "width": 8},
    "mixture_of_experts": {**SMALL_NET, "dim": 8, "heads": 1, "layers": 1, "experts": 2, "top": 1},
    "state_space": {**SMALL_NET, "dim": 8, "layers": 1, "states": 2},
    "sklearn": {"settings": {"n_estimators": 15, "min_samples_leaf": 10, "max_features": 0.7}},
    "ensemble": {
        "members": {
            "linear": {"model_type": "logistic_regression"},
            "trees": {"model_type": "lightgbm", "params": {"rounds": 20, "min_rows_in_leaf": 20, "learning_rate": 0.2}},
        },
        "folds": 2,
        "training": {"scaler": "none"},
    },
    "persistence": {"feature": "feature_0"},
    "momentum_rule": {"feature": "feature_0"},
}
VARIANTS: dict[str, dict[str, Any]] = {
    **{name: SETTINGS.get(name, {}) for name in ModelRegistry.names()},
    "svm:linear": {"kernel": "linear"},
    **{f"ensemble:{method}": {**SETTINGS["ensemble"], "method": method} for method in ("rank", "stacking")},
    "ensemble:gating": {**SETTINGS["ensemble"], "method": "gating", "regime": "feature_5", "regimes": 2},
    "sklearn:return": {"estimator": "sklearn.linear_model.BayesianRidge", "target": "return"},
}
for name in ("lightgbm", "xgboost", "catboost", "random_forest"):
    VARIANTS[f"{name}:return"] = {**SETTINGS[name], "target": "return", "quantiles": (0.1, 0.5, 0.9)}


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Callable[[str], ModelBase]:
    """A function of a variant's name: the model, not yet fitted."""

    def make(variant: str) -> ModelBase:
        name = variant.partition(":")[0]
        for module in ModelRegistry.models.get(name).needs:
            pytest.importorskip(module)
        given = {"weights": request.getfixturevalue("small_decoder")} if name == "foundation" else {}
        return ModelRegistry.create(name, **VARIANTS[variant], **given)

    return make


@pytest.mark.parametrize("check", battery.MODEL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_registered_model_keeps_its_promises(
    variant: str, check: battery.Check, made: Callable[[str], ModelBase], tmp_path: Path
) -> None:
    check(lambda: made(variant), tmp_path)


class Linear(ModelBase):
    """A model without a fault; the broken ones below change one thing each."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.inner = ModelRegistry.create("logistic_regression")

    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        return self.inner.fit(train, valid, callbacks=callbacks)

    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        return self.inner.predict(samples)

    def save(self, folder: Path) -> None:
        self.inner.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        model = cls()
        model.inner = ModelRegistry.models.get("logistic_regression").load(folder)
        return model


def bent(forecast: Forecast, probability: Any) -> Forecast:
    return Forecast(
        probability=probability,
        known_at=forecast.known_at,
        symbol=forecast.symbol,
        symbols=forecast.symbols,
        horizon=forecast.horizon,
    )


class NotAProbability(Linear):
    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        return bent(forecast, forecast.probability * 1.1)


class Forgets(Linear):
    def save(self, folder: Path) -> None:
        super().save(folder)
        facts = json.loads((folder / "model.json").read_text())
        facts["fitted"]["coefficients"] = np.round(facts["fitted"]["coefficients"], 6).tolist()
        (folder / "model.json").write_text(json.dumps(facts))


class StampsItsFiles(Linear):
    count = itertools.count()

    def save(self, folder: Path) -> None:
        super().save(folder)
        (folder / "stamp").write_text(str(next(self.count)))


class LooksAtTheBatch(Linear):
    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        shift = 1e-9 * np.nan_to_num(samples.x).mean() if len(samples) else 0.0
        return bent(forecast, forecast.probability + shift * np.array([-1.0, 0.0, 1.0]))


class LearnsNothing(Linear):
    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        return bent(forecast, np.full_like(forecast.probability, 1 / 3))


class KnowsTheFuture(Linear):
    """It reads the label of the row that it forecasts."""

    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        leak = 0.1 * samples.y[:, 0] * forecast.probability.min(axis=1)
        return bent(forecast, forecast.probability + leak[:, None] * np.array([-1.0, 0.0, 1.0]))


class IgnoresWeights(Linear):
    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        return super().fit(replace(train, weight=np.ones_like(train.weight)), valid, callbacks=callbacks)


class TwoColumns(Linear):
    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        floored = np.clip(forecast.probability, 0.2, None)
        return bent(forecast, floored / floored.sum(axis=1, keepdims=True))


class TakesAnything(Linear):
    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        return super().fit(train if len(train) else battery.planted_samples(), valid, callbacks=callbacks)


class SureOfNothing(Linear):
    """Where there is nothing to learn it is sure of something."""

    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        self.sure = bool((train.x == train.x[0]).all()) and len(train) > 1
        train = replace(train, x=battery.planted_samples(len(train)).x) if self.sure else train
        return super().fit(train, valid, callbacks=callbacks)

    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        return bent(forecast, np.tile([1.0, 0.0, 0.0], (len(samples), 1))) if self.sure else forecast


class TellsNobody(Linear):
    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        return super().fit(train, valid)


class SearchesElsewhereConfig(ModelConfig):
    search_space = {"depth": Integer(low=1, high=3)}  # noqa: RUF012


class SearchesElsewhere(Linear):
    Config = SearchesElsewhereConfig


CONTROLS: list[tuple[battery.Check, type[ModelBase], str]] = [
    (battery.gives_a_forecast, NotAProbability, "do not add up to 1"),
    (battery.loads_what_it_saved, Forgets, "other bits than the one that was saved"),
    (battery.fits_the_same_bytes_twice, StampsItsFiles, "two fits of equal samples save other bytes"),
    (battery.forecasts_each_row_by_itself, LooksAtTheBatch, "another forecast than in a batch"),
    (battery.learns_what_is_there, LearnsNothing, "it learned too little"),
    (battery.finds_nothing_in_noise, KnowsTheFuture, "correlates .* with noise"),
    (battery.weighs_its_rows, IgnoresWeights, "turning the weights round"),
    (battery.survives_a_class_it_never_saw, TwoColumns, "a class that training never saw"),
    (battery.refuses_what_it_cannot_learn, TakesAnything, "fit accepts samples with no rows"),
    (battery.stays_calm_where_features_say_nothing, SureOfNothing, "off the class's frequency"),
    (battery.tells_its_callbacks, TellsNobody, "callbacks first hear of"),
    (battery.searches_its_own_fields, SearchesElsewhere, "'depth' that the config does not have"),
]


def test_every_check_has_a_control() -> None:
    assert [check for check, _, _ in CONTROLS] == list(battery.MODEL_CHECKS)


@pytest.mark.parametrize(("check", "broken", "said"), CONTROLS, ids=[broken.__name__ for _, broken, _ in CONTROLS])
def test_the_battery_catches_a_broken_model(
    check: battery.Check, broken: type[ModelBase], said: str, tmp_path: Path
) -> None:
    with pytest.raises((AssertionError, DataError), match=said):
        check(broken, tmp_path)


@pytest.mark.parametrize("check", battery.MODEL_CHECKS, ids=lambda check: check.__name__)
def test_the_battery_passes_the_sound_one(check: battery.Check, tmp_path: Path) -> None:
    check(Linear, tmp_path)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_features_that_matter_matter_most(variant: str, made: Callable[[str], ModelBase]) -> None:
    model = made(variant)
    importance = model.fit(battery.planted_samples(), battery.planted_samples(part="valid")).importance
    if not model.baseline:
        assert set(sorted(importance, key=importance.__getitem__)[-2:]) == {"feature_0", "feature_1"}


def test_equal_fits_are_equal_bytes_in_another_process(made: Callable[[str], ModelBase], tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from gnomon.core.hashing import hash_tree
from gnomon.models import ModelRegistry
from gnomon.testing.models import planted_samples
for variant, settings in eval(sys.argv[1]).items():
    model = ModelRegistry.create(variant.partition(":")[0], **settings)
    model.fit(planted_samples(), planted_samples(part="valid"))
    folder = Path(sys.argv[2]) / variant
    folder.mkdir(parents=True)
    model.save(folder)
    print(variant, hash_tree(folder))
"""
    here = {variant: VARIANTS[variant] for variant in ("lightgbm", "random_forest", "svm")}
    here |= {name: VARIANTS[name] for name in ("xgboost", "catboost") if find_spec(name)}
    here |= {"sklearn": VARIANTS["sklearn"]} if find_spec("skops") else {}
    other = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, repr(here), str(tmp_path / "other")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    mine = []
    for variant in here:
        model = made(variant)
        model.fit(battery.planted_samples(), battery.planted_samples(part="valid"))
        (tmp_path / variant).mkdir()
        model.save(tmp_path / variant)
        mine.append(f"{variant} {hash_tree(tmp_path / variant)}")
    assert other.stdout.splitlines() == mine
