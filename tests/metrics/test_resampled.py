"""Intervals by resampling: they hold what is true as often as they say, and differences keep what is shared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.metrics.resampled import Interval, middle_of, resample


def test_the_resampled_ratio_is_centred_on_that_of_the_record():
    returns = np.random.default_rng(1).normal(0.001, 0.01, size=(1000, 1))
    drawn = resample(returns, rng=np.random.default_rng(2), risk_free=0.0002, reps=4000)
    column = returns[:, 0]
    sharpe = (column.mean() - 0.0002) / column.std(ddof=1)
    assert drawn.sharpe.mean() == pytest.approx(sharpe, abs=0.003)
    assert drawn.sharpe.std() == pytest.approx(1 / math.sqrt(1000), rel=0.1)
    assert drawn.growth.mean() == pytest.approx(np.log1p(column).mean(), abs=5e-5)


def test_an_interval_covers_as_often_as_it_says_and_a_naive_one_of_dependent_returns_does_not():
    rng = np.random.default_rng(3)
    held = {4.0: 0, 1.0: 0}
    markets, bars, rho = 150, 400, 0.5
    for _ in range(markets):
        noise = rng.normal(size=bars + 50)
        series = np.zeros(bars + 50)
        for t in range(1, bars + 50):
            series[t] = rho * series[t - 1] + noise[t]
        for block in held:
            drawn = resample(0.01 * series[50:, None], rng=rng, reps=300, block=5 * block if block > 1 else 1.0)
            held[block] += middle_of(drawn.sharpe[:, 0]).holds(0.0)
    assert held[4.0] / markets >= 0.87
    # The control: bars drawn one by one forget that they resemble each other.
    assert held[1.0] / markets <= 0.82


def test_the_difference_of_twins_is_known_exactly():
    one = np.random.default_rng(4).normal(0.0, 0.01, size=500)
    drawn = resample(np.column_stack([one, one]), rng=np.random.default_rng(5), reps=50)
    np.testing.assert_array_equal(drawn.sharpe[:, 0], drawn.sharpe[:, 1])
    assert middle_of(drawn.growth[:, 0] - drawn.growth[:, 1]) == Interval(low=0.0, high=0.0)


@pytest.mark.parametrize("returns", [np.zeros((50, 1)), np.full((50, 1), 0.01), np.zeros((1, 1))])
def test_what_never_moves_has_no_ratio(returns):
    drawn = resample(returns, rng=np.random.default_rng(6), reps=20)
    assert np.isnan(drawn.sharpe).all()
    assert math.isnan(middle_of(drawn.sharpe[:, 0]).low)
    assert not middle_of(drawn.sharpe[:, 0]).holds(0.0)
