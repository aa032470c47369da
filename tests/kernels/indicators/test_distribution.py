from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gnomon.kernels.indicators import distribution as kernels

NAN = float("nan")


def windows(values: np.ndarray, n: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, n)


@pytest.mark.parametrize("window", [20, 120])
def test_shape_agrees_with_scipy(window, market, agrees) -> None:
    parts = windows(np.diff(np.log(market.close)), window)
    skewness, kurtosis = kernels.shape.over(market.close, params=(window,))
    assert np.isnan(skewness[:window]).all()
    agrees(skewness[window:], stats.skew(parts, axis=1), scale=1.0)
    agrees(kurtosis[window:], stats.kurtosis(parts, axis=1, fisher=False), scale=1.0)


def test_the_shape_of_nothing_is_normal() -> None:
    prices = np.array([1.0, 9.0, 3.0, *[0.3] * 20])
    assert kernels.shape.over(prices, params=(5,))[:, -1].tolist() == [0.0, 3.0]


def test_quantiles_agree_with_numpy(market, agrees) -> None:
    parts = windows(np.diff(np.log(market.close)), 120)
    orders = (0.0, 0.05, 0.5, 0.77, 1.0)
    out = kernels.return_quantiles.over(market.close, params=(120, *orders))
    for row, order in enumerate(orders):
        assert np.isnan(out[row, :120]).all()
        agrees(out[row, 120:], np.quantile(parts, order, axis=1), scale=1e-2)


@given(st.lists(st.integers(1, 4), min_size=4, max_size=60), st.integers(2, 6))
def test_quantiles_of_many_ties(prices: list[int], n: int) -> None:
    array = np.array(prices, float)
    out = kernels.return_quantiles.over(array, params=(n, 0.3))[0]
    moves = np.log(array[1:] / array[:-1])
    for t in range(n, array.size):
        assert out[t] == pytest.approx(np.quantile(moves[t - n : t], 0.3), abs=1e-12)


def test_percentile_rank_agrees_with_pandas(market, agrees) -> None:
    out = kernels.percentile_rank.over(market.close, params=(2, 60))
    for row, window in enumerate((2, 60)):
        expected = (pd.Series(market.close).rolling(window).rank() - 1) / (window - 1)
        agrees(out[row], expected.to_numpy(), scale=1.0)
    assert kernels.percentile_rank.over(np.full(9, 2.0), params=(4,))[0, -1] == 0.5


def test_move_shares_by_hand() -> None:
    up, still = kernels.move_shares.over(np.array([1.0, 2.0, 2.0, 1.0, 3.0]), params=(3,))
    np.testing.assert_allclose(up, [NAN, NAN, NAN, 1 / 3, 1 / 3])
    np.testing.assert_allclose(still, [NAN, NAN, NAN, 1 / 3, 1 / 3])


def test_streak_by_hand() -> None:
    out = kernels.streak.over(np.array([1.0, 2.0, 3.0, NAN, 4.0, 4.0, 3.0, 2.0, 5.0]))[0]
    np.testing.assert_array_equal(out, [NAN, 1, 2, NAN, 3, 0, -1, -2, 1])
