"""Means: plain, weighted by loss, and of ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64
from gnomon.ensembles.base import OutOfFold, given
from gnomon.models.combiners import Combiner, Ranked, Weighted, edge_of, rank_inputs, stacked
from gnomon.training.fit import fit_model

TOLERANCE = 1e-6
MOST_STEPS = 5000
QUANTILES = 401


@dataclass(frozen=True, kw_only=True)
class MeanBlender:
    """Equal weights: nothing is learned, and nothing can be learned wrongly."""

    def fit(self, known: OutOfFold) -> Combiner:
        """The plain mean."""
        count = len(known.members)
        return Weighted(weights=(1.0 / count,) * count)


@dataclass(frozen=True, kw_only=True)
class WeightedBlender:
    """The convex weights of the smallest loss on out-of-fold rows."""

    def fit(self, known: OutOfFold) -> Combiner:
        """See `convex_weights`."""
        return Weighted(weights=tuple(convex_weights(given(known), known.labels.weight).tolist()))


@dataclass(frozen=True, kw_only=True)
class RankBlender:
    """The average rank of the edges, each among the member's own edges on rows that it was not fitted on."""

    def fit(self, known: OutOfFold) -> Combiner:
        """Quantiles of each member's edges, and a regression from the average rank to probabilities."""
        count = len(known.members)
        edges = np.quantile(edge_of(known.said), np.linspace(0.0, 1.0, QUANTILES), axis=1).T
        x, names = rank_inputs(known.said, edges)
        section = ModelSection(model_type="logistic_regression")
        meta, _ = fit_model(
            section, stacked(known.samples, x, names), training=TrainingConfig(horizon=known.horizon), name="rank"
        )
        return Ranked(meta=meta, share=(1.0 / count,) * count, edges=np.ascontiguousarray(edges))


def convex_weights(
    given: Float64[Array, "k m"],
    weight: Float64[Array, " m"],
    *,
    prior: Float64[Array, " k"] | None = None,
    prior_rows: float = 0.0,
) -> Float64[Array, " k"]:
    """Weights of at least 0 that add up to 1 and give the mixture the smallest mean log loss.

    `given[k, m]`: the probability that member k gave to what came in row m. The loss is convex in the weights; each
    step multiplies a weight by what its member adds (Cover 1984), so that none turns negative, and the largest such
    factor less 1 bounds what is left to gain, which is when it stops. `prior_rows` draws the weights toward `prior` as
    so many rows would that it had explained.

    >>> convex_weights(np.array([[0.9, 0.9], [0.1, 0.1]]), np.ones(2)).round(3).tolist()
    [1.0, 0.0]
    """
    count, rows = given.shape
    if not rows:
        raise DataError("there is no out-of-fold row with a decided label to weigh members by")
    share = weight / weight.sum()
    toward = np.full(count, 1.0 / count) if prior is None else prior
    pull = prior_rows / (prior_rows + rows)
    # From equal ones, also where there is a prior: a weight of nothing would stay at nothing.
    weights = np.full(count, 1.0 / count)
    for _ in range(MOST_STEPS):
        mixture = np.maximum(weights @ given, 1e-300)
        factor = (given / mixture) @ share
        updated = (1.0 - pull) * weights * factor + pull * toward
        updated /= updated.sum()
        gain = float(np.abs(updated - weights).max()) if prior_rows else float(factor.max() - 1.0)
        if gain < TOLERANCE:
            break
        weights = updated
    # What no row asks for is not carried along in the last digits.
    weights = np.where(weights < 1e-4, 0.0, weights)
    return np.asarray(weights / weights.sum())
