"""Stacking: a learner over out-of-fold forecasts finds who knows what."""

from __future__ import annotations

import numpy as np

from gnomon.ensembles import Stacker
from gnomon.ensembles.diversity import loss_of


def test_independent_members_are_believed_together(told):
    draw = np.random.default_rng(5)
    rows = 3000
    signals = draw.normal(size=(2, rows))
    y = np.where(signals.sum(axis=0) + draw.logistic(size=rows) > 0, 1, -1).astype(np.int8)
    said = []
    for signal in signals:
        # What one knows who sees his signal alone: less than certain, as the other's is noise to him.
        up = 1 / (1 + np.exp(-0.85 * signal))
        said.append(np.stack([0.98 * (1 - up), np.full(rows, 0.02), 0.98 * up], axis=1))
    noise = np.tile([0.49, 0.02, 0.49], (rows, 1)) + draw.normal(0, 0.01, (rows, 1)) * [[1, 0, -1]]
    known = told(*said, noise, y=y)
    stack = Stacker(params={"c": 10.0}).fit(known)
    shares = stack.readable(known.members)["weights"]
    assert shares["m2"] < 0.15
    labels = known.labels

    def loss(probability):
        return loss_of(probability[labels.rows, labels.y], labels.weight)

    # Better than each and than their mean: evidence adds up, it does not average.
    assert loss(stack.combine(known.said, known.samples)) < min(map(loss, said)) - 0.03
    assert loss(stack.combine(known.said, known.samples)) < loss(np.mean(said, axis=0)) - 0.01
