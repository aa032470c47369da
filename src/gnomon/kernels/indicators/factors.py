"""A price held against published factor returns: how it moves with each of them, and what is its own."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.publications import is_new
from gnomon.kernels.indicators.windows import usable, usable_price

HEAD = 9
"""Floats of the state before the rings: counts, places, the price at the last publication, four outputs held."""
SCRATCH = 16
"""Floats of the state that a regression works in."""
SINGULAR = 1e-10
"""A factor of whose variance the others leave less than this share cannot be told from them."""


@njit(error_model="numpy")
def regress(rings, a, held, last, n):  # type: ignore[no-untyped-def]
    """Betas and the scaled residual of slot `last` into `held`; rings: the price's returns, then each factor's.

    `a` is scratch of 16: the factors' products, row by row, then those with the price, then the four means. NaN where
    a factor is a mixture of the others.
    """
    for k in range(4):
        held[k] = np.nan
    for k in range(4):
        mean = 0.0
        for j in range(n):
            mean += rings[k * n + j] - rings[k * n + last]
        a[12 + k] = rings[k * n + last] + mean / n
    for k in range(3):
        for m in range(k + 1):
            total = 0.0
            for j in range(n):
                total += (rings[(k + 1) * n + j] - a[13 + k]) * (rings[(m + 1) * n + j] - a[13 + m])
            a[3 * k + m] = total
        total = 0.0
        for j in range(n):
            total += (rings[(k + 1) * n + j] - a[13 + k]) * (rings[j] - a[12])
        a[9 + k] = total
    for k in range(3):
        whole = a[4 * k]
        for m in range(k + 1):
            for j in range(m):
                a[3 * k + m] -= a[3 * k + j] * a[3 * m + j]
            if m < k:
                a[3 * k + m] /= a[4 * m]
        if not a[4 * k] > SINGULAR * whole:
            return
        a[4 * k] = math.sqrt(a[4 * k])
    for k in range(3):
        for j in range(k):
            a[9 + k] -= a[3 * k + j] * a[9 + j]
        a[9 + k] /= a[4 * k]
    for k in range(2, -1, -1):
        for j in range(k + 1, 3):
            a[9 + k] -= a[3 * j + k] * a[9 + j]
        a[9 + k] /= a[4 * k]
    squares, own = 0.0, 0.0
    for j in range(n):
        rest = rings[j] - a[12]
        for k in range(3):
            rest -= a[9 + k] * (rings[(k + 1) * n + j] - a[13 + k])
        squares += rest * rest
        if j == last:
            own = rest
    for k in range(3):
        held[k] = a[9 + k]
    # Four numbers were fitted.
    scale = math.sqrt(squares / (n - 4))
    held[3] = own / scale if scale > 0.0 else 0.0


@kernel(
    outputs=4,
    state_size=lambda p: HEAD + SCRATCH + bars(p[1] + 1) + 4 * bars(p[0], least=6),
    columns=("known_at", "close", "market", "size", "value"),
    params=("window", "lag"),
)
def factor_exposure(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Least squares of a price's returns on those of three factors over the last publications.

    Yields three betas, and the residual of the last return in standard deviations of the residuals. Columns: known_at,
    close, the factors' returns. Params: publications in the window; lag, the bars by which a publication comes after
    the close of the period that it is about. The price's return is that between two publications, both moved back by
    the lag. A publication with a bad value or price pairs with nothing, nor does the one after it. NaN where the
    factors cannot be told apart.
    """
    known, close = x[c[0]], x[c[1]]
    n, lag = int(p[0]), int(p[1])
    held = s[5:HEAD]
    a = s[HEAD : HEAD + SCRATCH]
    prices = s[HEAD + SCRATCH : HEAD + SCRATCH + lag + 1]
    rings = s[HEAD + SCRATCH + lag + 1 :]
    seen, before, i, base, at = s[0], s[1], int(s[2]), s[3], int(s[4])
    for t in range(close.size):
        prices[at] = close[t] if usable_price(close[t]) else 0.0
        at = at + 1 if at < lag else 0
        good = usable_price(close[t])
        for k in range(2, 5):
            good = good and usable(x[c[k], t])
        if is_new(known[t], before):
            price = prices[at]
            if good and price > 0.0:
                if base > 0.0 and usable(price / base):
                    rings[i] = price / base - 1.0
                    for k in range(3):
                        rings[(k + 1) * n + i] = x[c[k + 2], t]
                    i = i + 1 if i + 1 < n else 0
                    seen += 1.0
                    if seen >= n:
                        regress(rings, a, held, i - 1 if i else n - 1, n)
                base = price
            else:
                base = 0.0
            before = known[t]
        for k in range(4):
            out[k, t] = held[k] if good and seen >= n else np.nan
    s[0], s[1], s[2], s[3], s[4] = seen, before, i, base, at
