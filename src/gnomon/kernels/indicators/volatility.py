"""How much the price moves: ATR, volatility of returns, range-based volatility. All per bar, not annualised."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import fill, slide_moments, slide_sum, usable, usable_price, widest


@kernel(state_size=lambda _: 3, columns=("high", "low", "close"), params=("window", "relative"))
def atr(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Average true range (Wilder 1978). Columns: high, low, close. Params: window, relative (divided by the close).

    As TA-Lib ATR; relative is a hundredth of TA-Lib NATR
    (which forgets to divide at a window of 1). Bars with a price that is not finite are passed over.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    relative = p[1] != 0.0
    share = 1.0 / n
    seen, last, mean = s[0], s[1], s[2]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        out[0, t] = np.nan
        if not (usable(h) and usable(w) and usable(y)):
            continue
        seen += 1.0
        if seen > 1.0:
            spread = widest(h, w, last)
            if seen > n + 1.0:
                mean += (spread - mean) * share
            else:
                mean += spread
                if seen == n + 1.0:
                    mean /= n
        last = y
        if seen > n:
            if not relative:
                out[0, t] = mean
            elif y != 0.0:
                out[0, t] = mean / y
    s[0], s[1], s[2] = seen, last, mean


@kernel(state_size=lambda p: 7 + bars(p[0]), columns=("price",), params=("window",))
def volatility(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Standard deviation (n - 1) of the last n log returns. Columns: price. Params: window (of returns)."""
    price = x[c[0]]
    n = int(p[0])
    ring = s[7:]
    clean, i, pivot, first, second, started, last = s[0], int(s[1]), s[2], s[3], s[4], s[5], s[6]
    for t in range(price.size):
        y = price[t]
        move = ring[i - 1]
        if usable_price(y):
            clean += 1.0
            if last > 0.0:
                move = math.log(y / last)
                if started == 0.0:
                    started, pivot = 1.0, move
                    fill(ring, move)
            last = y
        else:
            clean = 0.0
        i, pivot, first, second = slide_moments(ring, i, pivot, first, second, move)
        # n returns take n + 1 prices in a row.
        if clean > n:
            out[0, t] = math.sqrt(max(second - first * first / n, 0.0) / (n - 1))
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5], s[6] = clean, i, pivot, first, second, started, last


@kernel(state_size=lambda p: 3 + bars(p[0]), columns=("high", "low"), params=("window",))
def parkinson(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Volatility from the range of each bar (Parkinson 1980): root of the mean of ln(high/low)^2 / (4 ln 2).

    Columns: high, low. Params: window.
    """
    high, low = x[c[0]], x[c[1]]
    n = int(p[0])
    ring = s[3:]
    clean, i, total = s[0], int(s[1]), s[2]
    for t in range(high.size):
        square = 0.0
        if usable_price(high[t]) and usable_price(low[t]):
            clean += 1.0
            square = math.log(high[t] / low[t]) ** 2
        else:
            clean = 0.0
        i, total = slide_sum(ring, i, total, square)
        out[0, t] = math.sqrt(max(total, 0.0) / (n * 4.0 * math.log(2.0))) if clean >= n else np.nan
    s[0], s[1], s[2] = clean, i, total


@kernel(state_size=lambda p: 3 + bars(p[0]), columns=("open", "high", "low", "close"), params=("window",))
def garman_klass(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Volatility from all four prices of each bar (Garman and Klass 1980).

    Root of the mean of ln(high/low)^2 / 2 - (2 ln 2 - 1) ln(close/open)^2, which is 0 where the mean falls below it.
    Columns: open, high, low, close. Params: window.
    """
    opened, high, low, close = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    n = int(p[0])
    ring = s[3:]
    clean, i, total = s[0], int(s[1]), s[2]
    weight = 2.0 * math.log(2.0) - 1.0
    for t in range(close.size):
        o, h, w, y = opened[t], high[t], low[t], close[t]
        square = 0.0
        if usable_price(o) and usable_price(h) and usable_price(w) and usable_price(y):
            clean += 1.0
            square = 0.5 * math.log(h / w) ** 2 - weight * math.log(y / o) ** 2
        else:
            clean = 0.0
        i, total = slide_sum(ring, i, total, square)
        out[0, t] = math.sqrt(max(total, 0.0) / n) if clean >= n else np.nan
    s[0], s[1], s[2] = clean, i, total
