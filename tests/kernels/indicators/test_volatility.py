from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.volatility import atr, garman_klass, parkinson, volatility

NAN = float("nan")


def test_atr_by_hand() -> None:
    high, low, close = np.array([[3.0, 5.0, 6.0, 9.0], [1.0, 4.0, 5.0, 5.0], [2.0, 4.0, 5.0, 8.0]])
    # True ranges 3, 2, 4: the first average is of two, then it moves half way.
    np.testing.assert_allclose(atr.over(high, low, close, params=(2, 0))[0], [NAN, NAN, 2.5, 3.25])
    np.testing.assert_allclose(atr.over(high, low, close, params=(2, 1))[0], [NAN, NAN, 0.5, 3.25 / 8])


@pytest.mark.parametrize("window", [1, 2, 14, 100])
def test_atr_agrees_with_talib(window, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    agrees(atr.over(*columns, params=(window, 0))[0], talib.ATR(*columns, window))
    relative = talib.ATR(*columns, window) / market.close
    agrees(atr.over(*columns, params=(window, 1))[0], relative)
    if window > 1:
        agrees(100 * relative, talib.NATR(*columns, window))


def windows_of(values: np.ndarray, n: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, n)


@pytest.mark.parametrize("window", [2, 20, 250])
def test_volatility_agrees_with_numpy(window, market, agrees) -> None:
    expected = windows_of(np.diff(np.log(market.close)), window).std(axis=1, ddof=1)
    agrees(volatility.over(market.close, params=(window,))[0], np.r_[np.full(window, NAN), expected])


def test_volatility_of_steady_growth_is_nothing() -> None:
    assert volatility.over(2.0 ** np.arange(30.0), params=(5,))[0, 5:].max() < 1e-15


def test_parkinson_by_hand() -> None:
    high, low = np.array([[math.e, 2.0, 2.0], [1.0, 2.0, 1.0]])
    out = parkinson.over(high, low, params=(2,))[0]
    four = 4 * math.log(2)
    np.testing.assert_allclose(out, [NAN, math.sqrt(0.5 / four), math.sqrt(math.log(2) ** 2 / 2 / four)])


@pytest.mark.parametrize("window", [1, 20])
def test_range_volatility_agrees_with_numpy(window, market, agrees) -> None:
    start = np.full(window - 1, NAN)
    spread = np.log(market.high / market.low) ** 2
    expected = np.sqrt(windows_of(spread, window).mean(axis=1) / (4 * math.log(2)))
    agrees(parkinson.over(market.high, market.low, params=(window,))[0], np.r_[start, expected])
    body = np.log(market.close / market.open) ** 2
    mean = windows_of(0.5 * spread - (2 * math.log(2) - 1) * body, window).mean(axis=1)
    columns = (market.open, market.high, market.low, market.close)
    agrees(garman_klass.over(*columns, params=(window,))[0], np.r_[start, np.sqrt(np.maximum(mean, 0.0))], scale=1e-3)


def test_all_measures_find_the_volatility_of_a_walk() -> None:
    """A day of 2,000 steps with a volatility of 1%: all three estimate it, those from ranges a little low."""
    chance = np.random.default_rng(1)
    steps = chance.normal(0.0, 0.01 / math.sqrt(2000), (400, 2000)).cumsum(axis=1)
    starts = np.r_[0.0, steps[:-1, -1].cumsum()]
    path = np.exp(starts[:, None] + np.c_[np.zeros(400), steps])
    open_, high, low, close = path[:, 0], path.max(axis=1), path.min(axis=1), path[:, -1]
    assert 0.0092 < volatility.over(close, params=(399,))[0, -1] < 0.0108
    assert 0.0092 < parkinson.over(high, low, params=(400,))[0, -1] < 0.0105
    assert 0.0092 < garman_klass.over(open_, high, low, close, params=(400,))[0, -1] < 0.0105
