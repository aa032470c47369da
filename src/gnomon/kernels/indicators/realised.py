"""Volatility from all prices of a bar or from many returns, with its parts: jumps, downside, ratio, rank."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import fill, log_growth, slide_moments, slide_sum, usable_price


@kernel(
    outputs=2,
    state_size=lambda p: 10 + 3 * bars(p[0]),
    columns=("open", "high", "low", "close"),
    params=("window",),
)
def drift_free(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Volatility by Rogers and Satchell (1991) and by Yang and Zhang (2000), neither of which drift disturbs.

    Columns: open, high, low, close. Params: window. The second adds the variance of the gaps between bars, and weighs
    by k = 0.34 / (1.34 + (n + 1) / (n - 1)).
    """
    opened, high, low, close = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    n = int(p[0])
    ring, gaps, bodies = s[10 : 10 + n], s[10 + n : 10 + 2 * n], s[10 + 2 * n :]
    clean, last, i, total = s[0], s[1], int(s[2]), s[3]
    a, gap_sum, gap_squares = s[4], s[5], s[6]
    b, body_sum, body_squares = s[7], s[8], s[9]
    weight = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    for t in range(close.size):
        o, h, w, y = opened[t], high[t], low[t], close[t]
        square, gap, body = 0.0, 0.0, 0.0
        if usable_price(o) and usable_price(h) and usable_price(w) and usable_price(y):
            square = log_growth(h, y) * log_growth(h, o) + log_growth(w, y) * log_growth(w, o)
            gap = log_growth(o, last) if clean > 0.0 else 0.0
            body = log_growth(y, o)
            clean += 1.0
            last = y
        else:
            clean = 0.0
        _, a, gap_sum, gap_squares = slide_moments(gaps, i, a, gap_sum, gap_squares, gap)
        _, b, body_sum, body_squares = slide_moments(bodies, i, b, body_sum, body_squares, body)
        i, total = slide_sum(ring, i, total, square)
        if clean > n:
            mean = max(total, 0.0) / n
            night = max(gap_squares - gap_sum * gap_sum / n, 0.0) / (n - 1)
            day = max(body_squares - body_sum * body_sum / n, 0.0) / (n - 1)
            out[0, t] = math.sqrt(mean)
            out[1, t] = math.sqrt(night + weight * day + (1.0 - weight) * mean)
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan
    s[0], s[1], s[2], s[3] = clean, last, i, total
    s[4], s[5], s[6] = a, gap_sum, gap_squares
    s[7], s[8], s[9] = b, body_sum, body_squares


@kernel(outputs=lambda p: 4 * len(p), state_size=lambda p: sum(9 + 3 * bars(n, least=2) for n in p), columns=("price",))
def realised(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Realised and bipower volatility, the share of jumps in the variance, and that of falling returns.

    Columns: price. Params: windows (of returns), four outputs each. Root of the mean squared log return; root of
    pi / 2 times the mean product of neighbours' sizes (Barndorff-Nielsen and Shephard 2004), which a single jump hardly
    moves; 1 - bipower variance / realised variance, at least 0; squares of falling returns over all squares (0.5 where
    there are none).
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, squares, falls = s[base : base + 10], s[base + 10 : base + 10 + n], s[base + 10 + n : base + 10 + 2 * n]
        products = s[base + 10 + 2 * n : base + 9 + 3 * n]
        base += 9 + 3 * n
        clean, last, size = m[0], m[1], m[2]
        i, total, fall, j, product = int(m[3]), m[4], m[5], int(m[6]), m[7]
        for t in range(price.size):
            y = price[t]
            move = 0.0
            if usable_price(y):
                clean += 1.0
                if last > 0.0:
                    move = log_growth(y, last)
                last = y
            else:
                clean = 0.0
            square = move * move
            j, product = slide_sum(products, j, product, abs(move) * size)
            size = abs(move)
            _, fall = slide_sum(falls, i, fall, square if move < 0.0 else 0.0)
            i, total = slide_sum(squares, i, total, square)
            if clean > n:
                variance, steady = max(total, 0.0) / n, 0.5 * math.pi * max(product, 0.0) / (n - 1)
                out[4 * k, t] = math.sqrt(variance)
                out[4 * k + 1, t] = math.sqrt(steady)
                out[4 * k + 2, t] = max(1.0 - steady / variance, 0.0) if variance > 0.0 else 0.0
                out[4 * k + 3, t] = fall / total if total > 0.0 else 0.5
            else:
                out[4 * k, t] = np.nan
                out[4 * k + 1, t] = np.nan
                out[4 * k + 2, t] = np.nan
                out[4 * k + 3, t] = np.nan
        m[0], m[1], m[2] = clean, last, size
        m[3], m[4], m[5], m[6], m[7] = i, total, fall, j, product


@kernel(state_size=lambda _: 3, columns=("price",), params=("decay", "warmup"))
def ewma_volatility(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Root of the exponentially weighted mean of squared log returns (RiskMetrics 1996).

    Columns: price. Params: decay a bar, warmup (the returns whose mean square it starts at). Prices that are not
    positive are passed over.
    """
    price = x[c[0]]
    decay, start = p[0], p[1]
    seen, last, variance = s[0], s[1], s[2]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        if not usable_price(y):
            continue
        if last > 0.0:
            move = log_growth(y, last)
            seen += 1.0
            if seen <= start:
                variance += (move * move - variance) / seen
            else:
                variance = decay * variance + (1.0 - decay) * move * move
        last = y
        if seen >= start:
            out[0, t] = math.sqrt(variance)
    s[0], s[1], s[2] = seen, last, variance


@kernel(
    outputs=lambda p: len(p) // 2,
    state_size=lambda p: sum(12 + bars(a, least=2) + bars(b, least=2) for a, b in zip(p[::2], p[1::2], strict=True)),
    columns=("price",),
)
def volatility_ratio(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Standard deviation of the log returns of a short window over that of a long one; 1 where the long one is still.

    Columns: price. Params: short, long window (of returns), an output for each pair.
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size // 2):
        fast, slow = int(p[2 * k]), int(p[2 * k + 1])
        m, short = s[base : base + 12], s[base + 12 : base + 12 + fast]
        long = s[base + 12 + fast : base + 12 + fast + slow]
        base += 12 + fast + slow
        clean, last, started = m[0], m[1], m[2]
        i, a, first, second = int(m[3]), m[4], m[5], m[6]
        j, b, third, fourth = int(m[7]), m[8], m[9], m[10]
        for t in range(price.size):
            y = price[t]
            move = 0.0
            if usable_price(y):
                clean += 1.0
                if last > 0.0:
                    move = log_growth(y, last)
                    if started == 0.0:
                        started, a, b = 1.0, move, move
                        fill(short, move)
                        fill(long, move)
                last = y
            else:
                clean = 0.0
            i, a, first, second = slide_moments(short, i, a, first, second, move)
            j, b, third, fourth = slide_moments(long, j, b, third, fourth, move)
            if clean > max(fast, slow):
                quick = max(second - first * first / fast, 0.0) / (fast - 1)
                lazy = max(fourth - third * third / slow, 0.0) / (slow - 1)
                out[k, t] = math.sqrt(quick / lazy) if lazy > 0.0 else 1.0
            else:
                out[k, t] = np.nan
        m[0], m[1], m[2] = clean, last, started
        m[3], m[4], m[5], m[6] = i, a, first, second
        m[7], m[8], m[9], m[10] = j, b, third, fourth


@kernel(
    state_size=lambda p: 8 + bars(p[0], least=2) + bars(p[1], least=2), columns=("price",), params=("window", "history")
)
def volatility_rank(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Where the volatility of a window stands among its values of the last `history` bars: 0 the lowest, 1 the highest.

    Columns: price. Params: window (of returns), history. Ties count half; 0.5 where all are equal.
    """
    price = x[c[0]]
    n, history = int(p[0]), int(p[1])
    ring, past = s[8 : 8 + n], s[8 + n :]
    clean, last, started, i, pivot, first, second, j = s[0], s[1], s[2], int(s[3]), s[4], s[5], s[6], int(s[7])
    for t in range(price.size):
        y = price[t]
        move = 0.0
        if usable_price(y):
            clean += 1.0
            if last > 0.0:
                move = log_growth(y, last)
                if started == 0.0:
                    started, pivot = 1.0, move
                    fill(ring, move)
            last = y
        else:
            clean = 0.0
        i, pivot, first, second = slide_moments(ring, i, pivot, first, second, move)
        spread = max(second - first * first / n, 0.0)
        past[j] = spread
        j = j + 1 if j + 1 < history else 0
        if clean >= n + history:
            # What differs by rounding alone is equal.
            under, over = spread * (1.0 - 1e-9), spread * (1.0 + 1e-9)
            lower, higher = 0, 0
            for h in range(history):
                lower += 1 if past[h] < under else 0
                higher += 1 if past[h] > over else 0
            out[0, t] = 0.5 + 0.5 * (lower - higher) / (history - 1)
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = clean, last, started, i, pivot, first, second, j
