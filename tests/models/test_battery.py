"""Every registered model meets the battery, and the battery catches models that break a promise."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from gnomon.core.errors import DataError
from gnomon.models import Forecast, ModelBase, ModelRegistry
from gnomon.models.base import Callback, FitReport
from gnomon.samples.base import Samples
from gnomon.testing import models as battery

# Small settings, so that the battery is quick.
SMALL_NET = {"window": 3, "batch_size": 128, "epochs": 4, "learning_rate": 0.01}
SETTINGS: dict[str, dict[str, Any]] = {
    "lightgbm": {"rounds": 60, "min_rows_in_leaf": 20, "learning_rate": 0.1},
    "mlp": {**SMALL_NET, "hidden": 16},
    "lstm": {**SMALL_NET, "hidden": 12},
    "gru": {**SMALL_NET, "hidden": 12},
}


@pytest.mark.parametrize("check", battery.MODEL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ModelRegistry.names())
def test_a_registered_model_keeps_its_promises(name: str, check: battery.Check, tmp_path: Path) -> None:
    check(lambda: ModelRegistry.create(name, **SETTINGS.get(name, {})), tmp_path)


class Linear(ModelBase):
    """A model without a fault; the broken ones below change one thing each."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.inner = ModelRegistry.create("logistic_regression")

    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        return self.inner.fit(train, valid)

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
        return super().fit(replace(train, weight=np.ones_like(train.weight)), valid)


class TwoColumns(Linear):
    def predict(self, samples: Samples, *, state: Any = None) -> Forecast:
        forecast = super().predict(samples)
        floored = np.clip(forecast.probability, 0.2, None)
        return bent(forecast, floored / floored.sum(axis=1, keepdims=True))


class TakesAnything(Linear):
    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Any = ()) -> FitReport:
        return super().fit(train if len(train) else battery.planted_samples(), valid)


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


class Recorder:
    """A callback that writes down what it is told, and stops after some iterations."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.calls: list[str] = []
        self.iterations: list[int] = []
        self.metrics: list[dict[str, float]] = []
        self.stop_after = stop_after

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:
        self.calls.append("start")

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Any) -> bool:
        self.calls.append("iteration")
        self.iterations.append(iteration)
        self.metrics.append(dict(metrics))
        return self.stop_after is not None and iteration + 1 >= self.stop_after

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:
        self.calls.append("end")


@pytest.mark.parametrize("name", ModelRegistry.names())
def test_callbacks_are_told(name: str) -> None:
    recorder: Any = Recorder()
    callback: Callback = recorder
    model = ModelRegistry.create(name, **SETTINGS.get(name, {}))
    report = model.fit(battery.planted_samples(), battery.planted_samples(part="valid"), callbacks=[callback])
    assert recorder.calls[0] == "start"
    assert recorder.calls[-1] == "end"
    assert recorder.iterations == list(range(len(recorder.iterations)))
    assert list(report.curves["valid_log_loss"]) == [metrics["valid_log_loss"] for metrics in recorder.metrics]
    assert sum(report.importance.values()) == pytest.approx(1.0)
    # The two features that matter matter most.
    assert set(sorted(report.importance, key=report.importance.__getitem__)[-2:]) == {"feature_0", "feature_1"}
