"""How returns hang together in time: autocorrelation, variance ratio, Hurst exponent, entropy of their order."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import log_growth, slide_moments, slide_pair, slide_sum, usable, usable_price

HURST_LAGS = 5
"""Lags of 1, 2, 4, 8 and 16 bars."""


@kernel(
    outputs=lambda p: len(p) - 2,
    state_size=lambda p: 3 + max(bars(lag) for lag in p[2:]) + (len(p) - 2) * (8 + 2 * bars(p[0], least=2)),
    columns=("price",),
)
def autocorrelation(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Correlation of log returns (or of their sizes) with those some bars before; 0 where either stands still.

    Columns: price. Params: window (of pairs), absolute (1: of sizes), then the lags, an output each.
    """
    price = x[c[0]]
    n = int(p[0])
    absolute = p[1] != 0.0
    count = p.size - 2
    longest = s.size - 3 - count * (8 + 2 * n)
    past = s[3 : 3 + longest]
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
        if absolute:
            move = abs(move)
        base = 3 + longest
        for k in range(count):
            lag = int(p[k + 2])
            m, a, b = s[base : base + 8], s[base + 8 : base + 8 + n], s[base + 8 + n : base + 8 + 2 * n]
            base += 8 + 2 * n
            slide_pair(m, a, b, move, past[i - lag if i >= lag else i - lag + longest])
            if clean > n + lag:
                one, two = m[5] - m[3] * m[3] / n, m[6] - m[4] * m[4] / n
                both = m[7] - m[3] * m[4] / n
                out[k, t] = both / math.sqrt(one) / math.sqrt(two) if one > 0.0 and two > 0.0 else 0.0
            else:
                out[k, t] = np.nan
        past[i] = move
        i = i + 1 if i + 1 < longest else 0
    s[0], s[1], s[2] = clean, last, i


@kernel(
    outputs=lambda p: len(p) - 1,
    state_size=lambda p: sum(10 + bars(q) + 2 * bars(p[0], least=2) for q in p[1:]),
    columns=("price",),
)
def variance_ratio(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Variance of log returns over q bars, over q times that over one bar (Lo and MacKinlay 1988); 1 for a random walk.

    Columns: price. Params: window (of returns of either kind), then each q, an output each. Over 1 the price trends,
    under 1 it returns; 1 where it stands still. Both variances about the window's own means.
    """
    price = x[c[0]]
    n = int(p[0])
    base = 0
    for k in range(p.size - 1):
        q = int(p[k + 1])
        m, past = s[base : base + 10], s[base + 10 : base + 10 + q]
        a, b = s[base + 10 + q : base + 10 + q + n], s[base + 10 + q + n : base + 10 + q + 2 * n]
        base += 10 + q + 2 * n
        clean, i = m[0], int(m[1])
        one, first, second, many, third, fourth, slot = m[2], m[3], m[4], m[5], m[6], m[7], int(m[8])
        for t in range(price.size):
            y = price[t]
            move, way = 0.0, 0.0
            if usable_price(y):
                clean += 1.0
                before, then = past[slot - 1], past[slot]
                move = log_growth(y, before) if before > 0.0 else 0.0
                way = log_growth(y, then) if then > 0.0 else 0.0
            else:
                clean, y = 0.0, past[slot - 1]
            past[slot] = y
            slot = slot + 1 if slot + 1 < q else 0
            _, one, first, second = slide_moments(a, i, one, first, second, move)
            i, many, third, fourth = slide_moments(b, i, many, third, fourth, way)
            if clean >= n + q:
                short, long = second - first * first / n, fourth - third * third / n
                out[k, t] = max(long, 0.0) / (q * short) if short > 0.0 else 1.0
            else:
                out[k, t] = np.nan
        m[0], m[1] = clean, i
        m[2], m[3], m[4], m[5], m[6], m[7], m[8] = one, first, second, many, third, fourth, slot


@kernel(state_size=lambda p: 21 + HURST_LAGS + HURST_LAGS * bars(p[0]), columns=("price",), params=("window",))
def hurst(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Hurst exponent: how fast the spread of log price changes grows with their lag; 0.5 for a random walk.

    Columns: price. Params: window. Half the slope of the log of mean squared changes over 1, 2, 4, 8 and 16 bars on the
    log of the lag (Di Matteo 2007, q = 2), each mean over the last `window` changes; 0.5 where any of them is 0.
    """
    price = x[c[0]]
    n = int(p[0])
    past, sums = s[5:21], s[21 : 21 + HURST_LAGS]
    clean, slot, i = s[0], int(s[1]), int(s[2])
    for t in range(price.size):
        y = price[t]
        good = usable_price(y)
        clean = clean + 1.0 if good else 0.0
        next_ = i
        slope, known = 0.0, True
        for k in range(HURST_LAGS):
            lag = 1 << k
            then = past[slot - lag if slot >= lag else slot - lag + 16]
            change = log_growth(y, then) if good and then > 0.0 else 0.0
            base = 21 + HURST_LAGS + k * n
            next_, sums[k] = slide_sum(s[base : base + n], i, sums[k], change * change)
            if sums[k] > 0.0:
                slope += (k - 2.0) * math.log(sums[k])
            else:
                known = False
        i = next_
        past[slot] = y if good else 0.0
        slot = slot + 1 if slot + 1 < 16 else 0
        if clean >= n + 16:
            # The lags' logs are 0 to 4 times log 2: about their mean, squares add to 10.
            out[0, t] = 0.5 * slope / (10.0 * math.log(2.0)) if known else 0.5
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2] = clean, slot, i


@kernel(state_size=lambda p: 10 + bars(p[0]), columns=("price",), params=("window",))
def permutation_entropy(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Entropy of the order of three neighbouring prices (Bandt and Pompe 2002): 0 one order only, 1 all equally often.

    Columns: price. Params: window (of triples). Of equal prices the earlier counts as the lower.
    """
    price = x[c[0]]
    n = int(p[0])
    counts, ring = s[4:10], s[10:]
    clean, first, second, i = s[0], s[1], s[2], int(s[3])
    for t in range(price.size):
        y = price[t]
        if usable(y):
            clean += 1.0
        else:
            clean, y = 0.0, second
        order = (3 if first > second else 0) + (1 if first > y else 0) + (1 if second > y else 0)
        first, second = second, y
        # Slots hold an order and 1, so that a ring not yet filled counts nothing.
        if ring[i] > 0.0:
            counts[int(ring[i]) - 1] -= 1.0
        ring[i] = order + 1.0
        counts[order] += 1.0
        i = i + 1 if i + 1 < n else 0
        if clean >= n + 2:
            total = 0.0
            for j in range(6):
                if counts[j] > 0.0:
                    total -= counts[j] / n * math.log(counts[j] / n)
            out[0, t] = max(total, 0.0) / math.log(6.0)
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3] = clean, first, second, i
