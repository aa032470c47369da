"""The state of the whole market at a moment: its move, how far its symbols differ, how many of them rise.

Every symbol has the same value, those without a bar too.
"""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars
from gnomon.kernels.cross_section.ordering import SCRATCH, deviation_of, everywhere, in_order, mean_of
from gnomon.kernels.indicators.windows import log_growth, slide_sum, usable, usable_price
from gnomon.kernels.panel import panel_kernel


@panel_kernel(
    outputs=lambda p: len(p) - 1,
    state_size=lambda p: 3 + max(bars(n) for n in p[1:]),
    scratch=SCRATCH,
    columns=("price",),
)
def dispersion(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Standard deviation (n - 1) over the symbols of their log growth over a window.

    Columns: price. Params: least symbols, then the windows, an output each.
    """
    n = c.size
    size = s.size // n - SCRATCH
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) :]
    length = size - 2
    for t in range(x.shape[1]):
        for i in range(n):
            y = x[c[i], t]
            if usable_price(y):
                own = s[i * size : (i + 1) * size]
                slot = int(own[1])
                own[0] += 1.0
                own[2 + slot] = y
                own[1] = slot + 1 if slot + 1 < length else 0
        for k in range(p.size - 1):
            window = int(p[1 + k])
            for i in range(n):
                own = s[i * size : (i + 1) * size]
                values[i] = np.nan
                if own[0] > window and usable_price(x[c[i], t]):
                    old = int(own[1]) - 1 - window
                    values[i] = log_growth(x[c[i], t], own[2 + (old if old >= 0 else old + length)])
            m, keys, _ = in_order(values, scratch)
            everywhere(out, k * n, n, t, deviation_of(keys, mean_of(keys)) if m >= max(p[0], 2.0) else np.nan)


@panel_kernel(
    outputs=lambda p: 2 * (len(p) - 1),
    state_size=lambda _: 1,
    shared=lambda p: 1 + max(bars(n, least=2) for n in p[1:]),
    scratch=SCRATCH,
    columns=("price",),
)
def market_index(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Log growth of the equally weighted market over a window, and the standard deviation (n - 1) of its moves.

    Columns: price. Params: least symbols, then the windows (of moments), two outputs each. The market's move is the
    mean log return of the symbols that have a bar, each since its last one; NaN while the window holds an unknown move.
    """
    n = c.size
    length = s.size - n * (1 + SCRATCH) - 1
    # Slots hold moves and are filled from the end: a count of moments tells how many there are.
    ring, lasts = s[1 : 1 + length], s[1 + length : 1 + length + n]
    values, scratch = s[1 + length + n : 1 + length + 2 * n], s[1 + length + 2 * n :]
    for t in range(x.shape[1]):
        for i in range(n):
            y = x[c[i], t]
            good = usable_price(y)
            values[i] = log_growth(y, lasts[i]) if good and lasts[i] > 0.0 else np.nan
            if good:
                lasts[i] = y
        m, keys, _ = in_order(values, scratch)
        slot = int(s[0] % length)
        ring[slot] = mean_of(keys) if m >= max(p[0], 1.0) else np.nan
        s[0] += 1.0
        for k in range(p.size - 1):
            window = int(p[1 + k])
            total, spread = 0.0, 0.0
            for back in range(window):
                total += ring[slot - back if slot >= back else slot - back + length]
            for back in range(window):
                off = ring[slot - back if slot >= back else slot - back + length] - total / window
                spread += off * off
            known = s[0] >= window
            everywhere(out, 2 * k * n, n, t, total if known else np.nan)
            everywhere(out, (2 * k + 1) * n, n, t, math.sqrt(spread / (window - 1)) if known else np.nan)


@panel_kernel(columns=("price",), params=("least",), state_size=lambda _: 1)
def rising_share(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Share of the symbols whose price is above that of their bar before; those that stand still count half.

    Columns: price. Params: least symbols.
    """
    n = c.size
    for t in range(x.shape[1]):
        count, risen = 0.0, 0.0
        for i in range(n):
            y = x[c[i], t]
            if usable_price(y):
                if s[i] > 0.0:
                    count += 1.0
                    risen += 1.0 if y > s[i] else (0.5 if y == s[i] else 0.0)
                s[i] = y
        everywhere(out, 0, n, t, risen / count if count >= max(p[0], 1.0) else np.nan)


@panel_kernel(
    outputs=lambda p: len(p) - 1, columns=("price",), state_size=lambda p: sum(3 + bars(n, least=2) for n in p[1:])
)
def above_average_share(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Share of the symbols whose price is above its mean over a window; those that stand on it count half.

    Columns: price. Params: least symbols, then the windows, an output each.
    """
    n = c.size
    size = s.size // n
    for t in range(x.shape[1]):
        base = 0
        for k in range(p.size - 1):
            window = int(p[1 + k])
            count, above = 0.0, 0.0
            for i in range(n):
                y = x[c[i], t]
                if not (usable_price(y) and usable(y * window)):
                    continue
                own = s[i * size + base : i * size + base + 3 + window]
                own[0] += 1.0
                slot, own[2] = slide_sum(own[3:], int(own[1]), own[2], y)
                own[1] = slot
                if own[0] >= window:
                    mean = own[2] / window
                    count += 1.0
                    # What differs by rounding alone is equal.
                    above += 1.0 if y > mean * (1.0 + 1e-9) else (0.5 if y >= mean * (1.0 - 1e-9) else 0.0)
            base += 3 + window
            everywhere(out, k * n, n, t, above / count if count >= max(p[0], 1.0) else np.nan)
