from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gnomon.kernels.indicators import dependence as kernels

NAN = float("nan")


@pytest.mark.parametrize("absolute", [0.0, 1.0])
def test_autocorrelation_agrees_with_pandas(absolute, market, agrees) -> None:
    moves = pd.Series(np.log(market.close)).diff()
    moves = moves.abs() if absolute else moves
    out = kernels.autocorrelation.over(market.close, params=(60, absolute, 1, 5))
    for row, lag in enumerate((1, 5)):
        agrees(out[row], moves.rolling(60).corr(moves.shift(lag)).to_numpy(), scale=1.0)


def test_a_price_to_and_fro_is_anticorrelated() -> None:
    price = np.where(np.arange(40) % 2, 1.0, 2.0)
    assert kernels.autocorrelation.over(price, params=(20, 0, 1, 2))[:, -1].tolist() == pytest.approx([-1.0, 1.0])
    assert kernels.autocorrelation.over(np.ones(40), params=(20, 0, 1))[0, -1] == 0.0


def test_variance_ratio_is_its_definition(market, agrees) -> None:
    logs = pd.Series(np.log(market.close))
    out = kernels.variance_ratio.over(market.close, params=(120, 2, 10))
    for row, q in enumerate((2, 10)):
        one, many = logs.diff().rolling(120).var(), logs.diff(q).rolling(120).var()
        agrees(out[row], (many / one / q).to_numpy())


def test_variance_ratio_of_a_price_that_returns_is_low() -> None:
    price = np.where(np.arange(60) % 2, 1.0, 2.0)
    assert kernels.variance_ratio.over(price, params=(20, 2))[0, -1] == 0.0
    assert kernels.variance_ratio.over(np.ones(60), params=(20, 2))[0, -1] == 1.0


def test_hurst_is_its_definition(market, agrees) -> None:
    logs = pd.Series(np.log(market.close))
    lags = np.array([1, 2, 4, 8, 16])
    spreads = np.stack([(logs.diff(lag) ** 2).rolling(120).mean() for lag in lags])
    expected = np.full(market.close.size, NAN)
    for t in range(135, market.close.size):
        expected[t] = np.polynomial.Polynomial.fit(np.log(lags), np.log(spreads[:, t]), 1).convert().coef[1] / 2
    agrees(kernels.hurst.over(market.close, params=(120,))[0], expected, scale=1.0)


def test_the_exponent_of_a_straight_line_is_one_and_of_a_random_walk_a_half() -> None:
    assert kernels.hurst.over(np.exp(0.01 * np.arange(100.0)), params=(40,))[0, -1] == pytest.approx(1.0)
    walk = np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.01, 30_000)))
    assert kernels.hurst.over(walk, params=(29_000,))[0, -1] == pytest.approx(0.5, abs=0.02)
    assert kernels.hurst.over(np.ones(100), params=(40,))[0, -1] == 0.5


def test_permutation_entropy_by_hand() -> None:
    # Two orders, each twice: up up, and up down.
    out = kernels.permutation_entropy.over(np.array([1.0, 2.0, 3.0, 2.5, 2.7, 2.9, 1.0]), params=(4,))[0]
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (0, 1, 2), (1, 2, 0)]
    for t, last in ((5, orders[:4]), (6, orders[1:])):
        shares = np.array([last.count(order) / 4 for order in set(last)])
        assert out[t] == pytest.approx(-(shares * np.log(shares)).sum() / math.log(6))
    assert np.isnan(out[:5]).all()


def test_permutation_entropy_is_its_definition(market, agrees) -> None:
    triples = np.argsort(np.lib.stride_tricks.sliding_window_view(market.close, 3), axis=1, kind="stable")
    codes = triples @ np.array([9, 3, 1])
    expected = np.full(market.close.size, NAN)
    for t in range(61, market.close.size):
        shares = np.unique(codes[t - 61 : t - 1], return_counts=True)[1] / 60
        expected[t] = -(shares * np.log(shares)).sum() / math.log(6)
    agrees(kernels.permutation_entropy.over(market.close, params=(60,))[0], expected, scale=1.0)
    assert kernels.permutation_entropy.over(np.arange(1.0, 30.0), params=(9,))[0, -1] == 0.0
