"""Scores of rows against their slow twins."""

from __future__ import annotations

import numpy as np
import pytest

from gnomon.kernels.scores import forest, linear, radial


@pytest.fixture
def x() -> np.ndarray:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(130, 4)).astype(np.float32)
    x[::5, 1] = np.nan
    return x


def test_linear(x: np.ndarray) -> None:
    draw = np.random.default_rng(1)
    fill, weights, bias = draw.normal(size=4), draw.normal(size=(3, 4)), draw.normal(size=3)
    out = np.empty((len(x), 3))
    linear(x, fill, weights, bias, out)
    np.testing.assert_allclose(out, np.where(np.isnan(x), fill, x) @ weights.T + bias, rtol=1e-9)


def test_radial(x: np.ndarray) -> None:
    draw = np.random.default_rng(2)
    center, scale, points = draw.normal(size=4), draw.uniform(0.5, 2, 4), draw.normal(size=(7, 4))
    weights, bias = draw.normal(size=(7, 2)), draw.normal(size=2)
    out = np.empty((len(x), 2))
    radial(x, center, scale, points, weights, bias, 0.3, out)
    z = np.nan_to_num((x - center) / scale, nan=0.0)
    near = np.exp(-0.3 * ((z[:, None] - points[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(out, near @ weights + bias, rtol=1e-9)


def test_a_forest_of_two_stumps(x: np.ndarray) -> None:
    # Two trees: feature 0 at 0.5, feature 1 at 0 with the missing to the left.
    roots, feature = np.array([0, 3], np.int32), np.array([0, 0, 0, 1, 0, 0], np.int32)
    threshold = np.array([0.5, 0, 0, 0.0, 0, 0])
    left, right = np.array([1, -1, -1, 4, -1, -1], np.int32), np.array([2, -1, -1, 5, -1, -1], np.int32)
    missing = np.array([False, False, False, True, False, False])
    value = np.array([[0.0], [1.0], [2.0], [0.0], [10.0], [20.0]])
    out = np.empty((len(x), 1))
    forest(x, roots, feature, threshold, left, right, missing, value, out)
    expected = np.where(x[:, 0] <= 0.5, 1.0, 2.0) + np.where((x[:, 1] <= 0) | np.isnan(x[:, 1]), 10.0, 20.0)
    np.testing.assert_allclose(out[:, 0], expected / 2)
