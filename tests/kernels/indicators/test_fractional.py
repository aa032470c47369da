from __future__ import annotations

import numpy as np
import pytest

from gnomon.kernels.indicators.fractional import fractional_difference

NAN = float("nan")


def weights(order: float, n: int) -> np.ndarray:
    out = [1.0]
    for k in range(1, n):
        out.append(-out[-1] * (order - k + 1) / k)
    return np.array(out)


def test_an_order_of_one_is_the_plain_difference(market, agrees) -> None:
    out = fractional_difference.over(market.close, params=(20, 1.0, 2.0))
    logs = np.log(market.close)
    agrees(out[0, 19:], np.diff(logs)[18:], scale=1e-2)
    agrees(out[1, 19:], np.diff(logs, 2)[17:], scale=1e-2)


@pytest.mark.parametrize("window", [2, 7, 60])
def test_it_is_its_definition(window, market, agrees) -> None:
    logs = np.log(market.close)
    out = fractional_difference.over(market.close, params=(window, 0.3, 0.7))
    parts = np.lib.stride_tricks.sliding_window_view(logs, window)
    for row, order in enumerate((0.3, 0.7)):
        assert np.isnan(out[row, : window - 1]).all()
        expected = (parts - parts[:, :1]) @ weights(order, window)[::-1]
        agrees(out[row, window - 1 :], expected, scale=1e-2)


def test_printed_weights_come_out() -> None:
    """López de Prado 2018, ch. 5: for d = 0.5 the weights are 1, -0.5, -0.125, -0.0625, ..."""
    price = np.exp([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    out = fractional_difference.over(price, params=(4, 0.5))[0]
    np.testing.assert_allclose(out[3:6], [1.0, -0.5, -0.125])
    # Then the move is the window's oldest price, which all others are told from: -(1 - 0.5 - 0.125).
    assert out[6] == pytest.approx(-0.375)
