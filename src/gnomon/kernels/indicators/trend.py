"""Moving averages and what is built of them: SMA, EMA, WMA, MACD, ADX.

`relative` among the params: 0 yields the average itself, in the price's unit; 1 yields a fraction that needs no unit.
"""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import slide_sum, usable


@kernel(state_size=lambda p: 3 + bars(p[0]), columns=("value",), params=("window", "relative"))
def sma(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Simple moving average. Columns: value. Params: window, relative (the value's distance from it). As TA-Lib SMA."""
    value = x[c[0]]
    n = int(p[0])
    relative = p[1] != 0.0
    ring = s[3:]
    clean, i, total = s[0], int(s[1]), s[2]
    for t in range(value.size):
        y = value[t]
        ok = usable(y)
        clean = clean + 1.0 if ok else 0.0
        i, total = slide_sum(ring, i, total, y if ok else 0.0)
        if clean < n:
            out[0, t] = np.nan
        elif relative:
            out[0, t] = y * n / total - 1.0 if total != 0.0 else np.nan
        else:
            out[0, t] = total / n
    s[0], s[1], s[2] = clean, i, total


@kernel(state_size=lambda _: 2, columns=("value",), params=("window", "relative"))
def ema(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Exponential moving average, alpha 2 / (window + 1), started at the mean of the first window. As TA-Lib EMA.

    Columns: value. Params: window, relative (the value's distance from it). Values that are not finite are passed over.
    """
    value = x[c[0]]
    n = int(p[0])
    relative = p[1] != 0.0
    alpha = 2.0 / (n + 1.0)
    seen, mean = s[0], s[1]
    for t in range(value.size):
        y = value[t]
        if not usable(y):
            out[0, t] = np.nan
            continue
        seen += 1.0
        if seen > n:
            mean += alpha * (y - mean)
        else:
            mean += y
            if seen < n:
                out[0, t] = np.nan
                continue
            mean /= n
        if relative:
            out[0, t] = y / mean - 1.0 if mean != 0.0 else np.nan
        else:
            out[0, t] = mean
    s[0], s[1] = seen, mean


@kernel(state_size=lambda p: 4 + bars(p[0]), columns=("value",), params=("window", "relative"))
def wma(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Linearly weighted moving average: weights 1 to n, the newest heaviest. As TA-Lib WMA.

    Columns: value. Params: window, relative (the value's distance from it).
    """
    value = x[c[0]]
    n = int(p[0])
    relative = p[1] != 0.0
    weights = n * (n + 1) / 2.0
    ring = s[4:]
    clean, i, total, weighted = s[0], int(s[1]), s[2], s[3]
    for t in range(value.size):
        y = value[t]
        ok = usable(y)
        clean = clean + 1.0 if ok else 0.0
        y = y if ok else 0.0
        # Every weight falls by one, which takes the old sum off; the newest gets n.
        weighted += n * y - total
        old = ring[i]
        i, total = slide_sum(ring, i, total, y)
        if i == 0 or abs(old) > abs(total):
            weighted = 0.0
            for j in range(n):
                weighted += (j + 1) * ring[i + j if i + j < n else i + j - n]
        if clean < n:
            out[0, t] = np.nan
        elif relative:
            out[0, t] = y * weights / weighted - 1.0 if weighted != 0.0 else np.nan
        else:
            out[0, t] = weighted / weights
    s[0], s[1], s[2], s[3] = clean, i, total, weighted


@kernel(outputs=2, state_size=lambda _: 5, columns=("price",), params=("fast", "slow", "signal", "relative"))
def macd(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Fast EMA minus slow EMA, and the signal, which is that line's EMA (Appel). As TA-Lib MACD.

    Columns: price. Params: fast, slow, signal, relative (both divided by the price). The fast average starts with the
    slow one, at the mean of the newest `fast` prices. The histogram is line minus signal.
    """
    price = x[c[0]]
    fast, slow, window = int(p[0]), int(p[1]), int(p[2])
    relative = p[3] != 0.0
    a, b, g = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0), 2.0 / (window + 1.0)
    seen, quick, lazy, signal = s[0], s[1], s[2], s[3]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        out[1, t] = np.nan
        if not usable(y):
            continue
        seen += 1.0
        if seen > slow:
            quick += a * (y - quick)
            lazy += b * (y - lazy)
        else:
            lazy += y
            if seen > slow - fast:
                quick += y
            if seen < slow:
                continue
            quick /= fast
            lazy /= slow
        line = quick - lazy
        steps = seen - slow + 1.0
        if steps > window:
            signal += g * (line - signal)
        else:
            signal += line
            if steps == window:
                signal /= window
        unit = y if relative else 1.0
        if unit != 0.0:
            out[0, t] = line / unit
            if steps >= window:
                out[1, t] = signal / unit
    s[0], s[1], s[2], s[3] = seen, quick, lazy, signal


@kernel(outputs=3, state_size=lambda _: 9, columns=("high", "low", "close"), params=("window",))
def adx(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Average directional index with the plus and minus directional indicators, 0 to 100 (Wilder 1978).

    Columns: high, low, close. Params: window. As TA-Lib ADX, PLUS_DI, MINUS_DI. Bars with a price that is not finite
    are passed over.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    seen, top, bottom, last, plus, minus, spread, total = s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        out[0, t] = np.nan
        out[1, t] = np.nan
        out[2, t] = np.nan
        if not (usable(h) and usable(w) and usable(y)):
            continue
        seen += 1.0
        if seen > 1.0:
            if seen > n:
                plus -= plus / n
                minus -= minus / n
                spread -= spread / n
            up, down = h - top, bottom - w
            if down > 0.0 and up < down:
                minus += down
            elif up > 0.0 and up > down:
                plus += up
            spread += max(h - w, abs(h - last), abs(w - last))
        top, bottom, last = h, w, y
        if seen <= n:
            continue
        rising = 100.0 * plus / spread if spread > 0.0 else 0.0
        falling = 100.0 * minus / spread if spread > 0.0 else 0.0
        out[1, t] = rising
        out[2, t] = falling
        both = rising + falling
        steps = seen - n
        if steps <= n:
            total += 100.0 * abs(rising - falling) / both if both > 0.0 else 0.0
            if steps < n:
                continue
            total /= n
        elif both > 0.0:
            total = (total * (n - 1.0) + 100.0 * abs(rising - falling) / both) / n
        out[0, t] = total
    s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = seen, top, bottom, last, plus, minus, spread, total
