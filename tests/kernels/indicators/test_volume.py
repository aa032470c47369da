from __future__ import annotations

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.volume import mfi, obv, signed_volume

NAN = float("nan")
CLOSE = np.array([10.0, 11.0, 11.0, 9.0, 12.0])
VOLUME = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def test_obv_by_hand() -> None:
    assert obv.over(CLOSE, VOLUME)[0].tolist() == [1.0, 3.0, 3.0, -5.0, 11.0]


def test_obv_passes_over_a_bad_bar() -> None:
    volume = VOLUME.copy()
    volume[3] = NAN
    np.testing.assert_allclose(obv.over(CLOSE, volume)[0], [1, 3, 3, NAN, 19])


def test_signed_volume_by_hand() -> None:
    np.testing.assert_allclose(signed_volume.over(CLOSE, VOLUME, params=(2,))[0], [NAN, NAN, 2 / 6, -8 / 12, 8 / 24])
    assert signed_volume.over(CLOSE, np.zeros(5), params=(2,))[0, -1] == 0.0


def test_signed_volume_is_the_change_of_obv(market, agrees) -> None:
    total = talib.OBV(market.close, market.volume)
    change = np.r_[np.full(20, NAN), total[20:] - total[:-20]]
    summed = talib.SUM(market.volume, 20)
    agrees(signed_volume.over(market.close, market.volume, params=(20,))[0], change / summed, scale=1.0)


def test_obv_agrees_with_talib(market, agrees) -> None:
    agrees(obv.over(market.close, market.volume)[0], talib.OBV(market.close, market.volume), scale=1e4)


@pytest.mark.parametrize("window", [2, 14, 100])
def test_mfi_agrees_with_talib(window, market, agrees) -> None:
    columns = (market.high, market.low, market.close, market.volume)
    agrees(mfi.over(*columns, params=(window,))[0], talib.MFI(*columns, window), scale=1.0)


def test_mfi_knows_no_unit_of_volume(market) -> None:
    prices = (market.high, market.low, market.close)
    ours = mfi.over(*prices, market.volume * 1e-12, params=(14,))[0]
    np.testing.assert_allclose(ours, mfi.over(*prices, market.volume, params=(14,))[0], rtol=1e-9)


def test_mfi_without_any_flow_is_in_the_middle(market) -> None:
    columns = (market.high, market.low, market.close, np.zeros(3000))
    assert mfi.over(*columns, params=(14,))[0, -1] == 50.0
    assert talib.MFI(*columns, 14)[-1] == 0.0
