"""Fractional differences: as little memory taken from the price as makes it stationary."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import usable_price


@kernel(
    outputs=lambda p: len(p) - 1,
    state_size=lambda p: 3 + (1 + len(p)) * bars(p[0], least=2),
    columns=("price",),
)
def fractional_difference(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Fractional differences of the log price over a fixed window (López de Prado 2018, ch. 5).

    Columns: price. Params: window, then the orders, an output each. Weights are those of (1 - B)^d, cut at the window.
    What is weighted is the log price less the window's oldest one: the cut weights do not sum to nothing, and would
    carry the price's unit with them.
    """
    price = x[c[0]]
    n = int(p[0])
    count = p.size - 1
    # The ring is written twice, so that the window always stands in one piece.
    ring, weights = s[3 : 3 + 2 * n], s[3 + 2 * n :]
    clean, i, started = s[0], int(s[1]), s[2]
    if started == 0.0 and price.size > 0:
        started = 1.0
        for k in range(count):
            weight = 1.0
            for j in range(n):
                # The newest bar's weight stands last, beside the newest price.
                weights[k * n + n - 1 - j] = weight
                weight *= (j - p[k + 1]) / (j + 1.0)
    for t in range(price.size):
        good = usable_price(price[t])
        clean = clean + 1.0 if good else 0.0
        y = math.log(price[t]) if good else 0.0
        ring[i] = y
        ring[i + n] = y
        i = i + 1 if i + 1 < n else 0
        for k in range(count):
            if clean < n:
                out[k, t] = np.nan
                continue
            oldest = ring[i]
            a, b, d, e = 0.0, 0.0, 0.0, 0.0
            base = k * n
            j = 0
            while j + 4 <= n:
                a += weights[base + j] * (ring[i + j] - oldest)
                b += weights[base + j + 1] * (ring[i + j + 1] - oldest)
                d += weights[base + j + 2] * (ring[i + j + 2] - oldest)
                e += weights[base + j + 3] * (ring[i + j + 3] - oldest)
                j += 4
            while j < n:
                a += weights[base + j] * (ring[i + j] - oldest)
                j += 1
            out[k, t] = (a + b) + (d + e)
    s[0], s[1], s[2] = clean, i, started
