"""Tests of the maximum on columns whose skill is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.metrics import superior_predictive_ability


def test_noise_is_claimed_at_its_rate_and_an_edge_is_found() -> None:
    claims = found = 0
    for seed in range(30):
        rng = np.random.default_rng([1, seed])
        noise = rng.normal(0, 0.01, (300, 8))
        claims += superior_predictive_ability(noise, rng=rng, reps=200).pvalue < 0.05
        noise[:, 4] += 0.003
        test = superior_predictive_ability(noise, rng=rng, reps=200)
        found += test.pvalue < 0.05 and 4 in test.superior
    assert claims <= 5  # 5% of 30 is 1.5; more than 5 has a chance of 0.3%
    assert found >= 25


def test_the_best_of_many_needs_more_than_one_alone() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.01, (500, 200))
    best = int(np.argmax(noise.mean(axis=0)))
    alone = superior_predictive_ability(noise[:, [best]], rng=np.random.default_rng(3))
    among = superior_predictive_ability(noise, rng=np.random.default_rng(3))
    assert alone.pvalue < 0.05 < among.pvalue  # control: without counting the tries, luck would pass
    assert among.superior == ()


def test_the_generator_decides() -> None:
    noise = np.random.default_rng(4).normal(0.0008, 0.01, (300, 5))
    first, again, other = (
        superior_predictive_ability(noise, rng=np.random.default_rng(seed), reps=200).pvalue for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("excess", [np.zeros((0, 2)), np.zeros((300, 3)), np.ones((10, 2)) * [[1.0, -1.0]]])
def test_what_cannot_be_tested_is_nan(excess: np.ndarray) -> None:
    test = superior_predictive_ability(excess, rng=np.random.default_rng(1))
    assert math.isnan(test.pvalue)
    assert test.superior == ()


def test_columns_that_never_move_keep_the_others_numbers() -> None:
    edge = np.random.default_rng(5).normal(0.003, 0.01, 400)
    test = superior_predictive_ability(np.column_stack([np.zeros(400), edge]), rng=np.random.default_rng(1), reps=200)
    assert test.superior == (1,)


def test_all_may_be_superior_in_more_than_one_step() -> None:
    """The weaker passes only once the stronger is out of the way: then none is left to step down to."""
    noise = np.random.default_rng(6).normal(0.0, 0.01, (750, 12))
    noise -= noise.mean(axis=0)
    noise[:, :11] += 0.0020
    noise[:, 11] += 0.00095
    rest = superior_predictive_ability(noise[:, :11], rng=np.random.default_rng(1))
    alone = superior_predictive_ability(noise[:, 11:], rng=np.random.default_rng(1))
    assert rest.superior == tuple(range(11))
    assert alone.superior == (0,)
    assert superior_predictive_ability(noise, rng=np.random.default_rng(1)).superior == tuple(range(12))


@pytest.mark.parametrize("noisy", [1.0, 10.0])
def test_a_calm_edge_is_not_drowned_by_a_noisy_try(noisy: float) -> None:
    """The statistic is studentised: what counts is each column's mean in units of its own deviation."""
    calm, loud = np.random.default_rng(7).normal(0.0, 0.01, (2, 1000))
    calm += 0.0015 - calm.mean()
    test = superior_predictive_ability(np.column_stack([calm, noisy * loud]), rng=np.random.default_rng(1))
    assert test.pvalue < 0.01
    assert test.superior == (0,)


def test_leverage_changes_nothing() -> None:
    excess = np.random.default_rng(8).normal(0.0004, 0.01, (400, 4))
    lever = np.array([0.25, 1.0, 4.0, 1024.0])
    plain, levered = (superior_predictive_ability(e, rng=np.random.default_rng(1)) for e in (excess, excess * lever))
    assert levered == plain
