"""What simple models say of a row: linear scores, forests, radial functions. Each row by itself, in one order of sums.

A matrix product would sum in an order that depends on how many rows come together; a row's forecast must not.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gnomon.kernels import cache  # noqa: F401  it chooses the folder of compiled code, before anything is compiled

ROWS = 64


@njit(cache=True, nogil=True, error_model="numpy")
def linear(x, fill, weights, bias, out):  # type: ignore[no-untyped-def]
    """out[i, k] = bias[k] + sum over f of weights[k, f] * x[i, f]; a missing x[i, f] counts as fill[f]."""
    for i in range(x.shape[0]):
        for k in range(bias.size):
            out[i, k] = bias[k]
        for f in range(x.shape[1]):
            value = np.float64(x[i, f])
            if value != value:
                value = fill[f]
            for k in range(bias.size):
                if weights[k, f] != 0.0:
                    out[i, k] += weights[k, f] * value


@njit(cache=True, nogil=True, error_model="numpy")
def forest(x, roots, feature, threshold, left, right, missing_left, value, out):  # type: ignore[no-untyped-def]
    """out[i] = mean over trees of the value of the leaf that row i falls into.

    A node asks x[i, feature] <= threshold and goes left where that holds, or where the value is missing and
    `missing_left` says so; a leaf has left < 0. `roots` are the trees' first nodes.
    """
    for start in range(0, x.shape[0], ROWS):
        stop = min(start + ROWS, x.shape[0])
        out[start:stop] = 0.0
        for root in roots:
            for i in range(start, stop):
                node = root
                while left[node] >= 0:
                    held = x[i, feature[node]]
                    to_left = missing_left[node] if held != held else held <= threshold[node]
                    node = left[node] if to_left else right[node]
                for k in range(out.shape[1]):
                    out[i, k] += value[node, k]
        for i in range(start, stop):
            for k in range(out.shape[1]):
                out[i, k] /= roots.size


@njit(cache=True, nogil=True, error_model="numpy")
def radial(x, center, scale, points, weights, bias, gamma, out):  # type: ignore[no-untyped-def]
    """out[i, k] = bias[k] + sum over points c of weights[c, k] * exp(-gamma * |z - points[c]|^2).

    z = (x[i] - center) / scale, 0 where x[i] is missing.
    """
    z = np.empty(x.shape[1])
    for i in range(x.shape[0]):
        for f in range(x.shape[1]):
            value = (np.float64(x[i, f]) - center[f]) / scale[f]
            z[f] = value if value == value else 0.0
        for k in range(bias.size):
            out[i, k] = bias[k]
        for c in range(points.shape[0]):
            distance = 0.0
            for f in range(z.size):
                distance += (z[f] - points[c, f]) ** 2
            near = np.exp(-gamma * distance)
            for k in range(bias.size):
                out[i, k] += weights[c, k] * near
