"""A straight line through the window's log prices, and how straightly they went."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import GRAVE, fill, slide_sum, usable, usable_price


@kernel(outputs=lambda p: 3 * len(p), state_size=lambda p: sum(7 + bars(n) for n in p), columns=("price",))
def regression(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """The least squares line through the log prices of a window: slope a bar, R squared, the last price's distance.

    Columns: price. Params: windows, three outputs each. The slope as TA-Lib LINEARREG_SLOPE of the logarithm. R squared
    is 0 where the window has no spread.
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, ring = s[base : base + 7], s[base + 7 : base + 7 + n]
        base += 7 + n
        clean, i, pivot, total, weighted, squares, started = m[0], int(m[1]), m[2], m[3], m[4], m[5], m[6]
        across = n * (n * n - 1.0) / 12.0
        for t in range(price.size):
            if usable_price(price[t]):
                y = math.log(price[t])
                clean += 1.0
                if started == 0.0:
                    started, pivot = 1.0, y
                    fill(ring, y)
            else:
                clean, y = 0.0, ring[i - 1]
            old, new = ring[i] - pivot, y - pivot
            ring[i] = y
            # Every weight (0 for the oldest) falls by one, which takes the rest of the sum off.
            weighted += (n - 1) * new - (total - old)
            total += new - old
            squares += new * new - old * old
            i += 1
            if i == n or old * old > GRAVE * squares or total * total > 0.999 * n * squares:
                if i == n:
                    i = 0
                pivot, total, weighted, squares = y, 0.0, 0.0, 0.0
                for j in range(n):
                    d = ring[i + j if i + j < n else i + j - n] - pivot
                    total += d
                    weighted += j * d
                    squares += d * d
            if clean >= n:
                along = weighted - 0.5 * (n - 1) * total
                spread = squares - total * total / n
                slope = along / across
                out[3 * k, t] = slope
                out[3 * k + 1, t] = min(along * along / (across * spread), 1.0) if spread > 0.0 else 0.0
                out[3 * k + 2, t] = y - pivot - total / n - 0.5 * (n - 1) * slope
            else:
                out[3 * k, t] = np.nan
                out[3 * k + 1, t] = np.nan
                out[3 * k + 2, t] = np.nan
        m[0], m[1], m[2], m[3], m[4], m[5], m[6] = clean, i, pivot, total, weighted, squares, started


@kernel(outputs=len, state_size=lambda p: sum(4 + 2 * bars(n) for n in p), columns=("price",))
def efficiency(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Efficiency ratio (Kaufman 1995): the way made over a window, by the way walked; 0 where there was none.

    Columns: price. Params: windows, an output each.
    """
    price = x[c[0]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, path, ring = s[base : base + 4], s[base + 4 : base + 4 + n], s[base + 4 + n : base + 4 + 2 * n]
        base += 4 + 2 * n
        clean, i, total, last = m[0], int(m[1]), m[2], m[3]
        for t in range(price.size):
            y = price[t]
            step = 0.0
            if usable(y):
                step = abs(y - last) if clean > 0.0 else 0.0
                clean += 1.0
            else:
                clean, y = 0.0, last
            then = ring[i]
            ring[i] = y
            last = y
            i, total = slide_sum(path, i, total, step)
            if clean > n:
                out[k, t] = min(abs(y - then) / total, 1.0) if total > 0.0 else 0.0
            else:
                out[k, t] = np.nan
        m[0], m[1], m[2], m[3] = clean, i, total, last
