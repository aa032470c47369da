from __future__ import annotations

import math

import numpy as np
import talib

from gnomon.kernels.indicators.returns import log_return, simple_return

NAN = float("nan")


def test_returns_by_hand() -> None:
    out = simple_return.over(np.array([100.0, 110.0, 55.0, 66.0]), params=(1, 3))
    np.testing.assert_allclose(out, [[NAN, 0.1, -0.5, 0.2], [NAN, NAN, NAN, -0.34]], rtol=1e-14)


def test_log_returns_by_hand() -> None:
    e = math.e
    out = log_return.over(np.array([1.0, e, 1.0, e**3]), params=(1, 2))
    np.testing.assert_allclose(out, [[NAN, 1, -1, 3], [NAN, NAN, 0, 2]], atol=1e-15)


def test_returns_agree_with_talib(market, agrees) -> None:
    ours = simple_return.over(market.close, params=(1, 10))
    agrees(ours[0], talib.ROCP(market.close, 1), scale=1e-3)
    agrees(ours[1], talib.ROCP(market.close, 10), scale=1e-3)
    agrees(log_return.over(market.close, params=(10,))[0], np.log1p(talib.ROCP(market.close, 10)), scale=1e-3)


def test_a_price_that_is_none_gives_no_return() -> None:
    prices = np.array([1.0, 0.0, 2.0, -1.0, 4.0, np.inf, 8.0, 8.0])
    assert np.isnan(simple_return.over(prices, params=(1,))[0, :7]).all()
    assert np.isnan(log_return.over(prices, params=(1,))[0, :7]).all()
    assert simple_return.over(prices, params=(1,))[0, 7] == 0.0
    assert log_return.over(prices, params=(2,))[0, 4] == math.log(4.0) - math.log(2.0)
