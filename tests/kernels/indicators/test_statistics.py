from __future__ import annotations

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels.indicators.statistics import rolling_std, rolling_zscore

NAN = float("nan")


def test_by_hand() -> None:
    values = np.array([1.0, 3.0, 7.0, 7.0])
    np.testing.assert_allclose(rolling_std.over(values, params=(2, 0))[0], [NAN, 1, 2, 0])
    np.testing.assert_allclose(rolling_std.over(values, params=(2, 1))[0], [NAN, 2**0.5, 8**0.5, 0])
    np.testing.assert_allclose(rolling_zscore.over(values, params=(2,))[0], [NAN, 0.5**0.5, 0.5**0.5, 0])


@pytest.mark.parametrize("window", [2, 20, 250])
def test_std_agrees_with_talib(window, market, agrees) -> None:
    agrees(rolling_std.over(market.close, params=(window, 0))[0], talib.STDDEV(market.close, window), scale=1.0)


def test_std_keeps_its_digits_where_a_difference_of_squares_loses_them() -> None:
    values = 1e6 + np.random.default_rng(2).normal(0.0, 1e-4, 500)
    windows = np.lib.stride_tricks.sliding_window_view(values, 20)
    exact = (windows - 1e6).std(axis=1)
    np.testing.assert_allclose(rolling_std.over(values, params=(20, 0))[0, 19:], exact, rtol=1e-6)
    with np.errstate(invalid="ignore"):
        naive = np.sqrt((windows**2).mean(axis=1) - windows.mean(axis=1) ** 2)
    assert not np.allclose(naive, exact, rtol=1e-2)


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=80), st.integers(2, 5))
def test_zscore_is_its_definition(values: list[float], n: int) -> None:
    array = np.array(values)
    out = rolling_zscore.over(array, params=(n,))[0]
    assert np.isnan(out[: n - 1]).all()
    for t in range(n - 1, len(values)):
        window = array[t + 1 - n : t + 1]
        deviation = window.std(ddof=1)
        if np.ptp(window) == 0.0:
            assert out[t] == 0.0
        elif deviation > 1e-6 * np.abs(window).max():
            assert np.isclose(out[t], (array[t] - window.mean()) / deviation, rtol=1e-6, atol=1e-6)
