"""Pairs and contributions: worked by hand, and what must hold of any score."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError
from gnomon.ensembles import contributions, pairwise, shapley_values
from gnomon.ensembles.diversity import agreement, in_words, prior_loss


def sure(classes: list[int]) -> np.ndarray:
    said = np.full((len(classes), 3), 0.1)
    said[np.arange(len(classes)), np.array(classes) + 1] = 0.8
    return said


def test_pairs_by_hand(told):
    # Right on rows 0-5 and on rows 2-7 of ten: both 4, first alone 2, second alone 2, neither 2.
    y = np.tile([1, -1], 5)
    a = [*y[:6], *-y[6:]]
    b = [*-y[:2], *y[2:8], *-y[8:]]
    frame = pairwise(told(sure(a), sure(b), y=y))
    row = frame.row(0, named=True)
    assert (row["a"], row["b"]) == ("m0", "m1")
    assert row["disagreement"] == pytest.approx(0.4)
    assert row["double_fault"] == pytest.approx(0.2)
    assert row["q_statistic"] == pytest.approx((4 * 2 - 2 * 2) / (4 * 2 + 2 * 2))
    assert row["correlation"] == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_what_cannot_be_said_is_nan():
    right = np.array([True, True])
    disagreement, q, fault = agreement(right, right)
    assert (disagreement, fault) == (0.0, 0.0)
    assert math.isnan(q)
    assert all(math.isnan(value) for value in agreement(right[:0], right[:0]))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_agreement_is_symmetric_and_bounded(pairs):
    a, b = np.array(pairs).T
    forward, back = agreement(a, b), agreement(b, a)
    assert forward == pytest.approx(back, nan_ok=True)
    assert math.isnan(forward[1]) or -1.0 <= forward[1] <= 1.0
    assert forward[0] + forward[2] <= 1.0


@given(st.integers(1, 5), st.integers(0, 1000))
def test_shapley_values_against_every_order_of_joining(players, seed):
    draw = np.random.default_rng(seed)
    score = {
        chosen: float(draw.normal()) if chosen else 0.0
        for size in range(players + 1)
        for chosen in itertools.combinations(range(players), size)
    }
    values = shapley_values(players, score.__getitem__)
    slow = np.zeros(players)
    orders = list(itertools.permutations(range(players)))
    for order in orders:
        for place, player in enumerate(order):
            before = tuple(sorted(order[:place]))
            slow[player] += score[tuple(sorted((*before, player)))] - score[before]
    assert values == pytest.approx(slow / len(orders))
    assert sum(values) == pytest.approx(score[tuple(range(players))])


def test_contributions(told):
    y = np.tile([1, -1, 0], 20)
    frame = contributions(told(sure(y.tolist()), sure((-y).tolist()), sure(y.tolist()), y=y))
    by = {row["member"]: row for row in frame.iter_rows(named=True)}
    # Equal members share alike; the one that is wrong two times in three takes away.
    assert by["m0"]["shapley"] == pytest.approx(by["m2"]["shapley"])
    assert by["m1"]["shapley"] < by["m0"]["shapley"]
    assert by["m0"]["alone"] == pytest.approx(1 + math.log(0.8) / math.log(3))
    whole = 1 + np.log([0.8, (0.8 + 0.1 + 0.8) / 3, (0.8 + 0.1 + 0.8) / 3]).mean() / math.log(3)
    assert frame["shapley"].sum() == pytest.approx(whole)
    assert by["m1"]["without"] == pytest.approx(whole - by["m0"]["alone"])
    notes = in_words(["m0", "m1", "m2"], pairwise(told(*[sure(y.tolist())] * 3, y=y)), frame)
    assert "Shapley" in notes[0]
    assert "double fault 0.00" in notes[1]


def test_too_many_members():
    with pytest.raises(ConfigError, match="13 members have 8192 subsets"):
        shapley_values(13, lambda _: 0.0)


def test_the_loss_of_saying_how_often_each_class_came():
    assert prior_loss(np.array([0, 1, 2]), np.ones(3)) == pytest.approx(math.log(3))
