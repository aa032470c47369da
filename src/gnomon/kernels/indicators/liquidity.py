"""What trading costs and moves, from bars alone: Amihud, Kyle, Roll, Corwin-Schultz, and volume beside price."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import log_growth, slide_pair, slide_sum, usable, usable_price


@kernel(outputs=len, state_size=lambda p: sum(6 + 3 * bars(n) for n in p), columns=("close", "volume"))
def amihud(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Illiquidity (Amihud 2002): the mean of |log return| over money traded, times the window's mean money traded.

    Columns: close, volume. Params: windows, an output each. Amihud's ratio has the unit of one over money; times the
    mean it is the move that an average bar's money makes. Bars without volume are left out of the first mean; 0 where
    none has volume.
    """
    close, volume = x[c[0]], x[c[1]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, ratios, moneys = s[base : base + 6], s[base + 6 : base + 6 + n], s[base + 6 + n : base + 6 + 2 * n]
        counts = s[base + 6 + 2 * n : base + 6 + 3 * n]
        base += 6 + 3 * n
        clean, last, i, ratio, money, count = m[0], m[1], int(m[2]), m[3], m[4], m[5]
        for t in range(close.size):
            y, v = close[t], volume[t]
            move, traded = 0.0, y * v
            if usable_price(y) and usable(traded) and traded >= 0.0:
                clean += 1.0
                move = abs(log_growth(y, last)) if last > 0.0 else 0.0
                last = y
            else:
                clean, traded = 0.0, 0.0
            some = 1.0 if traded > 1e-100 else 0.0
            _, ratio = slide_sum(ratios, i, ratio, move / traded if some > 0.0 else 0.0)
            _, money = slide_sum(moneys, i, money, traded)
            i, count = slide_sum(counts, i, count, some)
            if clean > n:
                out[k, t] = ratio / count * (money / n) if count > 0.0 else 0.0
            else:
                out[k, t] = np.nan
        m[0], m[1], m[2], m[3], m[4], m[5] = clean, last, i, ratio, money, count


@kernel(state_size=lambda p: 12 + 3 * bars(p[0], least=2), columns=("close", "volume"), params=("window",))
def kyle_lambda(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Kyle's lambda (1985): the slope of log returns on volume signed by them, times the window's mean volume.

    Columns: close, volume. Params: window. The move that an average bar's volume makes; 0 where no volume was signed.
    """
    close, volume = x[c[0]], x[c[1]]
    n = int(p[0])
    m, moves, flows, plain = s[4:12], s[12 : 12 + n], s[12 + n : 12 + 2 * n], s[12 + 2 * n :]
    clean, last, i, total = s[0], s[1], int(s[2]), s[3]
    for t in range(close.size):
        y, v = close[t], volume[t]
        move, flow = 0.0, 0.0
        if usable_price(y) and usable(v):
            clean += 1.0
            if last > 0.0:
                move = log_growth(y, last)
                flow = v if y > last else (-v if y < last else 0.0)
            last = y
        else:
            clean, v = 0.0, 0.0
        slide_pair(m, flows, moves, flow, move)
        i, total = slide_sum(plain, i, total, v)
        if clean > n:
            spread = m[5] - m[3] * m[3] / n
            out[0, t] = (m[7] - m[3] * m[4] / n) / spread * (total / n) if spread > 0.0 else 0.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3] = clean, last, i, total


@kernel(state_size=lambda p: 11 + 2 * bars(p[0], least=2), columns=("price",), params=("window",))
def roll_spread(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Effective spread (Roll 1984): twice the root of minus the covariance of neighbouring log returns, at least 0.

    Columns: price. Params: window (of pairs of returns).
    """
    price = x[c[0]]
    n = int(p[0])
    m, now, before = s[3:11], s[11 : 11 + n], s[11 + n :]
    clean, last, previous = s[0], s[1], s[2]
    for t in range(price.size):
        y = price[t]
        move = 0.0
        if usable_price(y):
            clean += 1.0
            move = log_growth(y, last) if last > 0.0 else 0.0
            last = y
        else:
            clean = 0.0
        slide_pair(m, now, before, move, previous)
        previous = move
        if clean > n + 1.0:
            out[0, t] = 2.0 * math.sqrt(max(-(m[7] - m[3] * m[4] / n) / (n - 1), 0.0))
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2] = clean, last, previous


@kernel(state_size=lambda p: 6 + bars(p[0]), columns=("high", "low", "close"), params=("window",))
def corwin_schultz(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Spread from highs and lows (Corwin and Schultz 2012): a bar's range holds one spread, two bars' range as well.

    Columns: high, low, close. Params: window, the mean of whose bars it is. As they do, a bar that opened beyond the
    last close is moved back onto it, and an estimate below 0 counts as 0.
    """
    high, low, close = x[c[0]], x[c[1]], x[c[2]]
    n = int(p[0])
    ring = s[6:]
    clean, top, bottom, last, i, total = s[0], s[1], s[2], s[3], int(s[4]), s[5]
    scale = 3.0 - 2.0 * math.sqrt(2.0)
    for t in range(close.size):
        h, w, y = high[t], low[t], close[t]
        spread = 0.0
        if usable_price(h) and usable_price(w) and usable_price(y):
            if clean > 0.0:
                # How far the whole bar lies above or below the last close.
                gap = w - last if w > last else min(h - last, 0.0)
                over, under = max(top, h - gap), min(bottom, w - gap)
                one, two = log_growth(h - gap, w - gap), log_growth(top, bottom)
                both = log_growth(over, under)
                ranges = one * one + two * two
                alpha = (math.sqrt(2.0 * ranges) - math.sqrt(ranges)) / scale - math.sqrt(both * both / scale)
                spread = max(2.0 * math.tanh(0.5 * alpha), 0.0)
            clean += 1.0
            top, bottom, last = h, w, y
        else:
            clean = 0.0
        i, total = slide_sum(ring, i, total, spread)
        out[0, t] = total / n if clean > n else np.nan
    s[0], s[1], s[2], s[3], s[4], s[5] = clean, top, bottom, last, i, total


@kernel(outputs=len, state_size=lambda p: sum(4 + 2 * bars(n) for n in p), columns=("high", "low", "close", "volume"))
def vwap_distance(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Distance of the close from the volume-weighted average price of a window; 0 where there was no volume.

    Columns: high, low, close, volume. Params: windows, an output each. A bar counts with its typical price.
    """
    high, low, close, volume = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, moneys, volumes = s[base : base + 4], s[base + 4 : base + 4 + n], s[base + 4 + n : base + 4 + 2 * n]
        base += 4 + 2 * n
        clean, i, money, total = m[0], int(m[1]), m[2], m[3]
        for t in range(close.size):
            y, v = close[t], volume[t]
            traded = (high[t] + low[t] + y) / 3.0 * v
            if usable(traded) and usable(y) and usable(v):
                clean += 1.0
            else:
                clean, traded, v = 0.0, 0.0, 0.0
            _, money = slide_sum(moneys, i, money, traded)
            i, total = slide_sum(volumes, i, total, v)
            if clean >= n:
                out[k, t] = y * (total / money) - 1.0 if total > 0.0 and money > 0.0 else 0.0
            else:
                out[k, t] = np.nan
        m[0], m[1], m[2], m[3] = clean, i, money, total


@kernel(state_size=lambda p: 4 + 2 * bars(p[0]), columns=("high", "low", "close", "volume"), params=("window",))
def money_flow(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Chaikin money flow, -1 to 1: volume weighted by where the close stands in its bar, over volume; 0 without any.

    Columns: high, low, close, volume. Params: window.
    """
    high, low, close, volume = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    n = int(p[0])
    flows, plain = s[4 : 4 + n], s[4 + n :]
    clean, i, balance, total = s[0], int(s[1]), s[2], s[3]
    for t in range(close.size):
        h, w, y, v = high[t], low[t], close[t], volume[t]
        flow = 0.0
        if usable(h) and usable(w) and usable(y) and usable(v):
            clean += 1.0
            flow = v * ((y - w) - (h - y)) / (h - w) if h > w else 0.0
        else:
            clean, v = 0.0, 0.0
        _, balance = slide_sum(flows, i, balance, flow)
        i, total = slide_sum(plain, i, total, v)
        if clean >= n:
            out[0, t] = balance / total if total > 0.0 else 0.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3] = clean, i, balance, total


@kernel(outputs=len, state_size=lambda p: sum(10 + 2 * bars(n, least=2) for n in p), columns=("close", "volume"))
def price_volume_correlation(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Correlation of log returns with volume (Karpoff 1987); 0 where either stands still.

    Columns: close, volume. Params: windows (of returns), an output each.
    """
    close, volume = x[c[0]], x[c[1]]
    base = 0
    for k in range(p.size):
        n = int(p[k])
        m, a, b = s[base : base + 10], s[base + 10 : base + 10 + n], s[base + 10 + n : base + 10 + 2 * n]
        base += 10 + 2 * n
        clean, last = m[8], m[9]
        for t in range(close.size):
            y, v = close[t], volume[t]
            move = 0.0
            if usable_price(y) and usable(v):
                clean += 1.0
                move = log_growth(y, last) if last > 0.0 else 0.0
                last = y
            else:
                clean, v = 0.0, 0.0
            slide_pair(m, a, b, move, v)
            if clean > n:
                one, two = m[5] - m[3] * m[3] / n, m[6] - m[4] * m[4] / n
                both = m[7] - m[3] * m[4] / n
                out[k, t] = both / math.sqrt(one) / math.sqrt(two) if one > 0.0 and two > 0.0 else 0.0
            else:
                out[k, t] = np.nan
        m[8], m[9] = clean, last
