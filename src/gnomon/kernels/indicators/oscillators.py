"""Oscillators between 0 and 100: RSI, stochastic."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.tiles import TILE, advance, clear, lane, tile_max, tile_sum
from gnomon.kernels.indicators.windows import drop, rise, usable


@kernel(state_size=lambda _: 4, columns=("price",), params=("window",))
def rsi(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Relative strength index, 0 to 100 (Wilder 1978). Columns: price. Params: window.

    As TA-Lib RSI, but a price that never moved gives 50, where TA-Lib gives 0. Prices that are not finite are passed
    over.
    """
    price = x[c[0]]
    n = int(p[0])
    share = 1.0 / n
    keep = 1.0 - share
    seen, last, gain, loss = s[0], s[1], s[2], s[3]
    for t in range(price.size):
        y = price[t]
        if not usable(y):
            out[0, t] = np.nan
            continue
        seen += 1.0
        move = y - last if seen > 1.0 else 0.0
        last = y
        up, down = rise(move), drop(move)
        if seen > n + 1.0:
            gain = gain * keep + up * share
            loss = loss * keep + down * share
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
    state_size=lambda p: 1 + 6 * lane(bars(p[0])) + lane(bars(p[1])) + lane(bars(p[2])),
    columns=("high", "low", "close"),
    params=("window", "slowing", "smoothing"),
)
def stochastic(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Slow stochastic %K and %D, 0 to 100 (Lane). Columns: high, low, close. Params: window, slowing of K, window of D.

    Both smoothed by simple averages, as TA-Lib STOCH, but a window without range gives 50, where TA-Lib gives 0.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n, slowing, smoothing = int(p[0]), int(p[1]), int(p[2])
    wide, short, shorter = lane(n), lane(slowing), lane(smoothing)
    tops, bottoms = s[1 : 1 + wide], s[1 + wide : 1 + 2 * wide]
    raw, slow = s[1 + 2 * wide : 1 + 2 * wide + short], s[1 + 2 * wide + short : 1 + 2 * wide + short + shorter]
    scratch = s[1 + 2 * wide + short + shorter :]
    a, b, d, e = scratch[:wide], scratch[wide : 2 * wide], scratch[2 * wide : 3 * wide], scratch[3 * wide :]
    clean = s[0]
    for base in range(0, close.size, TILE):
        m = min(TILE, close.size - base)
        for t in range(m):
            h, w, y = high[base + t], low[base + t], close[base + t]
            if usable(h) and usable(w) and usable(y):
                clean += 1.0
            else:
                # No part of a bad bar counts; nothing is shown until it has left every window.
                clean, h, w, y = 0.0, 0.0, 0.0, 0.0
            tops[n - 1 + t] = h
            bottoms[n - 1 + t] = -w
            raw[slowing - 1 + t] = y
            out[0, base + t] = 0.0 if clean >= n + slowing - 1 else np.nan
            out[1, base + t] = 0.0 if clean >= n + slowing + smoothing - 2 else np.nan
        top, bottom = tile_max(tops, a, b, n, m), tile_max(bottoms, d, e, n, m)
        for t in range(m):
            spread = top[t] + bottom[t]
            place = 100.0 * (raw[slowing - 1 + t] + bottom[t]) / spread
            raw[slowing - 1 + t] = place if spread > 0.0 else 50.0
        tile_sum(raw, a, slowing, m)
        for t in range(m):
            slow[smoothing - 1 + t] = a[t] / slowing
            out[0, base + t] += slow[smoothing - 1 + t]
        tile_sum(slow, a, smoothing, m)
        for t in range(m):
            out[1, base + t] += a[t] / smoothing
        advance(tops, n, m)
        advance(bottoms, n, m)
        advance(raw, slowing, m)
        advance(slow, smoothing, m)
    clear(scratch, n, close.size)
    s[0] = clean
