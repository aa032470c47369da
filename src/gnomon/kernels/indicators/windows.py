"""What rolling kernels share: sums, moments and extremes of a window that slides by one bar.

A window is a ring of the last n values in the kernel's state. Sums are carried from bar to bar and summed anew when the
ring wraps (by bar count, so the cuts of the chunks cannot matter), and at once when the value that leaves was so large
that its rounding error would stay behind. Each costs one addition a bar on average.
"""

from __future__ import annotations

from numba import njit

LIMIT = 1e100
"""Values beyond this are treated like NaN: their squares would not be finite, and a state that is not never heals."""

GRAVE = 1e4
"""A value that leaves a sum this many times smaller than itself takes more digits with it than are good."""


@njit(forceinline=True, error_model="numpy")
def usable(value):  # type: ignore[no-untyped-def]
    """Whether a value may enter a state: a finite number of sane size."""
    return abs(value) <= LIMIT


@njit(forceinline=True, error_model="numpy")
def usable_price(value):  # type: ignore[no-untyped-def]
    """Whether a value may be divided by and have its logarithm taken."""
    return 0.0 < value <= LIMIT


@njit(forceinline=True, error_model="numpy")
def slide_sum(ring, i, total, value):  # type: ignore[no-untyped-def]
    """Puts `value` into slot `i`; returns the next slot and the window's sum. Before it is full, zeros count."""
    old = ring[i]
    ring[i] = value
    total += value - old
    i += 1
    if i == ring.size or abs(old) > GRAVE * abs(total):
        # The slot first: after the loop it would make LLVM fold the two loops into one, ten times as slow.
        if i == ring.size:
            i = 0
        total = 0.0
        for j in range(ring.size):
            total += ring[j]
    return i, total


@njit(forceinline=True, error_model="numpy")
def fill(ring, value):  # type: ignore[no-untyped-def]
    """A window that has seen this value only."""
    for j in range(ring.size):
        ring[j] = value


@njit(forceinline=True, error_model="numpy")
def recentre(ring, value):  # type: ignore[no-untyped-def]
    """The window's mean as a pivot, with the sums of deviations and of their squares; exact when all are equal."""
    mean = 0.0
    for j in range(ring.size):
        mean += ring[j] - value
    mean = value + mean / ring.size
    first = 0.0
    second = 0.0
    for j in range(ring.size):
        d = ring[j] - mean
        first += d
        second += d * d
    return mean, first, second


@njit(forceinline=True, error_model="numpy")
def slide_moments(ring, i, pivot, first, second, value):  # type: ignore[no-untyped-def]
    """Puts `value` into slot `i`; returns the next slot, the pivot, and the power sums about it.

    Mean is pivot + first / n; n times the variance is second - first * first / n. The pivot follows the window: it is
    moved at each wrap, when a value leaves that made up nearly all of the spread, and when the window has gone so far
    from it (a split, a jump) that the difference of the sums would lose its digits.
    """
    n = ring.size
    old = ring[i] - pivot
    new = value - pivot
    ring[i] = value
    first += new - old
    second += new * new - old * old
    i += 1
    if i == n:
        i = 0
    elif not (old * old > GRAVE * second or first * first > 0.999 * n * second):
        return i, pivot, first, second
    pivot, first, second = recentre(ring, value)
    return i, pivot, first, second


@njit(forceinline=True, error_model="numpy")
def slide_max(ring, i, running, value):  # type: ignore[no-untyped-def]
    """Puts `value` into slot `i`; returns the running maximum of this turn of the ring and that of the window.

    Slots from `i` on hold the maxima of what is left of the last turn, each over itself and all later ones, so a bar
    costs two comparisons whatever the window (van Herk 1992, Gil and Werman 1993). For a minimum negate both ways.
    """
    last = ring.size - 1
    if i == 0:
        for j in range(last - 1, -1, -1):
            ring[j] = max(ring[j], ring[j + 1])
        running = value
    else:
        running = max(running, value)
    top = running
    if i < last:
        top = max(running, ring[i + 1])
    ring[i] = value
    return running, top
