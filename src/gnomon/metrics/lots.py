"""The loop that matches closing fills with the lots they close."""

from __future__ import annotations

import numpy as np
from numba import njit

from gnomon.core.types import Array, Float64, Int64

_DUST = 1e-9
"""A lot below this share of the fill that cut it is what rounding left of it."""


def match_lots(
    symbol: Int64[Array, " n"],
    quantity: Float64[Array, " n"],
    price: Float64[Array, " n"],
    fee: Float64[Array, " n"],
    average: bool,
) -> tuple[Int64[Array, " m"], Int64[Array, " m"], Float64[Array, " m"], Float64[Array, " m"], Float64[Array, " m"]]:
    """Trips of fills sorted by symbol and time: entry row, exit row, signed size, entry price, fees of both ends.

    `average`: one lot at the average cost a symbol, in place of one a fill.
    """
    count = len(quantity)
    # Each trip ends a lot or ends a fill, and there are at most as many lots as fills.
    whole = np.empty((2 * count, 2), dtype=np.int64)
    parts = np.empty((2 * count, 3))
    trips = _match(symbol, quantity, price, fee, average, whole, parts)
    return whole[:trips, 0], whole[:trips, 1], parts[:trips, 0], parts[:trips, 1], parts[:trips, 2]


@njit(cache=True, nogil=True)
def _match(symbol: Array, quantity: Array, price: Array, fee: Array, average: bool, whole: Array, parts: Array) -> int:
    count = quantity.size
    row = np.empty(count, np.int64)
    size = np.empty(count)
    cost = np.empty(count)
    paid = np.empty(count)
    head, tail, trips = 0, 0, 0
    for i in range(count):
        if i > 0 and symbol[i] != symbol[i - 1]:
            head, tail = 0, 0
        left = quantity[i]
        if left == 0.0 or np.isnan(left):
            continue
        unit_fee = fee[i] / abs(left)
        while head < tail and left * size[head] < 0.0:
            closing = min(abs(left), abs(size[head]))
            signed = closing if size[head] > 0.0 else -closing
            share = closing / abs(size[head])
            whole[trips, 0] = row[head]
            whole[trips, 1] = i
            parts[trips, 0] = signed
            parts[trips, 1] = cost[head]
            parts[trips, 2] = paid[head] * share + unit_fee * closing
            trips += 1
            paid[head] -= paid[head] * share
            size[head] -= signed
            left += signed
            if abs(size[head]) <= _DUST * closing:
                head += 1
            if abs(left) <= _DUST * abs(quantity[i]):
                left = 0.0
                break
        if left == 0.0:
            continue
        if average and head < tail:
            total = size[head] + left
            cost[head] = (cost[head] * size[head] + price[i] * left) / total
            size[head] = total
            paid[head] += unit_fee * abs(left)
        else:
            row[tail], size[tail], cost[tail], paid[tail] = i, left, price[i], unit_fee * abs(left)
            tail += 1
    return trips
