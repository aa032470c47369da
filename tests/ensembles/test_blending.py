"""Means: weights by hand, against another solver, and on the simplex whatever comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from gnomon.core.errors import DataError
from gnomon.ensembles import MeanBlender, RankBlender, WeightedBlender, convex_weights
from gnomon.ensembles.diversity import loss_of
from gnomon.models.combiners import Ranked, Weighted


def test_weights_by_hand():
    # Two members, right by turns: 3 of 4 rows for the first. The loss is -(3 log w + log(1 - w)) / 4 where the one
    # that is wrong gives 0: w = 3/4.
    gave = np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    assert convex_weights(gave, np.ones(4)) == pytest.approx([0.75, 0.25])
    # A row counts by its weight.
    assert convex_weights(gave, np.array([1.0, 1.0, 1.0, 3.0])) == pytest.approx([0.5, 0.5])


def test_a_member_that_adds_nothing_gets_nothing():
    gave = np.array([[0.6, 0.5, 0.7], [0.3, 0.2, 0.3], [0.6, 0.5, 0.7]])
    assert convex_weights(gave, np.ones(3))[1] == 0.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), members=st.integers(2, 4))
def test_no_other_solver_finds_a_smaller_loss(seed, members):
    draw = np.random.default_rng(seed)
    gave, weight = draw.dirichlet(np.ones(3), (members, 60))[:, :, 0] + 0.01, draw.uniform(0.1, 2.0, 60)
    weights = convex_weights(gave, weight)
    assert weights.min() >= 0.0
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    other = minimize(
        lambda w: loss_of(w @ gave, weight),
        np.full(members, 1 / members),
        bounds=[(0, 1)] * members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
    )
    assert loss_of(weights @ gave, weight) <= other.fun + 1e-4


def test_the_pull_of_a_prior():
    gave = np.array([[0.9] * 10, [0.1] * 10])
    prior = np.array([0.2, 0.8])
    weak = convex_weights(gave, np.ones(10), prior=prior, prior_rows=1.0)
    strong = convex_weights(gave, np.ones(10), prior=prior, prior_rows=1e6)
    assert strong == pytest.approx(prior, abs=1e-3)
    assert weak[0] > 0.9


def test_nothing_to_weigh_by():
    with pytest.raises(DataError, match="no out-of-fold row"):
        convex_weights(np.empty((2, 0)), np.empty(0))


def test_the_mean_and_the_weighted_mean(told):
    good, bad = np.tile([0.1, 0.1, 0.8], (40, 1)), np.tile([0.8, 0.1, 0.1], (40, 1))
    known = told(good, bad, y=np.ones(40))
    mean = MeanBlender().fit(known)
    assert mean.combine(known.said, known.samples) == pytest.approx(np.tile([0.45, 0.1, 0.45], (40, 1)))
    weighted = WeightedBlender().fit(known)
    assert isinstance(weighted, Weighted)
    assert weighted.readable(known.members) == {"weights": {"m0": 1.0, "m1": 0.0}}
    assert weighted.combine(known.said, known.samples) == pytest.approx(good)


def test_ranks_are_of_the_training_rows_so_one_row_is_enough(told):
    draw = np.random.default_rng(1)
    edge = np.sort(draw.uniform(-0.4, 0.4, 400))
    said = np.stack([0.4 - edge / 2, np.full(400, 0.2), 0.4 + edge / 2], axis=1)
    # A second member with the same order on another scale has the same ranks.
    other = np.stack([0.4 - edge / 20, np.full(400, 0.2), 0.4 + edge / 20], axis=1)
    y = np.sign(edge + draw.normal(0, 0.2, 400)).astype(np.int8)
    known = told(said, other, y=y)
    ranked = RankBlender().fit(known)
    assert isinstance(ranked, Ranked)
    x, names = ranked.inputs(known.said)
    assert names == ("rank", "rank_squared")
    assert x[:, 0] == pytest.approx(2 * (np.arange(400) + 0.5) / 400 - 1, abs=0.01)
    whole = ranked.combine(known.said, known.samples)
    assert np.all(np.diff(whole[:, 2] - whole[:, 0]) >= 0)
    for row in (0, 123, 399):
        part = np.array([row])
        alone = ranked.combine(np.ascontiguousarray(known.said[:, part]), known.samples.take(part))
        assert np.array_equal(alone[0], whole[row])
    # Values beyond all that training saw take the last rank.
    far, _ = ranked.inputs(np.array([[[0.0, 0.0, 1.0]], [[0.0, 0.0, 1.0]]]))
    assert far[0, 0] == 1.0
