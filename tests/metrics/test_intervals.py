from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from gnomon.metrics import (
    empty_share,
    interval_coverage,
    interval_width,
    pinball_loss,
    quantile_coverage,
    set_coverage,
    set_size,
    singleton_share,
)
from gnomon.metrics.intervals import outer_interval

LEVELS = (0.1, 0.5, 0.9)


def test_pinball_by_hand() -> None:
    # 2 missing at level .9 costs 1.8; 2 too much costs .2.
    assert pinball_loss(np.array([3.0]), np.array([[1.0]]), [0.9]) == pytest.approx(1.8)
    assert pinball_loss(np.array([1.0]), np.array([[3.0]]), [0.9]) == pytest.approx(0.2)


def test_pinball_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    actual, said = rng.normal(size=200), np.sort(rng.normal(size=(200, 3)), axis=1)
    expected = np.mean([mean_pinball_loss(actual, said[:, i], alpha=level) for i, level in enumerate(LEVELS)])
    assert pinball_loss(actual, said, LEVELS) == pytest.approx(expected, rel=1e-12)
    actual[5] = np.nan
    kept = np.arange(200) != 5
    assert pinball_loss(actual, said, LEVELS) == pytest.approx(pinball_loss(actual[kept], said[kept], LEVELS))


def test_only_the_true_quantiles_make_the_loss_smallest() -> None:
    actual = np.random.default_rng(1).normal(size=20_000)
    true = np.tile(np.quantile(actual, LEVELS), (len(actual), 1))
    for shift in (-0.3, 0.3):
        assert pinball_loss(actual, true, LEVELS) < pinball_loss(actual, true + shift, LEVELS)
    np.testing.assert_allclose(quantile_coverage(actual, true, LEVELS), LEVELS, atol=1e-3)


def test_intervals_by_hand() -> None:
    low, high = np.array([0.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0, 3.0])
    assert interval_coverage(np.array([0.0, 1.0, 2.0, np.nan]), low, high) == pytest.approx(2 / 3)
    assert interval_width(low, high) == pytest.approx(1.5)


def test_the_outer_interval() -> None:
    assert outer_interval([0.5, 0.95, 0.05]) == (2, 1)
    assert outer_interval([0.1, 0.25, 0.75]) == (1, 2)
    assert outer_interval([0.5]) is None
    assert outer_interval([0.1, 0.8]) is None


def test_sets_by_hand() -> None:
    allowed = np.array([[True, False, False], [True, True, False], [False, False, False], [True, True, True]])
    assert set_coverage(np.array([-1, 1, 0, 0]), allowed) == 0.5
    assert set_size(allowed) == 1.5
    assert singleton_share(allowed) == 0.25
    assert empty_share(allowed) == 0.25


def test_without_rows() -> None:
    none, sets = np.array([]), np.zeros((0, 3), bool)
    for value in (
        pinball_loss(none, np.zeros((0, 3)), LEVELS),
        interval_coverage(none, none, none),
        interval_width(none, none),
        set_coverage(none, sets),
        set_size(sets),
        singleton_share(sets),
        empty_share(sets),
        *quantile_coverage(none, np.zeros((0, 3)), LEVELS),
    ):
        assert math.isnan(value)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"quantiles must be of shape \(1, 3\), was \(1, 1\)"):
        pinball_loss(np.ones(1), np.ones((1, 1)), LEVELS)
    with pytest.raises(ValueError, match="levels must be between 0 and 1"):
        pinball_loss(np.ones(1), np.ones((1, 1)), [1.0])
    with pytest.raises(ValueError, match=r"allowed must be of shape \(1, 3\), was \(2, 3\)"):
        set_coverage(np.array([1]), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="-1, 0 or 1, was 2"):
        set_coverage(np.array([2]), np.ones((1, 3), bool))
