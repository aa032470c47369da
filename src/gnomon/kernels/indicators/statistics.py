"""Rolling moments of one column: standard deviation and z-score."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import fill, roll_moments, usable


@kernel(state_size=lambda p: 8 + bars(p[0]), columns=("value",), params=("window", "freedom"))
def rolling_std(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Standard deviation over a window. Columns: value. Params: window, degrees of freedom taken off (0 or 1).

    With 0 as TA-Lib STDDEV.
    """
    value = x[c[0]]
    n = int(p[0])
    free = n - p[1]
    ring = s[8:]
    clean, i, started, m = s[0], int(s[1]), s[2], (s[3], s[4], s[5], s[6], s[7])
    for t in range(value.size):
        y = value[t]
        if usable(y):
            clean += 1.0
            if started == 0.0:
                started, m = 1.0, (y, 0.0, 0.0, 0.0, 0.0)
                fill(ring, y)
        else:
            clean, y = 0.0, ring[i - 1]
        i, m = roll_moments(ring, i, m, y)
        if clean >= n:
            squares = m[2] - m[1] * m[1] / n
            out[0, t] = math.sqrt(squares / free) if squares > 0.0 else 0.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2] = clean, i, started
    s[3], s[4], s[5], s[6], s[7] = m


@kernel(state_size=lambda p: 8 + bars(p[0]), columns=("value",), params=("window",))
def rolling_zscore(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """How many standard deviations (n - 1) the value stands from the mean of its window, itself within.

    Columns: value. Params: window. 0 where all values of the window are equal.
    """
    value = x[c[0]]
    n = int(p[0])
    ring = s[8:]
    clean, i, started, m = s[0], int(s[1]), s[2], (s[3], s[4], s[5], s[6], s[7])
    for t in range(value.size):
        y = value[t]
        if usable(y):
            clean += 1.0
            if started == 0.0:
                started, m = 1.0, (y, 0.0, 0.0, 0.0, 0.0)
                fill(ring, y)
        else:
            clean, y = 0.0, ring[i - 1]
        i, m = roll_moments(ring, i, m, y)
        if clean >= n:
            pivot, first, second = m[0], m[1], m[2]
            squares = second - first * first / n
            out[0, t] = (y - pivot - first / n) / math.sqrt(squares / (n - 1)) if squares > 0.0 else 0.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2] = clean, i, started
    s[3], s[4], s[5], s[6], s[7] = m
