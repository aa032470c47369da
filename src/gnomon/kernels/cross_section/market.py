"""How a symbol moves with the market or with its sector: beta, residual, correlation, residual momentum.

The market's move is the mean of the log returns of the symbols that have a bar, each since its own last bar: an equally
weighted geometric index, as the Value Line one is, in which a single wild print weighs little; or a weighted mean, with
weights known at the bar before. A symbol that missed bars is paired with all that the market did meanwhile. A pair is
left out where the market is unknown: fewer than `least` symbols with a return.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gnomon.kernels.base import bars
from gnomon.kernels.cross_section.ordering import SCRATCH, in_order, mean_of, stand
from gnomon.kernels.indicators.windows import log_growth, slide_pair, slide_sum, usable, usable_price
from gnomon.kernels.panel import panel_kernel

OWN = 11
"""Floats of a symbol before its rings: pairs, last price, market since then, and the eight of `slide_pair`."""


@njit(error_model="numpy")
def moves(s, size, x, c, values, t):  # type: ignore[no-untyped-def]
    """Writes each symbol's log return since its last bar; NaN where it has no bar, or none before."""
    for i in range(values.size):
        y, last = x[c[i], t], s[i * size + 1]
        values[i] = log_growth(y, last) if last > 0.0 and usable_price(y) else np.nan


@njit(error_model="numpy")
def market_move(values, scratch, least):  # type: ignore[no-untyped-def]
    """The mean of what there is; NaN of fewer than `least`."""
    m, keys, _ = in_order(values, scratch)
    return mean_of(keys) if m >= least else np.nan


@njit(error_model="numpy")
def pair(own, window, y, move, market):  # type: ignore[no-untyped-def]
    """Puts a symbol's move, and the market's over the same time, into its rings; says whether it did."""
    if not usable_price(y):
        if own[1] > 0.0:
            own[2] += market
        return False
    along = own[2] + market
    known = own[1] > 0.0 and usable(along)
    if known:
        slide_pair(own[3:OWN], own[OWN : OWN + window], own[OWN + window : OWN + 2 * window], move, along)
        own[0] += 1.0
    own[1] = y
    own[2] = 0.0
    return known


@njit(error_model="numpy")
def line(own, window):  # type: ignore[no-untyped-def]
    """Slope and intercept of a symbol's moves on the market's; slope 0 where the market stood still."""
    m = own[3:OWN]
    square = m[6] - m[4] * m[4] / window
    both = m[7] - m[3] * m[4] / window
    slope = both / square if square > 0.0 else 0.0
    return slope, m[1] + m[3] / window - slope * (m[2] + m[4] / window)


@njit(error_model="numpy")
def along_market(own, window, out, i, n, t):  # type: ignore[no-untyped-def]
    """Writes beta, residual of the last pair, correlation and deviation of the residuals of one symbol."""
    m, a, b = own[3:OWN], own[OWN : OWN + window], own[OWN + window : OWN + 2 * window]
    slope, level = line(own, window)
    last = int(m[0]) - 1
    last = last if last >= 0 else last + window
    mine = m[5] - m[3] * m[3] / window
    square = m[6] - m[4] * m[4] / window
    both = m[7] - m[3] * m[4] / window
    out[i, t] = slope
    out[n + i, t] = a[last] - level - slope * b[last]
    still = not (mine > 0.0 and square > 0.0)
    out[2 * n + i, t] = 0.0 if still else min(max(both / math.sqrt(mine) / math.sqrt(square), -1.0), 1.0)
    rest = mine - slope * both
    # What differs by rounding alone lies on the line.
    out[3 * n + i, t] = math.sqrt(rest / (window - 2)) if rest > 1e-12 * mine else 0.0


@njit(error_model="numpy")
def unknown(out, outputs, n, t):  # type: ignore[no-untyped-def]
    """Writes NaN into all rows of a moment."""
    for row in range(outputs * n):
        out[row, t] = np.nan


@panel_kernel(
    outputs=4,
    state_size=lambda p: OWN + 2 * bars(p[1], least=3),
    scratch=SCRATCH,
    columns=("price",),
    params=("least", "window"),
)
def market_line(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Beta to the equally weighted market, residual return, correlation, and deviation (n - 2) of the residuals.

    Columns: price. Params: least symbols, window (of returns). Least squares with an intercept over the window, the bar
    itself within; the residual is that of the bar.
    """
    n = c.size
    window = int(p[1])
    size = OWN + 2 * window
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) :]
    for t in range(x.shape[1]):
        moves(s, size, x, c, values, t)
        market = market_move(values, scratch, p[0])
        unknown(out, 4, n, t)
        for i in range(n):
            own = s[i * size : (i + 1) * size]
            if pair(own, window, x[c[i], t], values[i], market) and own[0] >= window:
                along_market(own, window, out, i, n, t)


@panel_kernel(
    outputs=4,
    state_size=lambda p: OWN + 2 * bars(p[1], least=3) + 4 + (bars(p[2]) if p[2] else 0),
    scratch=SCRATCH + 1,
    columns=("price", "weight"),
    params=("least", "window", "traded"),
)
def weighted_market_line(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """As `market_line`, to a market in which each symbol has the weight of its bar before.

    Columns: price, weight. Params: least symbols, window (of returns), traded. With traded 0 the weight stands in its
    column (a market value, say); otherwise the column is the volume and the weight the mean value traded over the last
    so many bars. A symbol without a positive weight is no part of the market, and is measured against it all the same.
    """
    n = c.size // 2
    window, traded = int(p[1]), int(p[2])
    base = OWN + 2 * window
    size = base + 4 + traded
    values, parts, room = s[n * size : n * (size + 1)], s[n * (size + 1) : n * (size + 2)], s[n * (size + 2) :]
    for t in range(x.shape[1]):
        moves(s, size, x, c, values, t)
        for i in range(n):
            weight = s[i * size + base]
            parts[i] = weight if weight > 0.0 and values[i] == values[i] else np.nan
        m, keys, _ = in_order(parts, room)
        market = np.nan
        if m >= p[0]:
            whole = mean_of(keys)
            for i in range(n):
                parts[i] = parts[i] * values[i]
            _, keys, _ = in_order(parts, room)
            market = mean_of(keys) / whole
        unknown(out, 4, n, t)
        for i in range(n):
            own = s[i * size : (i + 1) * size]
            y, given = x[c[i], t], x[c[n + i], t]
            if pair(own, window, y, values[i], market) and own[0] >= window:
                along_market(own, window, out, i, n, t)
            if not usable_price(y):
                continue
            if traded == 0:
                own[base] = given if usable_price(given) else 0.0
            elif usable(y * given) and given >= 0.0:
                own[base + 1] += 1.0
                slot, own[base + 3] = slide_sum(own[base + 4 :], int(own[base + 2]), own[base + 3], y * given)
                own[base + 2] = slot
                own[base] = own[base + 3] / traded if own[base + 1] >= traded else 0.0


@panel_kernel(
    outputs=4,
    state_size=lambda p: OWN + 2 * bars(p[1], least=3) + 1,
    scratch=2 * SCRATCH + 2,
    columns=("price", "sector"),
    params=("least", "window"),
)
def sector_line(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """As `market_line`, to the equally weighted sector of each symbol.

    Columns: price, sector (a number, equal for all of a sector; without one the symbol counts as absent). Params: least
    symbols of a sector, window (of returns). A symbol that changes its sector keeps its window.
    """
    n = c.size // 2
    window = int(p[1])
    size = OWN + 2 * window + 1
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) : n * (size + SCRATCH)]
    base = n * (size + SCRATCH)
    codes, room = s[base : base + n], s[base + n : base + 5 * n]
    members, sectors = s[base + 5 * n : base + 6 * n], s[base + 6 * n :]
    for t in range(x.shape[1]):
        moves(s, size, x, c, values, t)
        for i in range(n):
            sector = x[c[n + i], t]
            if usable_price(x[c[i], t]) and usable(sector):
                s[(i + 1) * size - 1] = sector
            else:
                values[i] = np.nan
            # Those that are away go on with the sector that they were last seen in.
            codes[i] = s[(i + 1) * size - 1] if s[i * size + 1] > 0.0 or usable_price(x[c[i], t]) else np.nan
            sectors[i] = np.nan
        m, keys, _ = in_order(codes, room)
        for k in range(m):
            if k > 0 and keys[k] == keys[k - 1]:
                continue
            for i in range(n):
                members[i] = values[i] if codes[i] == keys[k] else np.nan
            market = market_move(members, scratch, p[0])
            for i in range(n):
                if codes[i] == keys[k]:
                    sectors[i] = market
        unknown(out, 4, n, t)
        for i in range(n):
            own = s[i * size : (i + 1) * size]
            y = x[c[i], t] if usable(x[c[n + i], t]) else np.nan
            if pair(own, window, y, values[i], sectors[i]) and own[0] >= window:
                along_market(own, window, out, i, n, t)


@panel_kernel(
    outputs=3,
    state_size=lambda p: OWN + 2 * bars(p[2], least=3),
    scratch=SCRATCH + 1,
    columns=("price",),
    params=("least", "robust", "history", "window", "skip"),
)
def residual_momentum(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Sum of the residual returns of a window over their deviation times its root, with its rank and score.

    Columns: price. Params: least symbols, robust, history (returns of the regression on the equally weighted market),
    window (its last residuals that count), skip (those at its end that do not). Blitz, Huij and Martens 2011; 0 where
    the residuals are still. Rank and score as in `growth_standing`.
    """
    n = c.size
    history, window, skip = int(p[2]), int(p[3]), int(p[4])
    size = OWN + 2 * history
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) : n * (size + SCRATCH)]
    gains = s[n * (size + SCRATCH) :]
    count = window - skip
    for t in range(x.shape[1]):
        moves(s, size, x, c, values, t)
        market = market_move(values, scratch, p[0])
        for i in range(n):
            own = s[i * size : (i + 1) * size]
            gains[i] = np.nan
            if pair(own, history, x[c[i], t], values[i], market) and own[0] >= history:
                a, b = own[OWN : OWN + history], own[OWN + history : OWN + 2 * history]
                slope, level = line(own, history)
                total, squares = 0.0, 0.0
                j = int(own[3]) - window
                j = j if j >= 0 else j + history
                for _ in range(count):
                    residual = a[j] - level - slope * b[j]
                    total += residual
                    squares += residual * residual
                    j = j + 1 if j + 1 < history else 0
                spread = (squares - total * total / count) / (count - 1)
                # What differs by rounding alone is still.
                gains[i] = total / math.sqrt(count * spread) if spread > 1e-9 * squares else 0.0
            out[i, t] = gains[i]
        stand(gains, scratch, p[0], p[1] != 0.0, out, n, t)
