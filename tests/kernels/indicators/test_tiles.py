from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from gnomon.kernels.indicators import tiles


def lanes(n: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A lane full of values, its windows, and two lanes to write over."""
    values = np.zeros(tiles.lane(n))
    values[: n - 1 + m] = np.random.default_rng(n).integers(0, 9, n - 1 + m) / 3.0
    return values, sliding_window_view(values[: n - 1 + m], n), np.full(values.size, 7.0), np.full(values.size, 8.0)


SIZES = pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (2, 3), (3, 1), (14, 128), (20, 17), (33, 128)])


@SIZES
def test_a_tile_knows_its_windows(n: int, m: int) -> None:
    values, windows, a, b = lanes(n, m)
    before = values.copy()
    tops = tiles.tile_max(values, a, b, n, m)
    assert tops[:m].tolist() == windows.max(axis=1).tolist()
    ages = np.zeros(tiles.lane(n))
    tiles.tile_age(values, tops, ages, n, m)
    assert ages[:m].tolist() == windows[:, ::-1].argmax(axis=1).tolist()
    sums = np.full(values.size, 5.0)
    tiles.tile_sum(values, sums, n, m)
    np.testing.assert_allclose(sums[:m], windows.sum(axis=1), rtol=1e-13)
    means, spreads = np.full(values.size, 5.0), np.full(values.size, 6.0)
    tiles.tile_deviation(values, means, spreads, n, m)
    np.testing.assert_allclose(means[:m], windows.mean(axis=1) - windows[:, -1], atol=1e-13)
    expected = np.abs(windows - windows.mean(axis=1)[:, None]).sum(axis=1)
    np.testing.assert_allclose(spreads[:m], expected, atol=1e-12)
    assert values.tolist() == before.tolist()


@SIZES
def test_the_past_moves_on_and_the_room_is_zeros_again(n: int, m: int) -> None:
    values, windows, _, _ = lanes(n, m)
    newest = windows[-1, 1:].tolist()
    tiles.advance(values, n, m)
    assert values[: n - 1].tolist() == newest
    assert not values[n - 1 :].any()


def test_what_was_written_over_is_zeros_again() -> None:
    size = tiles.lane(5)
    scratch = np.zeros(3 * size)
    for k in range(3):
        scratch[k * size : k * size + 4 + 40] = 1.0
    tiles.clear(scratch, 5, 40)
    assert not scratch.any()
