from __future__ import annotations

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.oscillators import rsi, stochastic

NAN = float("nan")


def test_rsi_by_hand() -> None:
    # Moves +2, -1, +1 over a window of 2: gains 1, losses 0.5; then gains (1 + 1) / 2, losses 0.5 / 2.
    out = rsi.over(np.array([10.0, 12.0, 11.0, 12.0]), params=(2,))[0]
    np.testing.assert_allclose(out, [NAN, NAN, 100 * 1 / 1.5, 100 * 1 / 1.25])


@pytest.mark.parametrize("window", [2, 14, 100])
def test_rsi_agrees_with_talib(window, market, agrees) -> None:
    agrees(rsi.over(market.close, params=(window,))[0], talib.RSI(market.close, window))


def test_rsi_of_a_price_that_never_moved_is_in_the_middle() -> None:
    assert rsi.over(np.full(20, 3.0), params=(14,))[0, -1] == 50.0
    assert talib.RSI(np.full(20, 3.0), 14)[-1] == 0.0


def test_stochastic_by_hand() -> None:
    high, low, close = np.array([[3.0, 5.0, 4.0, 6.0], [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 3.0, 6.0]])
    k, d = stochastic.over(high, low, close, params=(2, 1, 2))
    np.testing.assert_allclose(k, [NAN, 75, 100 / 3, 100])
    np.testing.assert_allclose(d, [NAN, NAN, (75 + 100 / 3) / 2, 200 / 3])


@pytest.mark.parametrize(("window", "slowing", "smoothing"), [(14, 3, 3), (5, 1, 1), (30, 5, 2)])
def test_stochastic_agrees_with_talib(window, slowing, smoothing, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    k, d = stochastic.over(*columns, params=(window, slowing, smoothing))
    their_k, their_d = talib.STOCH(*columns, window, slowing, 0, smoothing, 0)
    known = np.isfinite(their_k)
    agrees(k[known], their_k[known], scale=1.0)
    agrees(d, their_d, scale=1.0)
    # TA-Lib hides %K until %D is known.
    assert int(np.isfinite(k).argmax()) == window + slowing - 2


def test_a_window_without_range_is_in_the_middle() -> None:
    still = np.full(20, 3.0)
    assert stochastic.over(still, still, still, params=(5, 3, 3))[:, -1].tolist() == [50.0, 50.0]
    assert talib.STOCH(still, still, still, 5, 3, 0, 3, 0)[0][-1] == 0.0
