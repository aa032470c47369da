from __future__ import annotations

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.averages import ema_chain, kama, ppo, sma_cross

NAN = float("nan")


def test_sma_cross_by_hand() -> None:
    out = sma_cross.over(np.array([1.0, 3.0, 5.0, 1.0]), params=(1, 2, 2, 3))
    np.testing.assert_allclose(out, [[NAN, 0.5, 0.25, -2 / 3], [NAN, NAN, 4 / 3 - 1, 0.0]], atol=1e-15)


@pytest.mark.parametrize(("fast", "slow"), [(5, 20), (20, 100)])
def test_sma_cross_agrees_with_talib(fast, slow, market, agrees) -> None:
    expected = talib.SMA(market.close, fast) / talib.SMA(market.close, slow) - 1.0
    agrees(sma_cross.over(market.close, params=(fast, slow))[0], expected, scale=1e-2)


def test_ema_chain_by_hand() -> None:
    # alpha is 2/3 over windows of 2.
    one = [2.0, 2.0 + 2 / 3 * (4 - 2.0), 0.0]
    one[2] = one[1] + 2 / 3 * (9 - one[1])
    two = [(one[0] + one[1]) / 2, 0.0]
    two[1] = two[0] + 2 / 3 * (one[2] - two[0])
    three = (two[0] + two[1]) / 2
    out = ema_chain.over(np.array([1.0, 3.0, 4.0, 9.0]), params=(2,))
    np.testing.assert_allclose(out[0], [NAN, NAN, 4 / (2 * one[1] - two[0]) - 1, 9 / (2 * one[2] - two[1]) - 1])
    np.testing.assert_allclose(out[1], [NAN, NAN, NAN, 9 / (3 * one[2] - 3 * two[1] + three) - 1])
    assert np.isnan(out[2]).all()


@pytest.mark.parametrize("window", [2, 15, 30])
def test_ema_chain_agrees_with_talib(window, market, agrees) -> None:
    double, triple, trix = ema_chain.over(market.close, params=(window,))
    agrees(double, market.close / talib.DEMA(market.close, window) - 1.0, scale=1e-2)
    agrees(triple, market.close / talib.TEMA(market.close, window) - 1.0, scale=1e-2)
    agrees(trix, talib.TRIX(market.close, window), scale=1e-2)


@pytest.mark.parametrize("window", [2, 10, 30])
def test_kama_agrees_with_talib(window, market, agrees) -> None:
    agrees(
        kama.over(market.close, params=(window,))[0], market.close / talib.KAMA(market.close, window) - 1.0, scale=1e-2
    )


def test_kama_of_a_straight_way_follows_at_its_quickest() -> None:
    # The efficiency is 1: a pull of (2 / 3)^2, from the price before the first output.
    out = kama.over(np.array([1.0, 2.0, 3.0]), params=(2,))[0]
    assert out[2] == pytest.approx(3.0 / (2.0 + 4 / 9) - 1.0)


@pytest.mark.parametrize(("fast", "slow"), [(12, 26), (3, 10)])
def test_ppo_agrees_with_talib(fast, slow, market, agrees) -> None:
    agrees(ppo.over(market.close, params=(fast, slow))[0], talib.PPO(market.close, fast, slow, 1), scale=1.0)
