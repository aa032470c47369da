from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators import extremes

NAN = float("nan")


def windows(values: np.ndarray, n: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(values, n)


@pytest.mark.parametrize("window", [2, 14, 25])
def test_aroon_agrees_with_talib(window, market, agrees) -> None:
    up, down = extremes.aroon.over(market.high, market.low, params=(window,))
    their_down, their_up = talib.AROON(market.high, market.low, window)
    agrees(up, their_up)
    agrees(down, their_down)


def test_of_equal_highs_the_newer_counts() -> None:
    high = np.array([5.0, 1.0, 5.0, 1.0])
    assert extremes.aroon.over(high, high, params=(3,))[:, -1].tolist() == [100 * 2 / 3, 100.0]


def test_drawdown_by_hand() -> None:
    out = extremes.drawdown.over(np.array([4.0, 5.0, 2.0, 3.0]), params=(2, 3))
    np.testing.assert_allclose(out[0], [NAN, 0, -0.6, 0])
    np.testing.assert_allclose(out[1], [NAN, 0.25, 0, 0.5])
    np.testing.assert_allclose(out[2], [NAN, NAN, -0.6, -0.4])


def test_drawdown_agrees_with_talib(market, agrees) -> None:
    low, high = extremes.drawdown.over(market.close, params=(60,))
    agrees(low, market.close / talib.MAX(market.close, 60) - 1.0, scale=1.0)
    agrees(high, market.close / talib.MIN(market.close, 60) - 1.0, scale=1.0)


def test_extreme_returns_are_the_highest_and_the_lowest(market, agrees) -> None:
    moves = np.diff(np.log(market.close))
    highest, lowest = extremes.extreme_returns.over(market.close, params=(20,))
    assert np.isnan(highest[:20]).all()
    agrees(highest[20:], windows(moves, 20).max(axis=1), scale=1e-2)
    agrees(lowest[20:], windows(moves, 20).min(axis=1), scale=1e-2)


def test_choppiness_is_its_definition(market, agrees) -> None:
    spread = talib.TRANGE(market.high, market.low, market.close)
    before = np.roll(market.close, 1)
    before[0] = market.close[0]
    top, bottom = talib.MAX(np.maximum(market.high, before), 14), talib.MIN(np.minimum(market.low, before), 14)
    expected = 100 * np.log10(talib.SUM(spread, 14) / (top - bottom)) / math.log10(14)
    choppiness, relative = extremes.true_range.over(market.high, market.low, market.close, params=(14,))
    agrees(choppiness, expected, scale=1.0)
    agrees(relative, spread / talib.SMA(spread, 14))


def test_a_still_market_is_choppy() -> None:
    still = np.full(20, 3.0)
    assert extremes.true_range.over(still, still, still, params=(5,))[:, -1].tolist() == [100.0, 1.0]


def test_vortex_by_hand() -> None:
    high, low, close = np.array([[3.0, 5.0, 6.0], [1.0, 2.0, 4.0], [2.0, 4.0, 5.0]])
    # True ranges 3 and 2; from the last low up 4 and 4, from the last high down 1 and 1.
    up, down = extremes.vortex.over(high, low, close, params=(2,))
    np.testing.assert_allclose(up, [NAN, NAN, 8 / 5])
    np.testing.assert_allclose(down, [NAN, NAN, 2 / 5])


def test_vortex_is_its_definition(market, agrees) -> None:
    spread = talib.TRANGE(market.high, market.low, market.close)[1:]
    rise, fall = np.abs(market.high[1:] - market.low[:-1]), np.abs(market.low[1:] - market.high[:-1])
    up, down = extremes.vortex.over(market.high, market.low, market.close, params=(14,))
    total = windows(spread, 14).sum(axis=1)
    agrees(up[14:], windows(rise, 14).sum(axis=1) / total)
    agrees(down[14:], windows(fall, 14).sum(axis=1) / total)
