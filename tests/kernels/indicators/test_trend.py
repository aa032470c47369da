from __future__ import annotations

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.trend import adx, ema, macd, sma, wma

NAN = float("nan")
FIVE = np.array([1.0, 2.0, 3.0, 4.0, 8.0])


def test_averages_by_hand() -> None:
    np.testing.assert_allclose(sma.over(FIVE, params=(3, 0))[0], [NAN, NAN, 2, 3, 5])
    np.testing.assert_allclose(sma.over(FIVE, params=(3, 1))[0], [NAN, NAN, 0.5, 1 / 3, 0.6])
    np.testing.assert_allclose(wma.over(FIVE, params=(3, 0))[0], [NAN, NAN, 14 / 6, 20 / 6, 35 / 6])
    np.testing.assert_allclose(ema.over(FIVE, params=(3, 0))[0], [NAN, NAN, 2, 3, 5.5])
    np.testing.assert_allclose(ema.over(FIVE, params=(3, 1))[0], [NAN, NAN, 0.5, 1 / 3, 8 / 5.5 - 1])


def test_a_bad_bar_in_a_window_and_in_a_recursion() -> None:
    values = np.array([1.0, 2.0, NAN, 4.0, 6.0, 8.0])
    np.testing.assert_allclose(sma.over(values, params=(2, 0))[0], [NAN, 1.5, NAN, NAN, 5, 7])
    # The EMA passes over it: 1.5, then 1.5 + 2/3 (4 - 1.5) and so on.
    np.testing.assert_allclose(ema.over(values, params=(2, 0))[0], [NAN, 1.5, NAN, 19 / 6, 91 / 18, 379 / 54])


@pytest.mark.parametrize("window", [2, 5, 20, 200])
@pytest.mark.parametrize(
    ("ours", "theirs"), [(sma, talib.SMA), (ema, talib.EMA), (wma, talib.WMA)], ids=["sma", "ema", "wma"]
)
def test_averages_agree_with_talib(ours, theirs, window, market, agrees) -> None:
    agrees(ours.over(market.close, params=(window, 0))[0], theirs(market.close, window))
    relative = market.close / theirs(market.close, window) - 1.0
    agrees(ours.over(market.close, params=(window, 1))[0], relative, scale=0.01)


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (3, 10, 16), (5, 6, 1)])
def test_macd_agrees_with_talib(fast, slow, signal, market, agrees) -> None:
    line, smooth = macd.over(market.close, params=(fast, slow, signal, 0))
    expected, expected_signal, histogram = talib.MACD(market.close, fast, slow, signal)
    # TA-Lib hides the line until the signal is known; ours is there as soon as it can be.
    assert np.isfinite(line[slow - 1 :]).all()
    assert np.isnan(line[: slow - 1]).all()
    known = np.isfinite(expected)
    agrees(line[known], expected[known], scale=1.0)
    agrees(smooth, expected_signal, scale=1.0)
    agrees((line - smooth)[known], histogram[known], scale=1.0)
    relative = macd.over(market.close, params=(fast, slow, signal, 1))
    agrees(relative[1], expected_signal / market.close, scale=0.01)


@pytest.mark.parametrize("window", [2, 14, 50])
def test_adx_agrees_with_talib(window, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    strength, plus, minus = adx.over(*columns, params=(window,))
    agrees(strength, talib.ADX(*columns, window))
    agrees(plus, talib.PLUS_DI(*columns, window), scale=1.0)
    agrees(minus, talib.MINUS_DI(*columns, window), scale=1.0)


def test_adx_of_a_market_that_stands_still_is_nothing() -> None:
    still = np.full(40, 5.0)
    out = adx.over(still, still, still, params=(5,))
    assert out[:, 20:].tolist() == np.zeros((3, 20)).tolist()
