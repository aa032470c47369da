from __future__ import annotations

import math

import numpy as np
import talib

from gnomon.kernels.indicators.candles import candle, candle_pair

NAN = float("nan")


def test_a_candle_by_hand() -> None:
    out = candle.over(*np.array([[2.0, 5.0, 3.0], [6.0, 6.0, 3.0], [1.0, 1.0, 3.0], [5.0, 2.0, 3.0]]))
    np.testing.assert_allclose(out, [[0.6, -0.6, 0], [0.2, 0.2, 0], [0.2, 0.2, 0]])


def test_the_body_agrees_with_talib(market, agrees) -> None:
    columns = (market.open, market.high, market.low, market.close)
    body, upper, lower = candle.over(*columns)
    agrees(body, talib.BOP(*columns))
    np.testing.assert_allclose(np.abs(body) + upper + lower, 1.0)


def test_engulfing_agrees_with_talib() -> None:
    # Prices on a coarse grid, so that ends are often equal; TA-Lib takes a bar without a body for a rising one.
    chance = np.random.default_rng(3)
    close = 1000.0 + np.cumsum(chance.integers(-3, 4, 3000))
    open_ = np.roll(close, 1) + chance.integers(-1, 2, 3000)
    moved = (open_ != close) & (np.roll(open_, 1) != np.roll(close, 1))
    high, low = np.maximum(open_, close) + 1, np.minimum(open_, close) - 1
    ours = candle_pair.over(open_, high, low, close)[1]
    theirs = np.sign(talib.CDLENGULFING(open_, high, low, close))
    moved[:3] = False
    assert np.abs(theirs[moved]).sum() > 50
    np.testing.assert_array_equal(ours[moved], theirs[moved])


def test_pairs_by_hand() -> None:
    open_ = np.array([5.0, 4.0, 8.0, 7.0, 7.0])
    close = np.array([4.0, 8.0, 4.0, 5.0, 7.0])
    high = np.array([6.0, 9.0, 9.0, 8.0, 8.0])
    low = np.array([3.0, 2.0, 2.0, 4.0, 4.0])
    gap, engulfing, harami, containment = candle_pair.over(open_, high, low, close)
    np.testing.assert_allclose(gap, [NAN, 0.0, 0.0, math.log(7 / 4), math.log(7 / 5)])
    # The second covers the first but for its lower end; the third has both ends equal; the fourth goes the same way.
    np.testing.assert_array_equal(engulfing, [NAN, 1, 0, 0, 0])
    np.testing.assert_array_equal(harami, [NAN, 0, 0, 0, 0])
    np.testing.assert_array_equal(containment, [NAN, 1, 0, -1, 0])
    mirrored = candle_pair.over(open_[1::-1], high[1::-1], low[1::-1], close[1::-1])
    assert mirrored[2].tolist()[1:] == [-1.0]
    assert mirrored[3].tolist()[1:] == [-1.0]
