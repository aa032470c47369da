from __future__ import annotations

import math

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.channels import bollinger, donchian_position

NAN = float("nan")


def test_bollinger_by_hand() -> None:
    position, width = bollinger.over(np.array([1.0, 3.0, 7.0]), params=(2, 2.0))
    # Means 2 and 5, deviations 1 and 2, bands at 2 deviations: the last price stands half way up.
    np.testing.assert_allclose(position, [NAN, 0.75, 0.75])
    np.testing.assert_allclose(width, [NAN, 2.0, 1.6])


@pytest.mark.parametrize(("window", "deviations"), [(20, 2.0), (5, 1.5)])
def test_bollinger_agrees_with_talib(window, deviations, market, agrees) -> None:
    upper, middle, lower = talib.BBANDS(market.close, window, deviations, deviations)
    position, width = bollinger.over(market.close, params=(window, deviations))
    agrees(position, (market.close - lower) / (upper - lower), scale=1.0)
    agrees(width, (upper - lower) / middle, scale=1.0)


def test_bollinger_of_equal_prices() -> None:
    position, width = bollinger.over(np.array([5.0, 9.0, *[0.1] * 5]), params=(3, 2.0))
    assert position[4:].tolist() == [0.5] * 3
    assert width[4:].tolist() == [0.0] * 3


def test_donchian_by_hand() -> None:
    high, low, close = np.array([[3.0, 5.0, 4.0, 9.0], [1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 3.0, 9.0]])
    np.testing.assert_allclose(donchian_position.over(high, low, close, params=(2,))[0], [NAN, 0.75, 1 / 3, 1.0])
    assert donchian_position.over(*np.full((3, 4), 2.0), params=(2,))[0, -1] == 0.5


@pytest.mark.parametrize("window", [1, 2, 20, 300])
def test_donchian_agrees_with_talib(window, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    agrees(100 * donchian_position.over(*columns, params=(window,))[0], talib.STOCHF(*columns, window, 1, 0)[0])


def test_worst_cases_of_a_sliding_extreme() -> None:
    """Prices that only rise or fall make others scan their whole window each bar."""
    for sign in (1.0, -1.0):
        ramp = 1000.0 + sign * np.arange(500.0)
        out = donchian_position.over(ramp, ramp, ramp, params=(100,))[0]
        assert set(out[99:].tolist()) == {max(sign, 0.0)}
    assert math.isnan(out[98])
