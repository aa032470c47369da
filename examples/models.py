"""Models through one door: fit, forecast, save, load; and a model of your own in twenty lines.

Run it: python examples/models.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.errors import ConfigError
from gnomon.models import Callback, FitReport, ModelConfig, ModelRegistry, SupervisedModel
from gnomon.models.supervised import Target
from gnomon.testing.models import mean_log_loss, planted_samples, prior_log_loss


class FrequencyConfig(ModelConfig):
    """Its own settings; `horizon` and `seed` are there already."""

    floor: float = 0.01


@ModelRegistry.register(name="frequency", family="baseline")
class Frequency(SupervisedModel):
    """Forecasts how often each class was seen: what every other model has to beat."""

    Config = FrequencyConfig
    config: FrequencyConfig
    shares: np.ndarray

    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:  # noqa: ARG002
        shares = np.bincount(train.y, weights=train.weight, minlength=3) / len(train) + self.config.floor
        self.shares = shares / shares.sum()
        return FitReport()

    def _probability(self, x: np.ndarray) -> np.ndarray:
        return np.tile(self.shares, (len(x), 1))

    def _save(self, folder: Path) -> Mapping[str, Any]:  # noqa: ARG002
        return {"shares": self.shares.tolist()}

    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:  # noqa: ARG002
        self.shares = np.array(facts["shares"])


def main() -> None:
    """Fits every registered model to a market whose answer is known."""
    train, valid, fresh = (planted_samples(4000, part=part) for part in ("train", "valid", "fresh"))
    print(f"guessing the frequencies: loss {prior_log_loss(train, fresh):.4f}")
    for name in ModelRegistry.names():
        fields = ModelRegistry.models.get(name).Config.model_fields
        # A rule wants to know which feature is a past return; nets are shown short windows twice only, to be quick.
        quick = {"feature": "feature_0", "epochs": 2, "window": 8}
        try:
            model = ModelRegistry.create(name, seed=7, **{key: quick[key] for key in quick.keys() & fields})
            report = model.fit(train, valid)
        except ConfigError as error:
            # A library that comes with an extra is not installed here, or there are no pretrained weights; the message
            # says what to do.
            print(f"{name}: {error}")
            continue
        forecast = model.predict(fresh)
        best = max(report.importance, key=report.importance.__getitem__, default="none")
        print(f"{name}: loss {mean_log_loss(forecast.probability, fresh):.4f}, leans most on {best}")

        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder))
            again = type(model).load(Path(folder)).predict(fresh)
            assert np.array_equal(again.probability, forecast.probability)


if __name__ == "__main__":
    main()
