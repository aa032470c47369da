"""Averages that smooth more than once or adapt: EMA chains with TRIX, KAMA, PPO, crossings."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import slide_sum, usable, usable_price


@kernel(
    outputs=lambda p: len(p) // 2,
    state_size=lambda p: sum(5 + bars(n) for n in p[::2]) + sum(bars(n) for n in p[1::2]),
    columns=("value",),
)
def sma_cross(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Short simple average over a long one, less 1; 0 where the long one is 0.

    Columns: value. Params: short, long window, an output for each pair.
    """
    value = x[c[0]]
    base = 0
    for k in range(p.size // 2):
        fast, slow = int(p[2 * k]), int(p[2 * k + 1])
        m = s[base : base + 5]
        short, long = s[base + 5 : base + 5 + fast], s[base + 5 + fast : base + 5 + fast + slow]
        base += 5 + fast + slow
        clean, i, quick, j, lazy = m[0], int(m[1]), m[2], int(m[3]), m[4]
        for t in range(value.size):
            y = value[t]
            if usable(y):
                clean += 1.0
            else:
                clean, y = 0.0, 0.0
            i, quick = slide_sum(short, i, quick, y)
            j, lazy = slide_sum(long, j, lazy, y)
            if clean >= max(fast, slow):
                out[k, t] = quick / lazy * slow / fast - 1.0 if lazy != 0.0 else 0.0
            else:
                out[k, t] = np.nan
        m[0], m[1], m[2], m[3], m[4] = clean, i, quick, j, lazy


@kernel(outputs=3, state_size=lambda _: 5, columns=("price",), params=("window",))
def ema_chain(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """The price's distances from DEMA and TEMA (Mulloy 1994), and TRIX (Hutson 1983), all of one chain of three EMAs.

    Columns: price. Params: window. As TA-Lib DEMA, TEMA (price / average - 1) and TRIX (percent). Each average starts
    at the mean of its first window; prices that are not finite are passed over.
    """
    price = x[c[0]]
    n = int(p[0])
    alpha = 2.0 / (n + 1.0)
    seen, one, two, three, before = s[0], s[1], s[2], s[3], s[4]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        out[1, t] = np.nan
        out[2, t] = np.nan
        if not usable(y):
            continue
        seen += 1.0
        if seen > n:
            one += alpha * (y - one)
        else:
            one += y
            if seen < n:
                continue
            one /= n
        steps = seen - n + 1.0
        if steps > n:
            two += alpha * (one - two)
        else:
            two += one
            if steps < n:
                continue
            two /= n
        double = 2.0 * one - two
        if double != 0.0:
            out[0, t] = y / double - 1.0
        steps -= n - 1.0
        before = three
        if steps > n:
            three += alpha * (two - three)
        else:
            three += two
            if steps < n:
                continue
            three /= n
        triple = 3.0 * one - 3.0 * two + three
        if triple != 0.0:
            out[1, t] = y / triple - 1.0
        if steps > n and before != 0.0:
            out[2, t] = 100.0 * (three / before - 1.0)
    s[0], s[1], s[2], s[3], s[4] = seen, one, two, three, before


@kernel(state_size=lambda p: 5 + 2 * bars(p[0]), columns=("price",), params=("window",))
def kama(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Distance of the price from Kaufman's adaptive average (1995): quick while the price goes straight, else slow.

    Columns: price. Params: window. As price / TA-Lib KAMA - 1. Prices that are not finite are passed over.
    """
    price = x[c[0]]
    n = int(p[0])
    path, ring = s[5 : 5 + n], s[5 + n :]
    seen, i, total, j, mean = s[0], int(s[1]), s[2], int(s[3]), s[4]
    slowest = 2.0 / 31.0
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        if not usable(y):
            continue
        seen += 1.0
        last, then = ring[j - 1], ring[j]
        ring[j] = y
        j = j + 1 if j + 1 < n else 0
        i, total = slide_sum(path, i, total, abs(y - last) if seen > 1.0 else 0.0)
        if seen <= n:
            mean = y
            continue
        net = y - then
        straight = 1.0 if total <= net or total <= 0.0 else abs(net / total)
        pull = straight * (2.0 / 3.0 - slowest) + slowest
        mean += pull * pull * (y - mean)
        if mean != 0.0:
            out[0, t] = y / mean - 1.0
    s[0], s[1], s[2], s[3], s[4] = seen, i, total, j, mean


@kernel(state_size=lambda _: 3, columns=("price",), params=("fast", "slow"))
def ppo(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Percentage price oscillator (Appel): fast EMA over slow EMA, less 1, in percent.

    Columns: price. Params: fast, slow. As TA-Lib PPO with its averages exponential (matype 1); each starts at the
    mean of its own first window. Prices that are not positive are passed over.
    """
    price = x[c[0]]
    fast, slow = int(p[0]), int(p[1])
    a, b = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0)
    seen, quick, lazy = s[0], s[1], s[2]
    for t in range(price.size):
        y = price[t]
        out[0, t] = np.nan
        if not usable_price(y):
            continue
        seen += 1.0
        if seen > slow:
            quick += a * (y - quick)
            lazy += b * (y - lazy)
        else:
            lazy += y
            if seen > fast:
                quick += a * (y - quick)
            else:
                quick += y / fast
            if seen < slow:
                continue
            lazy /= slow
        out[0, t] = 100.0 * (quick - lazy) / lazy
    s[0], s[1], s[2] = seen, quick, lazy
