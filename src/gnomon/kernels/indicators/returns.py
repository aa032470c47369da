"""Returns over one or more windows of bars."""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import usable_price


@kernel(outputs=len, state_size=lambda p: 1 + max(bars(window) for window in p), columns=("price",))
def simple_return(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Return over each of `params` bars, as a fraction. Columns: price. Params: one window an output.

    Equals TA-Lib ROCP (ROC is 100 times that). NaN where either price is not positive.
    """
    price = x[c[0]]
    n = s.size - 1
    ring = s[1:]
    i = int(s[0])
    for t in range(price.size):
        now = price[t] if usable_price(price[t]) else np.nan
        for k in range(p.size):
            j = i - int(p[k])
            then = ring[j if j >= 0 else j + n]
            # A ring not yet filled holds zeros: no price, no return.
            out[k, t] = now / then - 1.0 if then > 0.0 else np.nan
        ring[i] = now
        i = i + 1 if i + 1 < n else 0
    s[0] = i


@kernel(outputs=len, state_size=lambda p: 2 + max(bars(window) for window in p), columns=("price",))
def log_return(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Logarithm of the price's growth over each of `params` bars. Columns: price. Params: one window an output.

    One logarithm a bar, whatever the windows: the ring holds logarithms. NaN where either price is not positive.
    """
    price = x[c[0]]
    n = s.size - 2
    ring = s[2:]
    i, seen = int(s[0]), s[1]
    for t in range(price.size):
        now = math.log(price[t]) if usable_price(price[t]) else np.nan
        for k in range(p.size):
            j = i - int(p[k])
            out[k, t] = now - ring[j if j >= 0 else j + n] if seen >= p[k] else np.nan
        ring[i] = now
        i = i + 1 if i + 1 < n else 0
        seen += 1.0
    s[0], s[1] = i, seen
