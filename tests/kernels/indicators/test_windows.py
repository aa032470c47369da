from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels.indicators import windows

VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60)


def test_usable_is_finite_and_of_sane_size() -> None:
    usable, price = windows.usable.py_func, windows.usable_price.py_func
    assert [usable(v) for v in (0.0, -1e100, 1.0)] == [True] * 3
    assert [usable(v) for v in (np.nan, np.inf, -np.inf, 1e101)] == [False] * 4
    assert [price(v) for v in (1e-300, 1e100)] == [True] * 2
    assert [price(v) for v in (0.0, -1.0, np.nan, np.inf)] == [False] * 4


@given(values=VALUES, n=st.integers(1, 8))
def test_a_sliding_sum_is_the_sum_of_its_window(values: list[float], n: int) -> None:
    ring, i, total = np.zeros(n), 0, 0.0
    for t, value in enumerate(values):
        i, total = windows.slide_sum.py_func(ring, i, total, value)
        window = values[max(0, t + 1 - n) : t + 1]
        assert math.isclose(total, math.fsum(window), rel_tol=1e-9, abs_tol=1e-10 * max(map(abs, values)))
    assert i == len(values) % n


def test_a_spike_leaves_a_sum_with_the_bar_that_leaves() -> None:
    ring, i, total = np.zeros(4), 0, 0.0
    for value in (1.0, 0.1, 1e17, 0.2, 0.3, 0.4, 0.5):
        i, total = windows.slide_sum.py_func(ring, i, total, value)
    assert total == math.fsum([0.2, 0.3, 0.4, 0.5])


@given(values=VALUES, n=st.integers(2, 8))
def test_sliding_moments_are_those_of_the_window(values: list[float], n: int) -> None:
    ring, i, pivot, first, second = np.full(n, values[0]), 0, values[0], 0.0, 0.0
    history = [values[0]] * n
    for value in values:
        i, pivot, first, second = windows.slide_moments.py_func(ring, i, pivot, first, second, value)
        history.append(value)
        window = np.array(history[-n:])
        scale = np.abs(window).max() + 1.0
        assert math.isclose(pivot + first / n, window.mean(), rel_tol=1e-9, abs_tol=1e-9 * scale)
        assert math.isclose(
            max(second - first * first / n, 0.0), n * window.var(), rel_tol=1e-6, abs_tol=1e-9 * scale * scale
        )


def test_a_window_of_equal_values_has_no_spread_at_all() -> None:
    ring, i, pivot, first, second = np.full(3, 1.0), 0, 1.0, 0.0, 0.0
    for value in (1.0, 2.0, 1e9, 0.1, 0.1, 0.1):
        i, pivot, first, second = windows.slide_moments.py_func(ring, i, pivot, first, second, value)
    assert pivot == 0.1
    assert first == 0.0
    assert second == 0.0


@given(values=VALUES, n=st.integers(1, 8))
def test_a_sliding_maximum_is_that_of_the_window(values: list[float], n: int) -> None:
    ring, i, running = np.full(n, -np.inf), 0, 0.0
    for t, value in enumerate(values):
        running, top = windows.slide_max.py_func(ring, i, running, value)
        assert top == max(values[max(0, t + 1 - n) : t + 1])
        i = (i + 1) % n


@given(values=VALUES, n=st.integers(1, 8))
def test_a_rolling_sum_is_the_sliding_one_to_the_bit(values: list[float], n: int) -> None:
    ring, i, total, fresh = np.zeros(n), 0, 0.0, 0.0
    other, j, expected = np.zeros(n), 0, 0.0
    for value in values:
        i, total, fresh = windows.roll_sum.py_func(ring, i, total, fresh, value)
        j, expected = windows.slide_sum.py_func(other, j, expected, value)
        assert (i, total) == (j, expected)
        assert ring.tolist() == other.tolist()


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), n=st.integers(1, 8))
def test_rolling_moments_are_those_of_the_window(values: list[float], n: int) -> None:
    ring, i, m = np.full(n, values[0]), 0, (values[0], 0.0, 0.0, 0.0, 0.0)
    history = [values[0]] * n
    for value in values:
        i, m = windows.roll_moments.py_func(ring, i, m, np.float64(value))
        history.append(value)
        part = np.array(history[-n:])
        assert math.isclose(m[0] + m[1] / n, part.mean(), rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(m[2] - m[1] ** 2 / n, n * part.var(), rel_tol=1e-9, abs_tol=1e-9 * np.abs(part).max() ** 2)
    for _ in range(2 * n):
        i, m = windows.roll_moments.py_func(ring, i, m, np.float64(3.25))
    assert m[2] - m[1] * m[1] / n == 0.0


@given(move=st.floats(-1e9, 1e9))
def test_a_move_is_split_into_its_ways(move: float) -> None:
    assert windows.rise.py_func(move) == max(move, 0.0)
    assert windows.drop.py_func(move) == max(-move, 0.0)


def test_the_true_range_reaches_the_last_close() -> None:
    assert [windows.widest.py_func(5.0, 3.0, last) for last in (4.0, 7.0, 1.0)] == [2.0, 4.0, 4.0]


def test_recentring_and_filling() -> None:
    ring = np.array([1.0, 2.0, 6.0])
    mean, first, second = windows.recentre.py_func(ring, 2.0)
    assert (mean, first, second) == (3.0, 0.0, 14.0)
    windows.fill.py_func(ring, 5.0)
    assert ring.tolist() == [5.0, 5.0, 5.0]


def test_the_growth_of_extremes_is_finite() -> None:
    growth = windows.log_growth.py_func
    assert growth(np.float64(2.0), np.float64(1.0)) == math.log(2.0)
    with np.errstate(over="ignore", under="ignore"):
        assert growth(np.float64(1e100), np.float64(1e-300)) == math.log(1e100)
        assert growth(np.float64(1e-300), np.float64(1e100)) == math.log(1e-100)


@given(
    values=st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=60), n=st.integers(2, 8)
)
def test_sliding_pairs_have_the_covariance_of_their_window(values: list[tuple[float, float]], n: int) -> None:
    m, a, b = np.zeros(8), np.zeros(n), np.zeros(n)
    history = [(0.0, 0.0)] * n
    for first, second in values:
        windows.slide_pair(m, a, b, first, second)
        history.append((first, second))
        part = np.array(history[-n:])
        scale = np.abs(part).max(initial=1e-6) ** 2 * n
        expected = n * np.cov(part.T, bias=True)
        found = (m[5] - m[3] ** 2 / n, m[6] - m[4] ** 2 / n, m[7] - m[3] * m[4] / n)
        for ours, theirs in zip(found, (expected[0, 0], expected[1, 1], expected[0, 1]), strict=True):
            assert math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9 * scale)


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), n=st.integers(2, 8))
def test_sliding_powers_are_those_of_the_window(values: list[float], n: int) -> None:
    m, ring = np.zeros(6), np.zeros(n)
    history = [0.0] * n
    for value in values:
        windows.slide_powers(m, ring, value)
        history.append(value)
        about = np.array(history[-n:]) - m[1]
        for power in range(1, 5):
            scale = (np.abs(about) ** power).sum() + 1e-9
            assert math.isclose(m[1 + power], (about**power).sum(), rel_tol=1e-9, abs_tol=1e-9 * scale)
