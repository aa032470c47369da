"""Longer bars, built of the shorter ones that came in, and read once they have closed."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.calendar import LATEST
from gnomon.kernels.indicators.windows import log_growth, usable_price


@njit(error_model="numpy")
def close_bar(m, ring):  # type: ignore[no-untyped-def]
    """Puts the open bar's last price into the ring of closes; `m` is the state of one length, as in `higher_bars`."""
    n = ring.size
    i = int(m[7])
    m[8] = log_growth(m[4], ring[i - 1]) if m[6] > 0.0 else 0.0
    m[9] = log_growth(m[2], m[3])
    ring[i] = m[4]
    i = i + 1 if i + 1 < n else 0
    m[7] = float(i)
    m[6] += 1.0
    m[5] = 1.0
    if m[6] >= n:
        total, squares = 0.0, 0.0
        for j in range(n):
            total += ring[j]
            if j != i:
                step = log_growth(ring[j], ring[j - 1])
                squares += step * step
        m[10] = math.sqrt(squares / (n - 1))
        m[11] = total / n


@kernel(
    outputs=lambda p: 4 * (len(p) - 1),
    state_size=lambda p: (len(p) - 1) * (12 + bars(p[0], least=2)),
    columns=("timestamp", "high", "low", "close"),
)
def higher_bars(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Of each longer bar's last closed ones: return, range, volatility; and the price's distance from their mean close.

    Columns: timestamp, high, low, close. Params: window, then lengths in microseconds, four outputs each: log return of
    the last closed bar over the one before; log of its high over its low; root of the mean square of the returns
    between the window's closes; the newest price over the mean of those closes, less 1. A bar of a length ends where
    the stamp is a multiple of it, from 1970 on. It has closed with the bar that is stamped so, else with the first
    one after; the first of all is left out, since its beginning was not seen. Bars that are not finite are passed over.
    """
    stamp, high, low, close = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    n = int(p[0])
    base = 0
    for k in range(p.size - 1):
        length = p[k + 1]
        # bars begun (2 for two and more), number, high, low, last price, whether closed; closed bars, slot, results
        m, ring = s[base : base + 12], s[base + 12 : base + 12 + n]
        base += 12 + n
        for t in range(close.size):
            h, w, y = high[t], low[t], close[t]
            for row in range(4):
                out[4 * k + row, t] = np.nan
            if not (usable_price(h) and usable_price(w) and usable_price(y) and abs(stamp[t]) < LATEST):
                continue
            number = math.ceil(stamp[t] / length)
            if m[0] == 0.0 or number != m[1]:
                if m[0] > 1.0 and m[5] == 0.0:
                    close_bar(m, ring)
                m[0] = min(m[0] + 1.0, 2.0)
                m[1], m[2], m[3], m[5] = number, h, w, 0.0
            m[2], m[3], m[4] = max(m[2], h), min(m[3], w), y
            if m[0] > 1.0 and m[5] == 0.0 and stamp[t] == number * length:
                close_bar(m, ring)
            if m[6] >= n:
                out[4 * k, t] = m[8]
                out[4 * k + 1, t] = m[9]
                out[4 * k + 2, t] = m[10]
                out[4 * k + 3, t] = y / m[11] - 1.0
