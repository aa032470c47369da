"""Trend scanning: by hand, and against ordinary least squares window by window."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress

from gnomon.labels import TrendScanning, trend_scan, trend_scanning


def by_regression(close: Any, t: int, shortest: int, longest: int) -> tuple[float, int]:
    """The slow twin: every window fitted by scipy."""
    best, length = 0.0, -1
    for n in range(shortest, longest + 1):
        x, y = np.arange(n + 1.0), close[t : t + n + 1]
        there = np.isfinite(y)
        if not there[-1] or there.sum() < 3:
            continue
        fit = linregress(x[there], y[there])
        value = fit.slope / fit.stderr
        if length < 0 or abs(value) > abs(best):
            best, length = value, n
    return best, length


def test_a_rise_then_a_fall_worked_by_hand(make_bars: Any) -> None:
    # From the second close: 2, 3.1, 4: slope 1, residuals -1/30, 2/30, -1/30, so t = 1 / sqrt(6/900/2) = 17.32.
    close = np.array([1.0, 2.0, 3.1, 4.0, 2.0, 1.0, 0.5])
    t_value, window = trend_scan(close, shortest=2, longest=4)
    assert t_value[1] == pytest.approx(np.sqrt(300.0))
    assert window[:3].tolist() == [3, 2, 4]
    labels = trend_scanning(make_bars(close), horizons=(4,), shortest=2, entry="close")
    assert labels["label"].to_list() == [1, 1, -1, None, None, None, None]
    # The windows chosen were shorter, yet the choice has seen four bars.
    assert (labels["label_end"] - labels["timestamp"])[:3].to_list() == [timedelta(hours=4)] * 3
    assert labels["forward_return"].to_list()[:3] == pytest.approx([1.0, -0.5, 0.5 / 3.1 - 1])


@given(seed=st.integers(0, 50), shortest=st.integers(2, 6), more=st.integers(0, 9), holes=st.booleans())
def test_the_kernel_is_its_slow_twin(random_walk: Any, seed: int, shortest: int, more: int, holes: bool) -> None:
    close = random_walk(40, seed, holes=holes)["close"].to_numpy()
    longest = shortest + more
    t_value, window = trend_scan(close, shortest=shortest, longest=longest)
    for t in range(40):
        if t + longest >= 40 or not np.isfinite(close[t]):
            assert np.isnan(t_value[t])
            assert window[t] == -1
            continue
        expected, length = by_regression(close, t, shortest, longest)
        assert window[t] == length
        if length > 0:
            assert t_value[t] == pytest.approx(expected, rel=1e-6)


def test_several_horizons_are_those_of_each_alone(random_walk: Any) -> None:
    bars = random_walk(80, 3, holes=True)
    both = TrendScanning(horizons=(5, 12)).label(bars)
    for horizon in (5, 12):
        alone = TrendScanning(horizons=(horizon,)).label(bars)
        assert both.filter(both["horizon"] == horizon).equals(alone)


def test_a_line_has_a_large_t_value_and_a_constant_none() -> None:
    line, window = trend_scan(np.linspace(100.0, 110.0, 30), longest=10)
    assert (line[:20] > 1e5).all()
    assert (window[:20] == 10).all(), "the wider the line, the surer"
    fall, _ = trend_scan(np.linspace(110.0, 100.0, 30), longest=10)
    assert (fall[:20] < -1e5).all()
    flat, _ = trend_scan(np.full(30, 100.0), longest=10)
    assert (flat[:20] == 0.0).all()


def test_a_weak_trend_is_none(random_walk: Any) -> None:
    bars = random_walk(100, 5)
    every, strong = TrendScanning(horizons=(10,)), TrendScanning(horizons=(10,), minimum_t=8.0)
    t_value, _ = trend_scan(bars["close"].to_numpy(), longest=10)
    label = strong.label(bars)["label"].to_numpy()[:90]
    np.testing.assert_array_equal(label, np.where(np.abs(t_value[:90]) >= 8.0, np.sign(t_value[:90]), 0))
    assert 0 < (label == 0).sum() < 90
    assert 0 not in every.label(bars)["label"].to_list()


def test_windows_that_shrink_are_refused() -> None:
    with pytest.raises(ValueError, match="were 5 to 4"):
        trend_scan(np.ones(9), shortest=5, longest=4)
