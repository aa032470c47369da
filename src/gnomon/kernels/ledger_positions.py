"""From fills back to what was held at every close."""

from __future__ import annotations

import numpy as np
from numba import njit

from gnomon.kernels.ledger import is_price


@njit(cache=True, nogil=True, error_model="numpy")
def positions(fills, bars, opens, closes):  # type: ignore[no-untyped-def]
    """Rows (bar, symbol, quantity, last known price) of what is held at each close, in order of bar and symbol.

    fills[n, 6]: as the ledger wrote them. bars[bars, columns]; `opens` and `closes` are each symbol's columns.
    """
    symbols = opens.size
    held = np.zeros(symbols)
    count = 0
    f = 0
    for t in range(bars.shape[0]):
        while f < fills.shape[0] and fills[f, 0] == t:
            held[int(fills[f, 1])] = fills[f, 5]
            f += 1
        for a in range(symbols):
            count += held[a] != 0.0
    out = np.empty((count, 4))
    held[:] = 0.0
    last = np.full(symbols, np.nan)
    n = 0
    f = 0
    for t in range(bars.shape[0]):
        while f < fills.shape[0] and fills[f, 0] == t:
            held[int(fills[f, 1])] = fills[f, 5]
            f += 1
        for a in range(symbols):
            if is_price(bars[t, opens[a]]):
                last[a] = bars[t, opens[a]]
            if is_price(bars[t, closes[a]]):
                last[a] = bars[t, closes[a]]
            if held[a] != 0.0:
                out[n, 0] = t
                out[n, 1] = a
                out[n, 2] = held[a]
                out[n, 3] = last[a]
                n += 1
    return out
