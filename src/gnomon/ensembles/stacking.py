"""Stacking: a small model that learns from out-of-fold forecasts how far to believe whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.types import Array, Float32, Float64
from gnomon.ensembles.base import OutOfFold
from gnomon.ensembles.diversity import loss_of
from gnomon.models.bundle import TrainedModel
from gnomon.models.combiners import ODDS, Combiner, Stacked, log_odds, stacked
from gnomon.samples.base import Samples
from gnomon.training.fit import fit_model

SMALL: Mapping[str, Mapping[str, Any]] = {
    "logistic_regression": {},
    "lightgbm": {"rounds": 60, "num_leaves": 4, "min_rows_in_leaf": 100, "feature_fraction": 1.0},
}
"""Settings of the learner where none are given: little can be overfitted with a handful of columns."""


@dataclass(frozen=True, kw_only=True)
class Stacker:
    """Fits `meta` on the log odds of the members' out-of-fold probabilities."""

    meta: str = "logistic_regression"
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def fit(self, known: OutOfFold) -> Combiner:
        """The stacked model, with the share of each member in what it knows."""
        x, names = log_odds(known.said)
        rows = stacked(known.samples, x, names)
        meta, _ = fit_model(
            ModelSection(model_type=self.meta, params={**SMALL.get(self.meta, {}), **self.params}),
            rows,
            training=TrainingConfig(horizon=known.horizon),
            seed=self.seed,
            name="stacker",
            where="params.meta_params",
        )
        return Stacked(meta=meta, share=tuple(_shares(meta, rows, known).tolist()))


def _shares(meta: TrainedModel, rows: Samples, known: OutOfFold) -> Float64[Array, " k"]:
    """The loss gained when a member's columns are taken from other rows (first with last), as shares."""
    labels, width = known.labels, len(ODDS)

    def loss(x: Float32[Array, "m f"]) -> float:
        said = meta.predict(replace(rows, x=x)).probability
        return loss_of(said[labels.rows, labels.y], labels.weight)

    base, worth = loss(rows.x), np.zeros(len(known.members))
    for member in range(len(known.members)):
        x, own = rows.x.copy(), slice(member * width, (member + 1) * width)
        x[:, own] = x[::-1, own]
        worth[member] = max(0.0, loss(x) - base)
    return np.asarray(worth / worth.sum()) if worth.sum() > 0 else np.full(len(worth), 1.0 / len(worth))
