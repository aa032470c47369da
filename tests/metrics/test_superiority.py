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
