"""Rolling moments of one column: standard deviation and z-score."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import fill, slide_moments, usable


@kernel(state_size=lambda p: 6 + bars(p[0]), columns=("value",), params=("window", "freedom"))
def rolling_std(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Standard deviation over a window. Columns: value. Params: window, degrees of freedom taken off (0 or 1).

    With 0 as TA-Lib STDDEV.
    """
    value = x[c[0]]
    n = int(p[0])
    free = n - p[1]
    ring = s[6:]
    clean, i, pivot, first, second, started = s[0], int(s[1]), s[2], s[3], s[4], s[5]
    for t in range(value.size):
        y = value[t]
        if usable(y):
            clean += 1.0
            if started == 0.0:
                started, pivot = 1.0, y
                fill(ring, y)
        else:
            clean, y = 0.0, ring[i - 1]
        i, pivot, first, second = slide_moments(ring, i, pivot, first, second, y)
        if clean >= n:
            out[0, t] = math.sqrt(max(second - first * first / n, 0.0) / free)
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5] = clean, i, pivot, first, second, started


@kernel(state_size=lambda p: 6 + bars(p[0]), columns=("value",), params=("window",))
def rolling_zscore(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """How many standard deviations (n - 1) the value stands from the mean of its window, itself within.

    Columns: value. Params: window. 0 where all values of the window are equal.
    """
    value = x[c[0]]
    n = int(p[0])
    ring = s[6:]
    clean, i, pivot, first, second, started = s[0], int(s[1]), s[2], s[3], s[4], s[5]
    for t in range(value.size):
        y = value[t]
        if usable(y):
            clean += 1.0
            if started == 0.0:
                started, pivot = 1.0, y
                fill(ring, y)
        else:
            clean, y = 0.0, ring[i - 1]
        i, pivot, first, second = slide_moments(ring, i, pivot, first, second, y)
        if clean >= n:
            squares = second - first * first / n
            out[0, t] = (y - pivot - first / n) / math.sqrt(squares / (n - 1)) if squares > 0.0 else 0.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5] = clean, i, pivot, first, second, started
