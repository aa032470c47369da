"""Where the price stands in a channel: Bollinger bands, Donchian channel."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.tiles import TILE, advance, clear, lane, tile_max
from gnomon.kernels.indicators.windows import fill, roll_moments, usable


@kernel(outputs=2, state_size=lambda p: 8 + bars(p[0]), columns=("price",), params=("window", "deviations"))
def bollinger(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Percent b (0 on the lower band, 1 on the upper) and band width over the middle (Bollinger 2001).

    Columns: price. Params: window, standard deviations (of n, as TA-Lib BBANDS). A window without spread has width 0
    and percent b 0.5.
    """
    price = x[c[0]]
    n = int(p[0])
    deviations = p[1]
    ring = s[8:]
    clean, i, started, m = s[0], int(s[1]), s[2], (s[3], s[4], s[5], s[6], s[7])
    for t in range(price.size):
        y = price[t]
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
            middle = pivot + first / n
            squares = second - first * first / n
            band = deviations * math.sqrt(squares / n) if squares > 0.0 else 0.0
            out[0, t] = 0.5 + 0.5 * (y - middle) / band if band > 0.0 else 0.5
            out[1, t] = 2.0 * band / middle if middle != 0.0 else np.nan
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan
    s[0], s[1], s[2] = clean, i, started
    s[3], s[4], s[5], s[6], s[7] = m


@kernel(state_size=lambda p: 1 + 6 * lane(bars(p[0])), columns=("high", "low", "close"), params=("window",))
def donchian_position(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Where the close stands between the lowest low (0) and the highest high (1) of a window, this bar within.

    Columns: high, low, close. Params: window. A hundredth of TA-Lib's fast %K; 0.5 where the window has no range.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    size = lane(n)
    tops, bottoms, scratch = s[1 : 1 + size], s[1 + size : 1 + 2 * size], s[1 + 2 * size :]
    a, b, d, e = scratch[:size], scratch[size : 2 * size], scratch[2 * size : 3 * size], scratch[3 * size :]
    clean = s[0]
    for base in range(0, close.size, TILE):
        m = min(TILE, close.size - base)
        for t in range(m):
            h, w, y = high[base + t], low[base + t], close[base + t]
            if usable(h) and usable(w) and usable(y):
                clean += 1.0
            else:
                clean, h, w, y = 0.0, 0.0, 0.0, 0.0
            tops[n - 1 + t] = h
            bottoms[n - 1 + t] = -w
            out[0, base + t] = y if clean >= n else np.nan
        top, bottom = tile_max(tops, a, b, n, m), tile_max(bottoms, d, e, n, m)
        for t in range(m):
            y = out[0, base + t]
            spread = top[t] + bottom[t]
            place = (y + bottom[t]) / spread
            out[0, base + t] = place if spread > 0.0 else 0.0 * y + 0.5
        advance(tops, n, m)
        advance(bottoms, n, m)
    clear(scratch, n, close.size)
    s[0] = clean
