"""What sizing needs to know about the past: trailing volatility, and how to share capital at each moment."""

from __future__ import annotations

import numpy as np
from numba import njit

from gnomon.kernels.base import kernel
from gnomon.kernels.ledger import YEAR, is_price


@kernel(outputs=2, state_size=lambda p: 6 + 2 * int(p[0]))
def trailing_volatility(state, x, columns, out, params):  # type: ignore[no-untyped-def]
    """Volatility of the last n log returns about zero: a bar's, and a year's; NaN until there are n of them.

    columns: time (UTC, microseconds), close; params: n. The year's counts calendar time, so that weekends, holidays and
    gaps need no convention. A bar without a price is passed over. state: [returns seen, last time, last log price, sum
    of squares, place in the ring, whether there is a last price], then a ring of squares and one of the times at which
    the returns began.
    """
    n = int(params[0])
    squares = state[6 : 6 + n]
    times = state[6 + n : 6 + 2 * n]
    for t in range(x.shape[1]):
        price = x[columns[1], t]
        if is_price(price):
            level = np.log(price)
            if state[5] != 0.0:
                i = int(state[4])
                change = level - state[2]
                state[3] += change * change - squares[i]
                squares[i] = change * change
                times[i] = state[1]
                state[0] += 1.0
                state[4] = i + 1.0
                if i + 1 == n:
                    # Once a turn of the ring, by bar count, the sum is taken afresh: rounding cannot pile up.
                    state[4] = 0.0
                    state[3] = 0.0
                    for j in range(n):
                        state[3] += squares[j]
            state[1] = x[columns[0], t]
            state[2] = level
            state[5] = 1.0
        if state[0] >= n:
            years = (state[1] - times[int(state[4])]) / YEAR
            total = max(state[3], 0.0)
            out[0, t] = np.sqrt(total / n)
            out[1, t] = np.sqrt(total / years) if years > 0.0 else np.nan
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def share(seen, standing, moment, bounds, symbol, weight, gross, memory, band):  # type: ignore[no-untyped-def]
    """Divides each moment's weights by the number of symbols in play, caps their sum, and holds what barely moves.

    Moment k has the rows `bounds[k]` to `bounds[k + 1]` of `symbol` and `weight`; `weight` becomes the target, NaN
    where the standing one is kept. A symbol is in play from its first row until `memory` moments after its last: one
    missing minute must not double the others. seen[s]: the number of its last moment, counted from 1; standing[s]: its
    last target, NaN before the first. Returns the count of moments.
    """
    for k in range(bounds.size - 1):
        moment += 1.0
        for i in range(bounds[k], bounds[k + 1]):
            seen[symbol[i]] = moment
        members = 0
        for s in range(seen.size):
            members += seen[s] > 0.0 and moment - seen[s] <= memory
        total = 0.0
        for i in range(bounds[k], bounds[k + 1]):
            weight[i] = weight[i] / members
            total += abs(weight[i]) if weight[i] == weight[i] else 0.0
        for i in range(bounds[k], bounds[k + 1]):
            target = weight[i] * (gross / total) if total > gross else weight[i]
            before = standing[symbol[i]]
            moved = abs(target - before) > band * max(abs(target), abs(before))
            if target != target or (band > 0.0 and before == before and not moved):
                weight[i] = np.nan
            else:
                weight[i] = target
                standing[symbol[i]] = target
    return moment
