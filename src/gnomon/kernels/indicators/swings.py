"""Oscillators of a window or of smoothed moves: CCI, Williams %R, Ultimate, CMO, StochRSI, balance of power, TSI."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.tiles import TILE, advance, clear, lane, tile_deviation, tile_max
from gnomon.kernels.indicators.windows import drop, rise, slide_max, slide_sum, usable

STILL = 1e-9
"""A range of an index between 0 and 100 that is rounding error."""


@kernel(state_size=lambda p: 1 + 3 * lane(bars(p[0])), columns=("high", "low", "close"), params=("window",))
def cci(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Commodity channel index (Lambert 1980): the typical price from its mean, over 0.015 mean absolute deviations.

    Columns: high, low, close. Params: window. As TA-Lib CCI; 0 where the window has no spread.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    size = lane(n)
    values, scratch = s[1 : 1 + size], s[1 + size :]
    means, spreads = scratch[:size], scratch[size:]
    clean = s[0]
    for base in range(0, close.size, TILE):
        m = min(TILE, close.size - base)
        for t in range(m):
            typical = (high[base + t] + low[base + t] + close[base + t]) / 3.0
            if usable(typical):
                clean += 1.0
            else:
                clean, typical = 0.0, 0.0
            values[n - 1 + t] = typical
            out[0, base + t] = 0.0 if clean >= n else np.nan
        tile_deviation(values, means, spreads, n, m)
        for t in range(m):
            distance = -means[t] * n / (0.015 * spreads[t])
            out[0, base + t] += distance if spreads[t] > 0.0 else 0.0
        advance(values, n, m)
    clear(scratch, n, close.size)
    s[0] = clean


@kernel(state_size=lambda p: 1 + 6 * lane(bars(p[0])), columns=("high", "low", "close"), params=("window",))
def williams_r(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Williams %R, -100 (at the window's low) to 0 (at its high).

    Columns: high, low, close. Params: window. As TA-Lib WILLR, but a window without range gives -50, where TA-Lib
    gives 0.
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
            place = -100.0 * (top[t] - y) / spread
            out[0, base + t] = place if spread > 0.0 else 0.0 * y - 50.0
        advance(tops, n, m)
        advance(bottoms, n, m)
    clear(scratch, n, close.size)
    s[0] = clean


@kernel(
    state_size=lambda p: 2 + sum(3 + 2 * bars(n) for n in p),
    columns=("high", "low", "close"),
    params=("short", "middle", "long"),
)
def ultimate(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Ultimate oscillator, 0 to 100 (Williams 1985): buying pressure over true range, in three windows.

    Columns: high, low, close. Params: the windows, whose weights are 4, 2 and 1. As TA-Lib ULTOSC, but a window without
    range counts as a half, where TA-Lib counts nothing.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    longest = max(p[0], p[1], p[2])
    clean, last = s[0], s[1]
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        pressure, spread = 0.0, 0.0
        if usable(h) and usable(w) and usable(y):
            if clean > 0.0:
                pressure, spread = y - min(w, last), max(h, last) - min(w, last)
            clean += 1.0
            last = y
        else:
            clean = 0.0
        total = 0.0
        base = 2
        for k in range(3):
            n = int(p[k])
            m, a, b = s[base : base + 3], s[base + 3 : base + 3 + n], s[base + 3 + n : base + 3 + 2 * n]
            base += 3 + 2 * n
            _, m[1] = slide_sum(a, int(m[0]), m[1], pressure)
            slot, m[2] = slide_sum(b, int(m[0]), m[2], spread)
            m[0] = slot
            total += (4.0 if k == 0 else 3.0 - k) * (m[1] / m[2] if m[2] > 0.0 else 0.5)
        out[0, t] = 100.0 * total / 7.0 if clean > longest else np.nan
    s[0], s[1] = clean, last


@kernel(state_size=lambda _: 4, columns=("price",), params=("window",))
def cmo(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Chande's momentum oscillator, -100 to 100: gains minus losses over both, smoothed as Wilder does.

    Columns: price. Params: window. As TA-Lib CMO (Chande 1994 has plain sums): twice the RSI less 100. 0 for a price
    that never moved. Prices that are not finite are passed over.
    """
    price = x[c[0]]
    n = int(p[0])
    share = 1.0 / n
    keep = 1.0 - share
    seen, last, gain, loss = s[0], s[1], s[2], s[3]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        if not usable(y):
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
                continue
            gain /= n
            loss /= n
        both = gain + loss
        out[0, t] = 100.0 * (gain - loss) / both if both > 0.0 else 0.0
    s[0], s[1], s[2], s[3] = seen, last, gain, loss


@kernel(
    outputs=2,
    state_size=lambda p: 9 + 2 * bars(p[1]) + bars(p[2]),
    columns=("price",),
    params=("window", "range", "smoothing"),
)
def stochastic_rsi(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Where the RSI stands in its own range, 0 to 100 (Chande and Kroll 1994), and that line's simple average.

    Columns: price. Params: window of the RSI, bars of its range, bars of the average. As TA-Lib STOCHRSI, but an RSI
    that stands still gives 50, where TA-Lib gives 0 or rounding errors. Prices that are not finite are passed over.
    """
    price = x[c[0]]
    n, size, smoothing = int(p[0]), int(p[1]), int(p[2])
    tops, bottoms, ring = s[9 : 9 + size], s[9 + size : 9 + 2 * size], s[9 + 2 * size :]
    seen, last, gain, loss = s[0], s[1], s[2], s[3]
    i, rising, falling, j, total = int(s[4]), s[5], s[6], int(s[7]), s[8]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        out[1, t] = np.nan
        if not usable(y):
            continue
        seen += 1.0
        move = y - last if seen > 1.0 else 0.0
        last = y
        if seen > n + 1.0:
            gain += (max(move, 0.0) - gain) / n
            loss += (max(-move, 0.0) - loss) / n
        else:
            gain += max(move, 0.0)
            loss += max(-move, 0.0)
            if seen <= n:
                continue
            gain /= n
            loss /= n
        both = gain + loss
        rsi = 100.0 * gain / both if both > 0.0 else 50.0
        rising, top = slide_max(tops, i, rising, rsi)
        falling, bottom = slide_max(bottoms, i, falling, -rsi)
        i = i + 1 if i + 1 < size else 0
        if seen < n + size:
            continue
        spread = top + bottom
        line = 100.0 * (rsi + bottom) / spread if spread > STILL else 50.0
        j, total = slide_sum(ring, j, total, line)
        out[0, t] = line
        if seen >= n + size + smoothing - 1:
            out[1, t] = total / smoothing
    s[0], s[1], s[2], s[3] = seen, last, gain, loss
    s[4], s[5], s[6], s[7], s[8] = i, rising, falling, j, total


@kernel(state_size=lambda p: 3 + bars(p[0]), columns=("open", "high", "low", "close"), params=("window",))
def balance_of_power(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Balance of power, -1 to 1 (Livshin 2001): the mean of (close - open) / (high - low), 0 for a bar without range.

    Columns: open, high, low, close. Params: window. The simple average of TA-Lib BOP.
    """
    opened, high, low, close = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    n = int(p[0])
    ring = s[3:]
    clean, i, total = s[0], int(s[1]), s[2]
    for t in range(close.size):
        o, h, w, y = opened[t], high[t], low[t], close[t]
        power = 0.0
        if usable(o) and usable(h) and usable(w) and usable(y):
            clean += 1.0
            power = (y - o) / (h - w) if h > w else 0.0
        else:
            clean = 0.0
        i, total = slide_sum(ring, i, total, power)
        out[0, t] = total / n if clean >= n else np.nan
    s[0], s[1], s[2] = clean, i, total


@kernel(state_size=lambda _: 6, columns=("price",), params=("slow", "fast"))
def tsi(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """True strength index, -100 to 100 (Blau 1991): moves smoothed twice, over their sizes smoothed twice.

    Columns: price. Params: slow, fast. EMAs that start at the first move; known after slow + fast bars; 0 for a price
    that never moved. Prices that are not finite are passed over.
    """
    price = x[c[0]]
    a, b = 2.0 / (p[0] + 1.0), 2.0 / (p[1] + 1.0)
    seen, last, once, twice, size, sizes = s[0], s[1], s[2], s[3], s[4], s[5]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        if not usable(y):
            continue
        seen += 1.0
        move = y - last
        last = y
        if seen == 2.0:
            once, twice, size, sizes = move, move, abs(move), abs(move)
        elif seen > 2.0:
            once += a * (move - once)
            size += a * (abs(move) - size)
            twice += b * (once - twice)
            sizes += b * (size - sizes)
        if seen > p[0] + p[1]:
            out[0, t] = 100.0 * twice / sizes if sizes > 0.0 else 0.0
    s[0], s[1], s[2], s[3], s[4], s[5] = seen, last, once, twice, size, sizes
