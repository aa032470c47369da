"""The shape of the window's returns: skewness, kurtosis, quantiles, ranks, shares of rises."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import log_growth, slide_powers, slide_sum, usable, usable_price


@kernel(outputs=lambda p: 2 * len(p), state_size=lambda p: sum(8 + bars(n, least=2) for n in p), columns=("price",))
def shape(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Skewness and kurtosis (raw: 3 for the normal) of log returns; 0 and 3 where the window has no spread.

    Columns: price. Params: windows (of returns), two outputs each. Moments of the window itself (divided by n).
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, ring = s[base : base + 8], s[base + 8 : base + 8 + n]
        base += 8 + n
        clean, last = m[6], m[7]
        for t in range(price.size):
            y = price[t]
            move = 0.0
            if usable_price(y):
                clean += 1.0
                move = log_growth(y, last) if last > 0.0 else 0.0
                last = y
            else:
                clean = 0.0
            slide_powers(m, ring, move)
            if clean > n:
                mean, second, third, fourth = m[2] / n, m[3] / n, m[4] / n, m[5] / n
                variance = second - mean * mean
                if variance > 0.0:
                    skew = third - 3.0 * mean * second + 2.0 * mean * mean * mean
                    tail = fourth - 4.0 * mean * third + 6.0 * mean * mean * second - 3.0 * mean * mean * mean * mean
                    out[2 * k, t] = skew / (variance * math.sqrt(variance))
                    out[2 * k + 1, t] = tail / (variance * variance)
                else:
                    out[2 * k, t] = 0.0
                    out[2 * k + 1, t] = 3.0
            else:
                out[2 * k, t] = np.nan
                out[2 * k + 1, t] = np.nan
        m[6], m[7] = clean, last


@kernel(
    outputs=lambda p: len(p) - 1,
    state_size=lambda p: 4 + 2 * bars(p[0], least=2),
    columns=("price",),
)
def return_quantiles(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Quantiles of the log returns of a window, between neighbours by straight lines as numpy does.

    Columns: price. Params: window (of returns), then the quantiles, 0 to 1, an output each. A ring beside a sorted
    copy: exact, and a bar costs time in proportion to the window.
    """
    price = x[c[0]]
    n = int(p[0])
    ring, ranked = s[4 : 4 + n], s[4 + n :]
    clean, last, i = s[0], s[1], int(s[2])
    for t in range(price.size):
        y = price[t]
        move = 0.0
        if usable_price(y):
            clean += 1.0
            move = log_growth(y, last) if last > 0.0 else 0.0
            last = y
        else:
            clean = 0.0
        old = ring[i]
        ring[i] = move
        i = i + 1 if i + 1 < n else 0
        # The place of the value that leaves, found by halving; then its neighbours move up or down to the new one's.
        low, high = 0, n - 1
        while low < high:
            middle = (low + high) // 2
            if ranked[middle] < old:
                low = middle + 1
            else:
                high = middle
        while low + 1 < n and ranked[low + 1] < move:
            ranked[low] = ranked[low + 1]
            low += 1
        while low > 0 and ranked[low - 1] > move:
            ranked[low] = ranked[low - 1]
            low -= 1
        ranked[low] = move
        for k in range(p.size - 1):
            if clean > n:
                place = p[k + 1] * (n - 1)
                j = min(int(place), n - 2)
                out[k, t] = ranked[j] + (place - j) * (ranked[j + 1] - ranked[j])
            else:
                out[k, t] = np.nan
    s[0], s[1], s[2] = clean, last, i


@kernel(outputs=len, state_size=lambda p: sum(2 + bars(n, least=2) for n in p), columns=("value",))
def percentile_rank(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Where the value stands among those of its window: 0 the lowest, 1 the highest, ties half.

    Columns: value. Params: windows, an output each. 0.5 where all are equal.
    """
    value = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, ring = s[base : base + 2], s[base + 2 : base + 2 + n]
        base += 2 + n
        clean, i = m[0], int(m[1])
        for t in range(value.size):
            y = value[t]
            if usable(y):
                clean += 1.0
            else:
                clean, y = 0.0, 0.0
            ring[i] = y
            i = i + 1 if i + 1 < n else 0
            if clean >= n:
                balance = 0
                for j in range(n):
                    balance += 1 if ring[j] < y else 0
                    balance -= 1 if ring[j] > y else 0
                out[k, t] = 0.5 + 0.5 * balance / (n - 1)
            else:
                out[k, t] = np.nan
        m[0], m[1] = clean, i


@kernel(outputs=lambda p: 2 * len(p), state_size=lambda p: sum(5 + 2 * bars(n) for n in p), columns=("price",))
def move_shares(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """The shares of bars that rose, and of bars that stood still (Lesmond, Ogden and Trzcinka 1999), of a window.

    Columns: price. Params: windows (of moves), two outputs each.
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, rises, stills = s[base : base + 5], s[base + 5 : base + 5 + n], s[base + 5 + n : base + 5 + 2 * n]
        base += 5 + 2 * n
        clean, last, i, rise, still = m[0], m[1], int(m[2]), m[3], m[4]
        for t in range(price.size):
            y = price[t]
            up, same = 0.0, 0.0
            if usable(y):
                if clean > 0.0:
                    up, same = 1.0 if y > last else 0.0, 1.0 if y == last else 0.0
                clean += 1.0
                last = y
            else:
                clean = 0.0
            _, rise = slide_sum(rises, i, rise, up)
            i, still = slide_sum(stills, i, still, same)
            out[2 * k, t] = rise / n if clean > n else np.nan
            out[2 * k + 1, t] = still / n if clean > n else np.nan
        m[0], m[1], m[2], m[3], m[4] = clean, last, i, rise, still


@kernel(state_size=lambda _: 3, columns=("price",), params=())
def streak(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """How many bars in a row the price rose (positive) or fell (negative); a bar without a move ends the row at 0.

    Columns: price. Params: none. Prices that are not finite are passed over.
    """
    price = x[c[0]]
    seen, last, run = s[0], s[1], s[2]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        if not usable(y):
            continue
        if seen > 0.0:
            if y > last:
                run = max(run, 0.0) + 1.0
            elif y < last:
                run = min(run, 0.0) - 1.0
            else:
                run = 0.0
            out[0, t] = run
        seen = 1.0
        last = y
    s[0], s[1], s[2] = seen, last, run
