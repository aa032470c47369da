"""Moving averages and what is built of them: SMA, EMA, WMA, MACD, ADX.

`relative` among the params: 0 yields the average itself, in the price's unit; 1 yields a fraction that needs no unit.
"""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import roll_sum, usable, widest


@kernel(state_size=lambda p: 4 + bars(p[0]), columns=("value",), params=("window", "relative"))
def sma(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Simple moving average. Columns: value. Params: window, relative (the value's distance from it). As TA-Lib SMA."""
    value = x[c[0]]
    n = int(p[0])
    relative = p[1] != 0.0
    ring = s[4:]
    clean, i, total, fresh = s[0], int(s[1]), s[2], s[3]
    for t in range(value.size):
        y = value[t]
        ok = usable(y)
        clean = clean + 1.0 if ok else 0.0
        i, total, fresh = roll_sum(ring, i, total, fresh, y if ok else 0.0)
        if clean < n:
            out[0, t] = np.nan
        elif relative:
            out[0, t] = y * n / total - 1.0 if total != 0.0 else np.nan
        else:
            out[0, t] = total / n
    s[0], s[1], s[2], s[3] = clean, i, total, fresh


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


@kernel(state_size=lambda p: 6 + bars(p[0]), columns=("value",), params=("window", "relative"))
def wma(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Linearly weighted moving average: weights 1 to n, the newest heaviest. As TA-Lib WMA.

    Columns: value. Params: window, relative (the value's distance from it).
    """
    value = x[c[0]]
    n = int(p[0])
    relative = p[1] != 0.0
    weights = n * (n + 1) / 2.0
    ring = s[6:]
    clean, i, total, weighted = s[0], int(s[1]), s[2], s[3]
    fresh, heavy = s[4], s[5]
    for t in range(value.size):
        y = value[t]
        ok = usable(y)
        clean = clean + 1.0 if ok else 0.0
        y = y if ok else 0.0
        # Every weight falls by one, which takes the old sum off; the newest gets n.
        weighted += n * y - total
        old = ring[i]
        heavy += (i + 1) * y
        i, total, fresh = roll_sum(ring, i, total, fresh, y)
        if abs(old) > abs(total):
            weighted = 0.0
            for j in range(n):
                weighted += (j + 1) * ring[i + j if i + j < n else i + j - n]
        weighted = heavy if i == 0 else weighted
        heavy = 0.0 if i == 0 else heavy
        if clean < n:
            out[0, t] = np.nan
        elif relative:
            out[0, t] = y * weights / weighted - 1.0 if weighted != 0.0 else np.nan
        else:
            out[0, t] = weighted / weights
    s[0], s[1], s[2], s[3] = clean, i, total, weighted
    s[4], s[5] = fresh, heavy


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
        if not relative:
            out[0, t] = line
            if steps >= window:
                out[1, t] = signal
        elif y != 0.0:
            out[0, t] = line / y
            if steps >= window:
                out[1, t] = signal / y
    s[0], s[1], s[2], s[3] = seen, quick, lazy, signal


@kernel(outputs=3, state_size=lambda _: 9, columns=("high", "low", "close"), params=("window",))
def adx(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Average directional index with the plus and minus directional indicators, 0 to 100 (Wilder 1978).

    Columns: high, low, close. Params: window. As TA-Lib ADX, PLUS_DI, MINUS_DI. Bars with a price that is not finite
    are passed over.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    share = 1.0 / n
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
            # Without a branch: which way a market moves cannot be foretold, by the processor neither.
            up, down = h - top, bottom - w
            keep = 1.0 - share if seen > n else 1.0
            plus = plus * keep + (up if (up > 0.0) & (up > down) else 0.0)
            minus = minus * keep + (down if (down > 0.0) & (down > up) else 0.0)
            spread = spread * keep + widest(h, w, last)
        top, bottom, last = h, w, y
        if seen <= n:
            continue
        unit = 100.0 / spread if spread > 0.0 else 0.0
        out[1, t] = plus * unit
        out[2, t] = minus * unit
        both = plus + minus
        steps = seen - n
        if steps <= n:
            total += 100.0 * abs(plus - minus) / both if both > 0.0 and spread > 0.0 else 0.0
            if steps < n:
                continue
            total /= n
        elif both > 0.0 and spread > 0.0:
            total = total * (1.0 - share) + 100.0 * abs(plus - minus) / both * share
        out[0, t] = total
    s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = seen, top, bottom, last, plus, minus, spread, total
