from __future__ import annotations

import numpy as np
import pytest
import talib

from gnomon.kernels.indicators.regression import efficiency, regression

NAN = float("nan")


def test_a_straight_line_is_found() -> None:
    slope, r2, residual = regression.over(np.exp(0.5 + 0.01 * np.arange(30)), params=(10,))
    np.testing.assert_allclose(slope[9:], 0.01)
    np.testing.assert_allclose(r2[9:], 1.0)
    np.testing.assert_allclose(residual[9:], 0.0, atol=1e-15)


@pytest.mark.parametrize("window", [2, 20, 60, 250])
def test_regression_agrees_with_talib_and_numpy(window, market, agrees) -> None:
    logs = np.log(market.close)
    slope, r2, residual = regression.over(market.close, params=(window,))
    # TA-Lib subtracts great sums: its slope is good to 1e-9 of the prices' spread, ours to more.
    agrees(slope, talib.LINEARREG_SLOPE(logs, window), scale=1e-1)
    agrees(residual, logs - talib.LINEARREG(logs, window), scale=1e-1)
    for t in range(window - 1, logs.size, 331):
        part = logs[t + 1 - window : t + 1]
        line = np.polynomial.Polynomial.fit(np.arange(window), part, 1).convert()
        assert slope[t] == pytest.approx(line.coef[1], rel=1e-9, abs=1e-13)
        assert residual[t] == pytest.approx(part[-1] - line(window - 1), rel=1e-9, abs=1e-13)
        assert r2[t] == pytest.approx(np.corrcoef(np.arange(window), part)[0, 1] ** 2, rel=1e-9, abs=1e-12)


def test_what_stands_still_has_no_slope() -> None:
    out = regression.over(np.concatenate([np.array([5.0, 9.0, 3.0]), np.full(20, 0.1)]), params=(5,))
    assert out[:, -1].tolist() == [0.0, 0.0, 0.0]


def test_efficiency_by_hand() -> None:
    out = efficiency.over(np.array([1.0, 3.0, 2.0, 2.0, 2.0]), params=(2,))[0]
    np.testing.assert_allclose(out, [NAN, NAN, 1 / 3, 1.0, 0.0])


def test_efficiency_is_its_definition(market, agrees) -> None:
    moves = np.abs(np.diff(market.close))
    path = np.lib.stride_tricks.sliding_window_view(moves, 30).sum(axis=1)
    out = efficiency.over(market.close, params=(10, 30))[1]
    assert np.isnan(out[:30]).all()
    agrees(out[30:], np.abs(market.close[30:] - market.close[:-30]) / path, scale=1.0)
