"""What rolling kernels share: sums, moments and extremes of a window that slides by one bar.

A window is a ring of the last n values in the kernel's state. Sums are carried from bar to bar and summed anew when the
ring wraps (by bar count, so the cuts of the chunks cannot matter), and at once when the value that leaves was so large
that its rounding error would stay behind. Each costs one addition a bar on average.
"""

from __future__ import annotations

import math

from numba import njit

LIMIT = 1e100
"""Values beyond this are treated like NaN: their squares would not be finite, and a state that is not never heals."""

GRAVE = 1e4
"""A value that leaves a sum this many times smaller than itself takes more digits with it than are good."""

HEAVY = 1e2
"""The same for squares and products that are divided by each other, where small windows stand beside great ones."""

NEAR = 0.99
"""The same where the loss of two digits may stand until the ring has wrapped once more."""

FAR = 0.9
"""Share of the squares about a pivot that the mean's distance from it may make up in them: three deviations."""


@njit(forceinline=True, error_model="numpy")
def usable(value):  # type: ignore[no-untyped-def]
    """Whether a value may enter a state: a finite number of sane size."""
    return abs(value) <= LIMIT


@njit(forceinline=True, error_model="numpy")
def usable_price(value):  # type: ignore[no-untyped-def]
    """Whether a value may be divided by and have its logarithm taken."""
    return 0.0 < value <= LIMIT


@njit(forceinline=True, error_model="numpy")
def rise(move):  # type: ignore[no-untyped-def]
    """The move where it goes up, else 0, without a branch: which way a market moves cannot be foretold."""
    return 0.5 * (abs(move) + move)


@njit(forceinline=True, error_model="numpy")
def drop(move):  # type: ignore[no-untyped-def]
    """The size of the move where it goes down, else 0, without a branch."""
    return 0.5 * (abs(move) - move)


@njit(forceinline=True, error_model="numpy")
def widest(high, low, last):  # type: ignore[no-untyped-def]
    """True range: from the lower of low and last close to the higher of high and last close."""
    up = abs(high - last)
    down = abs(low - last)
    spread = high - low
    # A comparison is one instruction; max() asks for NaN as well.
    spread = up if up > spread else spread  # noqa: FURB136
    return down if down > spread else spread  # noqa: FURB136


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
def roll_sum(ring, i, total, fresh, value):  # type: ignore[no-untyped-def]
    """As `slide_sum`, without a loop at the wrap: `fresh` adds up this turn of the ring, and is the sum at its end.

    Returns the next slot, the window's sum, and the turn's.
    """
    old = ring[i]
    ring[i] = value
    total += value - old
    fresh += value
    i += 1
    if abs(old) > GRAVE * abs(total):
        total = 0.0
        for j in range(ring.size):
            total += ring[j]
    # Without a branch: at one, LLVM would split the loop over the bars at each wrap, ten times as slow.
    wraps = i == ring.size
    total = fresh if wraps else total
    fresh = 0.0 if wraps else fresh
    i = 0 if wraps else i
    return i, total, fresh


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
def roll_moments(ring, i, m, value):  # type: ignore[no-untyped-def]
    """As `slide_moments`, without a loop at most wraps; `m` is (pivot, two sums, those two of this turn of the ring).

    Returns the next slot and the new `m`. At the wrap the turn's sums are those of the window. The pivot then goes to
    the window's mean, by arithmetic while that costs no digits, else by a look at the window.
    """
    pivot, first, second, turn, squares = m
    n = ring.size
    old = ring[i] - pivot
    new = value - pivot
    ring[i] = value
    square = new * new
    first += new - old
    second += square - old * old
    turn += new
    squares += square
    i += 1
    wraps = i == n
    if wraps:
        # As it is after rounding: by so much do the sums change.
        step = (pivot + turn / n) - pivot
        near = turn * turn <= NEAR * n * squares
        pivot += step if near else 0.0
        first = turn - n * step if near else turn
        second = squares - step * (turn + first) if near else squares
        turn = 0.0
        squares = 0.0
        i = 0
    if old * old > GRAVE * second or first * first > NEAR * n * second:
        pivot, first, second = recentre(ring, value)
        turn = 0.0
        squares = 0.0
        for j in range(i):
            d = ring[j] - pivot
            turn += d
            squares += d * d
    return i, (pivot, first, second, turn, squares)


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


@njit(forceinline=True, error_model="numpy")
def log_growth(now, before):  # type: ignore[no-untyped-def]
    """Logarithm of one positive value over another, finite whatever they are."""
    return math.log(min(max(now / before, 1.0 / LIMIT), LIMIT))


@njit(error_model="numpy")
def slide_pair(m, a, b, first, second):  # type: ignore[no-untyped-def]
    """Puts a pair of values into two rings of n; `m` holds [slot, two pivots, two sums, two sums of squares, products].

    The sums are about the pivots, as in `slide_moments`: n times the covariance is m[7] - m[3] * m[4] / n.
    A ring not yet filled counts zeros.
    """
    n = a.size
    i = int(m[0])
    old, past = a[i] - m[1], b[i] - m[2]
    new, next_ = first - m[1], second - m[2]
    a[i] = first
    b[i] = second
    m[3] += new - old
    m[4] += next_ - past
    m[5] += new * new - old * old
    m[6] += next_ * next_ - past * past
    m[7] += new * next_ - old * past
    i += 1
    m[0] = float(i if i < n else 0)
    grave = old * old > HEAVY * m[5] or past * past > HEAVY * m[6]
    far = m[3] * m[3] > FAR * n * m[5] or m[4] * m[4] > FAR * n * m[6]
    if i < n and not grave and not far:
        return
    m[1], _, _ = recentre(a, first)
    m[2], _, _ = recentre(b, second)
    for j in range(3, 8):
        m[j] = 0.0
    for j in range(n):
        d, e = a[j] - m[1], b[j] - m[2]
        m[3] += d
        m[4] += e
        m[5] += d * d
        m[6] += e * e
        m[7] += d * e


@njit(error_model="numpy")
def slide_powers(m, ring, value):  # type: ignore[no-untyped-def]
    """Puts a value into a ring of n; `m` holds [slot, pivot, sums of the first to fourth powers about the pivot].

    A ring not yet filled counts zeros.
    """
    n = ring.size
    i = int(m[0])
    old, new = ring[i] - m[1], value - m[1]
    ring[i] = value
    m[2] += new - old
    m[3] += new * new - old * old
    m[4] += new * new * new - old * old * old
    m[5] += new * new * new * new - old * old * old * old
    i += 1
    m[0] = float(i if i < n else 0)
    if i < n and not (old * old * old * old > HEAVY * m[5] or m[2] * m[2] > FAR * n * m[3]):
        return
    m[1], _, _ = recentre(ring, value)
    for j in range(2, 6):
        m[j] = 0.0
    for j in range(n):
        d = ring[j] - m[1]
        m[2] += d
        m[3] += d * d
        m[4] += d * d * d
        m[5] += d * d * d * d
