"""Oscillators between 0 and 100: RSI, stochastic."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import slide_max, slide_sum, usable


@kernel(state_size=lambda _: 4, columns=("price",), params=("window",))
def rsi(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Relative strength index, 0 to 100 (Wilder 1978). Columns: price. Params: window.

    As TA-Lib RSI, but a price that never moved gives 50, where TA-Lib gives 0. Prices that are not finite are passed
    over.
    """
    price = x[c[0]]
    n = int(p[0])
    seen, last, gain, loss = s[0], s[1], s[2], s[3]
    for t in range(price.size):
        y = price[t]
        if not usable(y):
            out[0, t] = np.nan
            continue
        seen += 1.0
        move = y - last if seen > 1.0 else 0.0
        last = y
        up, down = max(move, 0.0), max(-move, 0.0)
        if seen > n + 1.0:
            gain += (up - gain) / n
            loss += (down - loss) / n
        else:
            gain += up
            loss += down
            if seen <= n:
                out[0, t] = np.nan
                continue
            gain /= n
            loss /= n
        both = gain + loss
        out[0, t] = 100.0 * gain / both if both > 0.0 else 50.0
    s[0], s[1], s[2], s[3] = seen, last, gain, loss


@kernel(
    outputs=2,
    state_size=lambda p: 9 + 2 * bars(p[0]) + bars(p[1]) + bars(p[2]),
    columns=("high", "low", "close"),
    params=("window", "slowing", "smoothing"),
)
def stochastic(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Slow stochastic %K and %D, 0 to 100 (Lane). Columns: high, low, close. Params: window, slowing of K, window of D.

    Both smoothed by simple averages, as TA-Lib STOCH, but a window without range gives 50, where TA-Lib gives 0.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n, slowing, smoothing = int(p[0]), int(p[1]), int(p[2])
    tops, bottoms = s[9 : 9 + n], s[9 + n : 9 + 2 * n]
    ks, ds = s[9 + 2 * n : 9 + 2 * n + slowing], s[9 + 2 * n + slowing :]
    clean, i, rising, falling = s[0], int(s[1]), s[2], s[3]
    a, k_sum, b, d_sum = int(s[4]), s[5], int(s[6]), s[7]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        if usable(h) and usable(w) and usable(y):
            clean += 1.0
        else:
            # No part of a bad bar counts; nothing is shown until it has left every window.
            clean, h, w, y = 0.0, 0.0, 0.0, 0.0
        rising, top = slide_max(tops, i, rising, h)
        falling, bottom = slide_max(bottoms, i, falling, -w)
        i = i + 1 if i + 1 < n else 0
        spread = top + bottom
        a, k_sum = slide_sum(ks, a, k_sum, 100.0 * (y + bottom) / spread if spread > 0.0 else 50.0)
        k = k_sum / slowing
        b, d_sum = slide_sum(ds, b, d_sum, k)
        out[0, t] = k if clean >= n + slowing - 1 else np.nan
        out[1, t] = d_sum / smoothing if clean >= n + slowing + smoothing - 2 else np.nan
    s[0], s[1], s[2], s[3] = clean, i, rising, falling
    s[4], s[5], s[6], s[7] = a, k_sum, b, d_sum
