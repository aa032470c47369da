from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import talib

from gnomon.kernels.indicators import liquidity as kernels

NAN = float("nan")


def moves_of(close: np.ndarray) -> pd.Series:
    return pd.Series(np.log(close)).diff()


def test_amihud_by_hand() -> None:
    close, volume = np.exp([0.0, 0.1, 0.0]), np.array([1.0, 2.0, 0.0])
    # The last bar has no volume: one ratio, of 0.1 over 2 e^0.1, times the mean of 2 e^0.1 and 0.
    np.testing.assert_allclose(kernels.amihud.over(close, volume, params=(2,))[0], [NAN, NAN, 0.05])
    assert kernels.amihud.over(close, np.zeros(3), params=(2,))[0, -1] == 0.0


def test_amihud_is_its_definition(market, agrees) -> None:
    money = pd.Series(market.close * market.volume)
    expected = (moves_of(market.close).abs() / money).rolling(60).mean() * money.rolling(60).mean()
    agrees(kernels.amihud.over(market.close, market.volume, params=(20, 60))[1], expected.to_numpy())


def test_kyles_lambda_finds_the_impact_that_was_put_in() -> None:
    chance = np.random.default_rng(6)
    volume = chance.lognormal(0.0, 1.0, 200)
    close = np.exp(np.cumsum(0.003 * volume * chance.choice([-1.0, 1.0], 200)))
    out = kernels.kyle_lambda.over(close, volume, params=(60,))[0]
    assert np.isnan(out[:60]).all()
    assert out[-1] == pytest.approx(0.003 * volume[-60:].mean())


def test_kyles_lambda_is_its_definition(market, agrees) -> None:
    moves, volume = moves_of(market.close), pd.Series(market.volume)
    flow = np.sign(moves) * volume
    expected = moves.rolling(60).cov(flow) / flow.rolling(60).var() * volume.rolling(60).mean()
    agrees(kernels.kyle_lambda.over(market.close, market.volume, params=(60,))[0], expected.to_numpy(), scale=1e-2)


def test_rolls_spread_finds_the_bounce_that_was_put_in() -> None:
    chance = np.random.default_rng(7)
    price = np.exp(np.cumsum(chance.normal(0.0, 1e-4, 5000)) + 0.005 * chance.choice([-1.0, 1.0], 5000))
    assert kernels.roll_spread.over(price, params=(4000,))[0, -1] == pytest.approx(0.01, rel=0.03)
    assert kernels.roll_spread.over(np.exp(0.01 * np.arange(50.0) ** 2), params=(20,))[0, -1] == 0.0


def test_rolls_spread_is_its_definition(market, agrees) -> None:
    moves = moves_of(market.close)
    covariance = moves.rolling(30).cov(moves.shift())
    expected = 2 * np.sqrt((-covariance).clip(lower=0.0))
    agrees(kernels.roll_spread.over(market.close, params=(30,))[0], expected.to_numpy(), scale=1e-2)


def test_corwin_schultz_is_its_definition(market, agrees) -> None:
    h, w, y = market.high, market.low, market.close
    spreads = np.full(h.size, NAN)
    for t in range(1, h.size):
        top, bottom = h[t], w[t]
        if w[t] > y[t - 1]:
            top, bottom = h[t] - (w[t] - y[t - 1]), y[t - 1]
        if h[t] < y[t - 1]:
            top, bottom = y[t - 1], w[t] + (y[t - 1] - h[t])
        beta = math.log(h[t - 1] / w[t - 1]) ** 2 + math.log(top / bottom) ** 2
        gamma = math.log(max(h[t - 1], top) / min(w[t - 1], bottom)) ** 2
        k = 3 - 2 * math.sqrt(2)
        alpha = (math.sqrt(2 * beta) - math.sqrt(beta)) / k - math.sqrt(gamma / k)
        spreads[t] = max(2 * (math.exp(alpha) - 1) / (1 + math.exp(alpha)), 0.0)
    expected = pd.Series(spreads).rolling(20).mean().to_numpy()
    agrees(kernels.corwin_schultz.over(h, w, y, params=(20,))[0], expected, scale=1e-2)


def test_corwin_schultz_finds_the_spread_that_was_put_in() -> None:
    """Two bars of the same true range, all of it spread: bought at the ask, sold at the bid."""
    mid = np.full(30, 100.0)
    out = kernels.corwin_schultz.over(mid * 1.005, mid * 0.995, mid, params=(20,))[0]
    assert out[-1] == pytest.approx(0.01, rel=1e-3)


def test_vwap_distance_is_its_definition(market, agrees) -> None:
    typical = (market.high + market.low + market.close) / 3
    vwap = talib.SUM(typical * market.volume, 60) / talib.SUM(market.volume, 60)
    columns = (market.high, market.low, market.close, market.volume)
    agrees(kernels.vwap_distance.over(*columns, params=(20, 60))[1], market.close / vwap - 1, scale=1.0)
    assert kernels.vwap_distance.over(*columns[:3], np.zeros(3000), params=(20,))[0, -1] == 0.0


def test_money_flow_is_its_definition(market, agrees) -> None:
    place = (2 * market.close - market.high - market.low) / (market.high - market.low)
    expected = talib.SUM(place * market.volume, 20) / talib.SUM(market.volume, 20)
    columns = (market.high, market.low, market.close, market.volume)
    agrees(kernels.money_flow.over(*columns, params=(20,))[0], expected, scale=1.0)
    assert kernels.money_flow.over(*columns[:3], np.zeros(3000), params=(20,))[0, -1] == 0.0


def test_price_volume_correlation_agrees_with_pandas(market, agrees) -> None:
    moves, volume = moves_of(market.close), pd.Series(market.volume)
    out = kernels.price_volume_correlation.over(market.close, market.volume, params=(20, 60))
    for row, window in enumerate((20, 60)):
        agrees(out[row], moves.rolling(window).corr(volume).to_numpy(), scale=1.0)
    assert kernels.price_volume_correlation.over(market.close, np.ones(3000), params=(20,))[0, -1] == 0.0
