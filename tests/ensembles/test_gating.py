"""Gating: other members in other regimes, by thresholds of the training rows."""

from __future__ import annotations

import numpy as np
import pytest

from gnomon.ensembles import RegimeGate
from gnomon.models.combiners import Gated


def test_who_knows_the_calm_and_who_knows_the_storm(told):
    draw = np.random.default_rng(3)
    rows = 6000
    volatility = draw.uniform(0.0, 3.0, rows)
    y = draw.choice([-1, 1], rows).astype(np.int8)
    right = np.where(y[:, None] == 1, [[0.1, 0.1, 0.8]], [[0.8, 0.1, 0.1]])
    blind = np.tile([0.45, 0.1, 0.45], (rows, 1))
    calm = (volatility < 1.0)[:, None]
    known = told(np.where(calm, right, blind), np.where(calm, blind, right), x=volatility, y=y)
    gate = RegimeGate(feature="feature_0").fit(known)
    assert isinstance(gate, Gated)
    assert gate.thresholds == pytest.approx((1.0, 2.0), abs=0.1)
    low, middle, high, missing = (dict(row) for row in gate.readable(known.members)["regimes"].values())
    assert low["m0"] > 0.85
    assert middle["m1"] > 0.85
    assert high["m1"] > 0.85
    # A row whose regime is not known takes the weights over all rows.
    assert missing["m0"] < 0.4
    for weights in gate.weights:
        assert sum(weights) == pytest.approx(1.0)
        assert min(weights) >= 0.0
    known.samples.x[5, 0] = np.nan
    assert gate.regime(known.samples)[5] == 3
    assert np.array_equal(
        gate.combine(known.said, known.samples)[5],
        gate.combine(np.ascontiguousarray(known.said[:, [5]]), known.samples.take(np.array([5])))[0],
    )
