"""Where the price stands to the highest and lowest of its window, and how long ago they were."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.tiles import TILE, advance, clear, lane, tile_age, tile_max
from gnomon.kernels.indicators.windows import log_growth, slide_max, slide_sum, usable, usable_price


@kernel(outputs=2, state_size=lambda p: 1 + 5 * lane(bars(p[0]) + 1), columns=("high", "low"), params=("window",))
def aroon(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Aroon up and down, 0 to 100 (Chande 1995): how new the highest high and the lowest low are.

    Columns: high, low. Params: window. As TA-Lib AROON: 100 for this bar, 0 for `window` bars ago; of equals the
    newer counts.
    """
    high, low = x[c[0]], x[c[1]]
    n = int(p[0])
    size = lane(n + 1)
    tops, bottoms, scratch = s[1 : 1 + size], s[1 + size : 1 + 2 * size], s[1 + 2 * size :]
    a, b, age = scratch[:size], scratch[size : 2 * size], scratch[2 * size :]
    clean = s[0]
    for base in range(0, high.size, TILE):
        m = min(TILE, high.size - base)
        for t in range(m):
            h, w = high[base + t], low[base + t]
            if usable(h) and usable(w):
                clean += 1.0
            else:
                clean, h, w = 0.0, 0.0, 0.0
            tops[n + t] = h
            bottoms[n + t] = -w
            out[0, base + t] = 0.0 if clean > n else np.nan
            out[1, base + t] = 0.0 if clean > n else np.nan
        tile_age(tops, tile_max(tops, a, b, n + 1, m), age, n + 1, m)
        for t in range(m):
            out[0, base + t] += 100.0 * (n - age[t]) / n
        tile_age(bottoms, tile_max(bottoms, a, b, n + 1, m), age, n + 1, m)
        for t in range(m):
            out[1, base + t] += 100.0 * (n - age[t]) / n
        advance(tops, n + 1, m)
        advance(bottoms, n + 1, m)
    clear(scratch, n + 1, high.size)
    s[0] = clean


@kernel(outputs=lambda p: 2 * len(p), state_size=lambda p: sum(4 + 2 * bars(n) for n in p), columns=("price",))
def drawdown(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """How far the price stands below the highest and above the lowest price of a window, as fractions of those.

    Columns: price. Params: windows, two outputs each.
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, tops, bottoms = s[base : base + 4], s[base + 4 : base + 4 + n], s[base + 4 + n : base + 4 + 2 * n]
        base += 4 + 2 * n
        clean, i, rising, falling = m[0], int(m[1]), m[2], m[3]
        for t in range(price.size):
            y = price[t]
            if usable_price(y):
                clean += 1.0
            else:
                clean, y = 0.0, 0.0
            rising, top = slide_max(tops, i, rising, y)
            falling, bottom = slide_max(bottoms, i, falling, -y)
            i = i + 1 if i + 1 < n else 0
            if clean >= n:
                out[2 * k, t] = y / top - 1.0
                out[2 * k + 1, t] = y / -bottom - 1.0
            else:
                out[2 * k, t] = np.nan
                out[2 * k + 1, t] = np.nan
        m[0], m[1], m[2], m[3] = clean, i, rising, falling


@kernel(
    outputs=lambda p: 2 * len(p),
    state_size=lambda p: sum(5 + 2 * bars(n) for n in p),
    columns=("price",),
)
def extreme_returns(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """The highest and the lowest log return of a window (Bali, Cakici and Whitelaw 2011).

    Columns: price. Params: windows (of returns), two outputs each.
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, tops, bottoms = s[base : base + 5], s[base + 5 : base + 5 + n], s[base + 5 + n : base + 5 + 2 * n]
        base += 5 + 2 * n
        clean, i, rising, falling, last = m[0], int(m[1]), m[2], m[3], m[4]
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
            rising, top = slide_max(tops, i, rising, move)
            falling, bottom = slide_max(bottoms, i, falling, -move)
            i = i + 1 if i + 1 < n else 0
            out[2 * k, t] = top if clean > n else np.nan
            out[2 * k + 1, t] = -bottom if clean > n else np.nan
        m[0], m[1], m[2], m[3], m[4] = clean, i, rising, falling, last


@kernel(outputs=2, state_size=lambda p: 7 + 3 * bars(p[0]), columns=("high", "low", "close"), params=("window",))
def true_range(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Choppiness index, 0 to 100 (Dreiss 1993), and this bar's true range over the window's mean.

    Columns: high, low, close. Params: window. Choppiness is the logarithm of the sum of true ranges over the window's
    whole range (of true highs and lows, which hold the close before), to the base of the window, times 100; 100 where
    the window has no range. A range among none is 1.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    ring, tops, bottoms = s[7 : 7 + n], s[7 + n : 7 + 2 * n], s[7 + 2 * n :]
    clean, last, a, total, i, rising, falling = s[0], s[1], int(s[2]), s[3], int(s[4]), s[5], s[6]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        spread = 0.0
        if usable(h) and usable(w) and usable(y):
            if clean > 0.0:
                h, w = max(h, last), min(w, last)
            spread = h - w
            clean += 1.0
            last = y
        else:
            clean, h, w = 0.0, 0.0, 0.0
        a, total = slide_sum(ring, a, total, spread)
        rising, top = slide_max(tops, i, rising, h)
        falling, bottom = slide_max(bottoms, i, falling, -w)
        i = i + 1 if i + 1 < n else 0
        if clean > n:
            whole = top + bottom
            out[0, t] = 100.0 * math.log(total / whole) / math.log(n) if whole > 0.0 and total > 0.0 else 100.0
            out[1, t] = spread * n / total if total > 0.0 else 1.0
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5], s[6] = clean, last, a, total, i, rising, falling


@kernel(outputs=2, state_size=lambda p: 9 + 3 * bars(p[0]), columns=("high", "low", "close"), params=("window",))
def vortex(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Vortex indicators, upward and downward (Botes and Siepman 2010); both 1 where the window has no range.

    Columns: high, low, close. Params: window. Way from the last low up to this high (last high down to this low), over
    the true range, each summed over the window.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    ups, downs, ring = s[9 : 9 + n], s[9 + n : 9 + 2 * n], s[9 + 2 * n :]
    clean, top, bottom, last = s[0], s[1], s[2], s[3]
    i, up, down, total = int(s[4]), s[5], s[6], s[7]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        rise, fall, spread = 0.0, 0.0, 0.0
        if usable(h) and usable(w) and usable(y):
            if clean > 0.0:
                rise, fall = abs(h - bottom), abs(w - top)
                spread = max(h - w, abs(h - last), abs(w - last))
            clean += 1.0
            top, bottom, last = h, w, y
        else:
            clean = 0.0
        _, up = slide_sum(ups, i, up, rise)
        _, down = slide_sum(downs, i, down, fall)
        i, total = slide_sum(ring, i, total, spread)
        if clean > n:
            out[0, t] = up / total if total > 0.0 else 1.0
            out[1, t] = down / total if total > 0.0 else 1.0
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan
    s[0], s[1], s[2], s[3] = clean, top, bottom, last
    s[4], s[5], s[6], s[7] = i, up, down, total
