"""What panel kernels share: the values of a moment in order, and sums that know no order of the symbols.

A hole is NaN. Sums are taken over sorted values, so that the same values give the same bits whoever holds them.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

RUN = 8
"""Values that are sorted by insertion before they are merged."""

SCRATCH = 5
"""Floats a symbol that a kernel needs for `in_order`: the values, and two arrays of keys and places."""

NORMAL = 1.4826022185056018
"""What the median absolute deviation of normal values is multiplied by to give their standard deviation."""

NORMAL_MEAN = 1.2533141373155001
"""The same for the mean absolute deviation."""


@njit(error_model="numpy")
def in_order(values, scratch):  # type: ignore[no-untyped-def]
    """Sorts what is no hole; returns how many there are, their values in rising order, and where each stands.

    A merge sort, bottom up, by keys and places in `scratch`, which is four times as long as `values`.
    """
    n = values.size
    keys, places = scratch[:n], scratch[n : 2 * n]
    spare, there = scratch[2 * n : 3 * n], scratch[3 * n : 4 * n]
    m = 0
    for i in range(n):
        if values[i] == values[i]:
            # A zero has two spellings; this makes it one.
            keys[m] = values[i] + 0.0
            places[m] = i
            m += 1
    for start in range(0, m, RUN):
        for i in range(start + 1, min(start + RUN, m)):
            key, place = keys[i], places[i]
            j = i - 1
            while j >= start and keys[j] > key:
                keys[j + 1] = keys[j]
                places[j + 1] = places[j]
                j -= 1
            keys[j + 1] = key
            places[j + 1] = place
    width = RUN
    while width < m:
        for start in range(0, m, 2 * width):
            half, stop = min(start + width, m), min(start + 2 * width, m)
            i, j = start, half
            for k in range(start, stop):
                left = j >= stop or (i < half and keys[i] <= keys[j])
                best = i if left else j
                spare[k] = keys[best]
                there[k] = places[best]
                i += 1 if left else 0
                j += 0 if left else 1
        keys, spare = spare, keys
        places, there = there, places
        width *= 2
    return m, keys[:m], places[:m]


@njit(error_model="numpy")
def mean_of(keys):  # type: ignore[no-untyped-def]
    """The mean of sorted values."""
    total = 0.0
    for i in range(keys.size):
        total += keys[i]
    return total / keys.size


@njit(error_model="numpy")
def deviation_of(keys, mean):  # type: ignore[no-untyped-def]
    """The standard deviation (n - 1) of sorted values about their mean; 0 where all are equal."""
    if keys[0] == keys[keys.size - 1]:
        return 0.0
    total = 0.0
    for i in range(keys.size):
        total += (keys[i] - mean) * (keys[i] - mean)
    return math.sqrt(total / (keys.size - 1))


@njit(error_model="numpy")
def median_of(keys):  # type: ignore[no-untyped-def]
    """The median of sorted values."""
    half = keys.size // 2
    return keys[half] if keys.size % 2 else 0.5 * (keys[half - 1] + keys[half])


@njit(error_model="numpy")
def spread_of(keys, median):  # type: ignore[no-untyped-def]
    """Median absolute deviation of sorted values, scaled to that of the normal; the mean one where it is 0."""
    m = keys.size
    # Deviations rise to both sides of the median: their smaller half is found by walking outward.
    j = m // 2
    i = j - 1
    last = before = 0.0
    for _ in range(m // 2 + 1):
        below = median - keys[i] if i >= 0 else np.inf
        above = keys[j] - median if j < m else np.inf
        before = last
        if below < above:
            last = below
            i -= 1
        else:
            last = above
            j += 1
    middle = last if m % 2 else 0.5 * (before + last)
    if middle > 0.0:
        return NORMAL * middle
    total = 0.0
    for k in range(m):
        total += abs(keys[k] - median)
    return NORMAL_MEAN * total / m


@njit(error_model="numpy")
def stand(values, scratch, least, robust, out, row, t):  # type: ignore[no-untyped-def]
    """Writes where each value stands among all of its moment: ranks from `row` on, scores behind them.

    A rank is 0 for the lowest and 1 for the highest, equal values share the mean of theirs. A score counts standard
    deviations from the mean or, where `robust`, scaled median deviations from the median; 0 where there is no spread.
    Fewer than `least` values, and holes, give NaN.
    """
    n = values.size
    for i in range(n):
        out[row + i, t] = np.nan
        out[row + n + i, t] = np.nan
    m, keys, places = in_order(values, scratch)
    if m < least or m < 2:
        return
    if robust:
        middle = median_of(keys)
        spread = spread_of(keys, middle)
    else:
        middle = mean_of(keys)
        spread = deviation_of(keys, middle)
    start = 0
    while start < m:
        stop = start + 1
        while stop < m and keys[stop] == keys[start]:
            stop += 1
        rank = 0.5 * (start + stop - 1) / (m - 1)
        score = (keys[start] - middle) / spread if spread > 0.0 else 0.0
        for k in range(start, stop):
            i = int(places[k])
            out[row + i, t] = rank
            out[row + n + i, t] = score
        start = stop


@njit(error_model="numpy")
def everywhere(out, row, n, t, value):  # type: ignore[no-untyped-def]
    """Writes what holds for the whole market into the rows of all symbols."""
    for i in range(n):
        out[row + i, t] = value
