"""Windows that lie in a row: some bars at a time, so that one instruction does several of them.

A lane is a part of the state of `lane(n)` floats: the last n - 1 values, oldest first, then room for a tile of new
ones. What is worked out for a tile at once are sums of few terms and extremes, each from its own window alone and in
one order, so that neither tiles nor chunks can be seen in a bit. The room is zeros again before a kernel returns.
"""

from __future__ import annotations

from numba import njit

TILE = 128
"""Bars that are worked out together."""


@njit(forceinline=True)
def lane(window):  # type: ignore[no-untyped-def]
    """Floats of a lane whose windows hold so many values.

    >>> lane(20)
    147
    """
    return window - 1 + TILE


@njit(forceinline=True, error_model="numpy")
def advance(values, n, m):  # type: ignore[no-untyped-def]
    """Takes the m bars of a tile into a lane's past, and clears its room."""
    for j in range(n - 1):
        values[j] = values[j + m]
    values[n - 1 : n - 1 + m] = 0.0


@njit(forceinline=True, error_model="numpy")
def clear(scratch, n, bars):  # type: ignore[no-untyped-def]
    """Makes zeros again of lanes that were written over while so many bars were worked through."""
    size = lane(n)
    used = n - 1 + min(TILE, bars)
    for k in range(scratch.size // size):
        scratch[k * size : k * size + used] = 0.0


@njit(forceinline=True, error_model="numpy")
def tile_max(values, a, b, n, m):  # type: ignore[no-untyped-def]
    """The highest value of each of m windows of n, in one of the three lanes given; `a` and `b` are written over.

    A window is two windows of half its length, so that a bar costs log2(n) comparisons. For a minimum negate both ways.
    """
    held, free, spare = values, a, b
    size = n - 1 + m
    width = 1
    while width < n:
        step = min(width, n - width)
        size -= step
        _higher(held[:size], held[step : step + size], free[:size])
        held, free, spare = free, spare, free
        width += step
    return held


@njit(forceinline=True, error_model="numpy")
def _higher(left, right, out):  # type: ignore[no-untyped-def]
    for t in range(out.size):
        # A comparison is one instruction for several bars; max() asks for NaN as well.
        out[t] = left[t] if left[t] > right[t] else right[t]  # noqa: FURB136


@njit(forceinline=True, error_model="numpy")
def tile_age(values, tops, out, n, m):  # type: ignore[no-untyped-def]
    """Writes into out[:m] how many bars ago the top of each window of n stood; of equals the newest counts."""
    for back in range(n - 1, -1, -1):
        _last_seen(values[n - 1 - back : n - 1 - back + m], tops[:m], float(back), out[:m])


@njit(forceinline=True, error_model="numpy")
def _last_seen(values, tops, age, out):  # type: ignore[no-untyped-def]
    for t in range(out.size):
        out[t] = age if values[t] == tops[t] else out[t]


@njit(forceinline=True, error_model="numpy")
def tile_sum(values, out, n, m):  # type: ignore[no-untyped-def]
    """Writes into out[:m] the sum of each window of n, from its oldest value on."""
    out[:m] = 0.0
    for j in range(n):
        _add(values[j : j + m], out[:m])


@njit(forceinline=True, error_model="numpy")
def _add(values, out):  # type: ignore[no-untyped-def]
    for t in range(out.size):
        out[t] += values[t]


@njit(forceinline=True, error_model="numpy")
def tile_deviation(values, means, spreads, n, m):  # type: ignore[no-untyped-def]
    """Mean of each window of n less its newest value, and the sum of the distances from that mean.

    About the newest value: equal values have no deviation at all, not one of rounding errors.
    """
    means, spreads = means[:m], spreads[:m]
    newest = values[n - 1 : n - 1 + m]
    means[:] = 0.0
    spreads[:] = 0.0
    for j in range(0, n - 3, 4):
        _add_four(
            values[j : j + m], values[j + 1 : j + 1 + m], values[j + 2 : j + 2 + m], values[j + 3 :], newest, means
        )
    for j in range(n - n % 4, n):
        past = values[j : j + m]
        for t in range(m):
            means[t] += past[t] - newest[t]
    for t in range(m):
        means[t] /= n
    for j in range(n):
        _add_distances(values[j : j + m], newest, means, spreads)


@njit(forceinline=True, error_model="numpy")
def _add_four(a, b, c, d, about, out):  # type: ignore[no-untyped-def]
    for t in range(out.size):
        now = about[t]
        out[t] += ((a[t] - now) + (b[t] - now)) + ((c[t] - now) + (d[t] - now))


@njit(forceinline=True, error_model="numpy")
def _add_distances(values, newest, means, out):  # type: ignore[no-untyped-def]
    for t in range(out.size):
        out[t] += abs(values[t] - (newest[t] + means[t]))
