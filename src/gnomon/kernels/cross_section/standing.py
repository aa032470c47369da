"""Where a symbol stands among all of its moment: by growth, volatility, volume and liquidity.

Each value is a symbol's own, over its own bars (holes are passed over); what is compared is the values of the symbols
that have a bar at the moment.
"""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars
from gnomon.kernels.cross_section.ordering import SCRATCH, stand
from gnomon.kernels.indicators.windows import fill, log_growth, slide_moments, slide_sum, usable, usable_price
from gnomon.kernels.panel import panel_kernel


@panel_kernel(
    outputs=lambda p: len(p) - 2,
    state_size=lambda p: 3 + max(bars(n) for n in p[2::2]),
    scratch=SCRATCH,
    columns=("price",),
)
def growth_standing(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Rank and score of the log growth of the price over a window that ended some bars ago.

    Columns: price. Params: least symbols, robust (1: median and median deviation), then window and bars skipped at its
    end, a rank and a score each. Rank: 0 lowest, 1 highest, ties share. Score: deviations from the mean.
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
        for k in range((p.size - 2) // 2):
            window, skip = int(p[2 + 2 * k]), int(p[3 + 2 * k])
            for i in range(n):
                own = s[i * size : (i + 1) * size]
                values[i] = np.nan
                if own[0] > window and usable_price(x[c[i], t]):
                    new, old = int(own[1]) - 1 - skip, int(own[1]) - 1 - window
                    new, old = new if new >= 0 else new + length, old if old >= 0 else old + length
                    values[i] = log_growth(own[2 + new], own[2 + old])
            stand(values, scratch, p[0], p[1] != 0.0, out, 2 * k * n, t)


@panel_kernel(
    outputs=2,
    state_size=lambda p: 7 + bars(p[2], least=2),
    scratch=SCRATCH,
    columns=("price",),
    params=("least", "robust", "window"),
)
def volatility_standing(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Rank and score of the standard deviation (n - 1) of log returns.

    Columns: price. Params: least symbols, robust, window (of returns). Rank and score as in `growth_standing`.
    """
    n = c.size
    size = s.size // n - SCRATCH
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) :]
    window = int(p[2])
    for t in range(x.shape[1]):
        for i in range(n):
            values[i] = np.nan
            y = x[c[i], t]
            if not usable_price(y):
                continue
            own = s[i * size : (i + 1) * size]
            ring = own[7:]
            if own[1] > 0.0:
                move = log_growth(y, own[1])
                if own[0] == 0.0:
                    own[3] = move
                    fill(ring, move)
                own[0] += 1.0
                slot, own[3], own[4], own[5] = slide_moments(ring, int(own[2]), own[3], own[4], own[5], move)
                own[2] = slot
            own[1] = y
            if own[0] >= window:
                values[i] = math.sqrt(max(own[5] - own[4] * own[4] / window, 0.0) / (window - 1))
        stand(values, scratch, p[0], p[1] != 0.0, out, 0, t)


@panel_kernel(
    outputs=2,
    state_size=lambda p: 3 + bars(p[2], least=2),
    scratch=SCRATCH,
    columns=("volume",),
    params=("least", "robust", "window"),
)
def volume_standing(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Rank and score of the volume over its own mean.

    Columns: volume. Params: least symbols, robust, window (of the mean, the bar itself within). A symbol without any
    volume in its window is left out. Rank and score as in `growth_standing`.
    """
    n = c.size
    size = s.size // n - SCRATCH
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) :]
    window = int(p[2])
    for t in range(x.shape[1]):
        for i in range(n):
            values[i] = np.nan
            y = x[c[i], t]
            if not (usable(y) and y >= 0.0):
                continue
            own = s[i * size : (i + 1) * size]
            own[0] += 1.0
            slot, own[2] = slide_sum(own[3:], int(own[1]), own[2], y)
            own[1] = slot
            if own[0] >= window and own[2] > 0.0:
                values[i] = y / own[2] * window
        stand(values, scratch, p[0], p[1] != 0.0, out, 0, t)


@panel_kernel(
    outputs=2,
    state_size=lambda p: 3 + bars(p[2], least=2),
    scratch=SCRATCH,
    columns=("price", "volume"),
    params=("least", "robust", "window"),
)
def liquidity_standing(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Rank and score of the log of the mean value traded, price times volume.

    Columns: price, volume. Params: least symbols, robust, window. A symbol of which nothing was traded in its window is
    left out. Rank and score as in `growth_standing`.
    """
    n = c.size // 2
    size = s.size // n - SCRATCH
    values, scratch = s[n * size : n * (size + 1)], s[n * (size + 1) :]
    window = int(p[2])
    for t in range(x.shape[1]):
        for i in range(n):
            values[i] = np.nan
            y, volume = x[c[i], t], x[c[n + i], t]
            if not (usable_price(y) and usable(y * volume) and volume >= 0.0):
                continue
            own = s[i * size : (i + 1) * size]
            own[0] += 1.0
            slot, own[2] = slide_sum(own[3:], int(own[1]), own[2], y * volume)
            own[1] = slot
            if own[0] >= window and own[2] > 0.0:
                values[i] = math.log(own[2] / window)
        stand(values, scratch, p[0], p[1] != 0.0, out, 0, t)
