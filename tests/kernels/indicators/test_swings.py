from __future__ import annotations

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators import swings

NAN = float("nan")


@pytest.mark.parametrize("window", [2, 14, 60])
def test_cci_agrees_with_talib(window, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    agrees(swings.cci.over(*columns, params=(window,))[0], talib.CCI(*columns, window), scale=100.0)


def test_cci_of_equal_prices_is_none_where_talib_shows_rounding_errors() -> None:
    still = np.full(30, 0.1)
    assert swings.cci.over(still, still, still, params=(20,))[0, -1] == 0.0


@pytest.mark.parametrize("window", [2, 14, 100])
def test_williams_r_agrees_with_talib(window, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    agrees(swings.williams_r.over(*columns, params=(window,))[0], talib.WILLR(*columns, window), scale=100.0)


def test_williams_r_without_a_range_is_in_the_middle() -> None:
    still = np.full(20, 3.0)
    assert swings.williams_r.over(still, still, still, params=(5,))[0, -1] == -50.0


@pytest.mark.parametrize("windows", [(7, 14, 28), (2, 5, 9)])
def test_ultimate_agrees_with_talib(windows, market, agrees) -> None:
    columns = (market.high, market.low, market.close)
    agrees(swings.ultimate.over(*columns, params=windows)[0], talib.ULTOSC(*columns, *windows))


def test_ultimate_without_a_range_is_in_the_middle() -> None:
    still = np.full(20, 3.0)
    assert swings.ultimate.over(still, still, still, params=(2, 3, 4))[0, -1] == 50.0


@pytest.mark.parametrize("window", [2, 14, 50])
def test_cmo_agrees_with_talib(window, market, agrees) -> None:
    agrees(swings.cmo.over(market.close, params=(window,))[0], talib.CMO(market.close, window), scale=1.0)


@pytest.mark.parametrize(("window", "span", "smoothing"), [(14, 5, 3), (5, 14, 1)])
def test_stochastic_rsi_agrees_with_talib(window, span, smoothing, market, agrees) -> None:
    line, average = swings.stochastic_rsi.over(market.close, params=(window, span, smoothing))
    theirs, their_average = talib.STOCHRSI(market.close, window, span, smoothing, 0)
    known = np.isfinite(theirs)
    agrees(line[known], theirs[known], scale=100.0)
    agrees(average, their_average, scale=100.0)


def test_the_rsi_of_a_price_that_stands_still_has_no_range() -> None:
    prices = np.concatenate([np.array([1.0, 2.0, 1.5, 2.5, 2.0, 3.0]), np.full(20, 3.0)])
    assert swings.stochastic_rsi.over(prices, params=(3, 5, 3))[:, -1].tolist() == [50.0, 50.0]


def test_balance_of_power_is_the_average_of_talibs(market, agrees) -> None:
    columns = (market.open, market.high, market.low, market.close)
    expected = talib.SMA(talib.BOP(*columns), 14)
    agrees(swings.balance_of_power.over(*columns, params=(14,))[0], expected, scale=1.0)


def test_tsi_is_its_definition(market, agrees) -> None:
    def ema(values: np.ndarray, n: int) -> np.ndarray:
        out = [values[0]]
        for value in values[1:]:
            out.append(out[-1] + 2 / (n + 1) * (value - out[-1]))
        return np.array(out)

    moves = np.diff(market.close)
    expected = np.full(market.close.size, NAN)
    expected[1:] = 100 * ema(ema(moves, 25), 13) / ema(ema(np.abs(moves), 25), 13)
    expected[:38] = NAN
    agrees(swings.tsi.over(market.close, params=(25, 13))[0], expected, scale=100.0)
    assert swings.tsi.over(np.arange(1.0, 60.0), params=(25, 13))[0, -1] == pytest.approx(100.0)
