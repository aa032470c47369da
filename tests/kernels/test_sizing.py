"""Trailing volatility keeps the law and is what numpy says of the window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels.base import Call, Program
from gnomon.kernels.sizing import trailing_volatility
from gnomon.testing.kernels import check_kernel

YEAR = 365.25 * 86_400e6


def prices(seed: int, bars: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = 1.5e15 + np.cumsum(rng.choice([6e7, 8.64e10, 2.6e11], bars))
    close = 10.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, bars)))
    close[rng.random(bars) < 0.1] = rng.choice([np.nan, np.inf, 0.0])
    return np.ascontiguousarray([time, close])


@given(seed=st.integers(0, 2**32), window=st.integers(1, 12))
def test_it_is_the_window_seen_from_outside(seed: int, window: int) -> None:
    x = prices(seed, 80)
    program = Program([Call(trailing_volatility, (0, 1), (float(window),))])
    out = np.empty((2, 80))
    program(program.new_state(), x, out)
    for t in range(80):
        known = np.flatnonzero((x[1, : t + 1] > 0.0) & np.isfinite(x[1, : t + 1]))[-window - 1 :]
        if len(known) <= window:
            assert np.isnan(out[:, t]).all()
            continue
        total = (np.diff(np.log(x[1, known])) ** 2).sum()
        years = (x[0, known[-1]] - x[0, known[0]]) / YEAR
        assert out[0, t] == pytest.approx(np.sqrt(total / window), rel=1e-9)
        assert out[1, t] == pytest.approx(np.sqrt(total / years), rel=1e-9)


@pytest.mark.parametrize("window", [1.0, 7.0, 60.0])
def test_it_keeps_the_law(window: float) -> None:
    check_kernel(trailing_volatility, params=(window,), columns=prices(1, 400))
