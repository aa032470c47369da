"""Where the price stands in a channel: Bollinger bands, Donchian channel."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import fill, slide_max, slide_moments, usable


@kernel(outputs=2, state_size=lambda p: 6 + bars(p[0]), columns=("price",), params=("window", "deviations"))
def bollinger(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Percent b (0 on the lower band, 1 on the upper) and band width over the middle (Bollinger 2001).

    Columns: price. Params: window, standard deviations (of n, as TA-Lib BBANDS). A window without spread has width 0
    and percent b 0.5.
    """
    price = x[c[0]]
    n = int(p[0])
    deviations = p[1]
    ring = s[6:]
    clean, i, pivot, first, second, started = s[0], int(s[1]), s[2], s[3], s[4], s[5]
    for t in range(price.size):
        y = price[t]
        if usable(y):
            clean += 1.0
            if started == 0.0:
                started, pivot = 1.0, y
                fill(ring, y)
        else:
            clean, y = 0.0, ring[i - 1]
        i, pivot, first, second = slide_moments(ring, i, pivot, first, second, y)
        if clean >= n:
            middle = pivot + first / n
            band = deviations * math.sqrt(max(second - first * first / n, 0.0) / n)
            out[0, t] = 0.5 + 0.5 * (y - middle) / band if band > 0.0 else 0.5
            out[1, t] = 2.0 * band / middle if middle != 0.0 else np.nan
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5] = clean, i, pivot, first, second, started


@kernel(state_size=lambda p: 4 + 2 * bars(p[0]), columns=("high", "low", "close"), params=("window",))
def donchian_position(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Where the close stands between the lowest low (0) and the highest high (1) of a window, this bar within.

    Columns: high, low, close. Params: window. A hundredth of TA-Lib's fast %K; 0.5 where the window has no range.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    tops, bottoms = s[4 : 4 + n], s[4 + n :]
    clean, i, rising, falling = s[0], int(s[1]), s[2], s[3]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        if usable(h) and usable(w) and usable(y):
            clean += 1.0
        else:
            clean, h, w, y = 0.0, 0.0, 0.0, 0.0
        rising, top = slide_max(tops, i, rising, h)
        falling, bottom = slide_max(bottoms, i, falling, -w)
        i = i + 1 if i + 1 < n else 0
        spread = top + bottom
        if clean >= n:
            out[0, t] = (y + bottom) / spread if spread > 0.0 else 0.5
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3] = clean, i, rising, falling
