"""The ledger where most options are off: the same account to the last bit, in a fraction of the time.

Plain means no guardrails, funding, borrow, interest, lots, ticks, volume limits, minimum fee or notional. What is left
(latency, fees, constant spread and slippage, `max_gross`, long-only, a multiplier) is written out without the
branches, for one symbol in local variables, for several in contiguous rows. Every expression keeps the order of
`gnomon.kernels.ledger`, whose bits it must give; the state is the same, so that either may go on from the other.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gnomon.kernels.ledger import (
    BORROW_RATE,
    BY_SHARE,
    CARRY,
    CASH,
    CASH_RATE,
    CLOSED,
    COSTS,
    DUST,
    EQUITY,
    FEE_RATE,
    GROSS,
    GUARDED,
    HALF_SPREAD,
    HEADER,
    LATENCY,
    LONG_ONLY,
    LOT,
    MAX_GROSS,
    MAX_SHARE,
    MIN_FEE,
    MIN_NOTIONAL,
    MULTIPLIER,
    NET,
    NO_LIMIT,
    PER_SYMBOL,
    SEEN,
    SLIPPAGE,
    SLOT,
    SYMBOLS,
    TICK,
    TIME,
    TURNOVER,
    is_price,
    start,
    summarise,
)


def is_plain(params: np.ndarray, *, funding: bool) -> bool:
    """Whether the plain loops know every rule that these params switch on."""
    off = (BORROW_RATE, CASH_RATE, MIN_FEE, LOT, TICK, MIN_NOTIONAL, BY_SHARE, GUARDED)
    return not funding and bool(params[MAX_SHARE] >= NO_LIMIT) and not params[list(off)].any()


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def write_fill(fills, n, t, a, quantity, price, fee, position):  # type: ignore[no-untyped-def]
    """One row of `fills`; returns the count."""
    fills[n, 0] = t
    fills[n, 1] = a
    fills[n, 2] = quantity
    fills[n, 3] = price
    fills[n, 4] = fee
    fills[n, 5] = position
    return n + 1


@njit(cache=True, nogil=True, error_model="numpy")
def run_single(state, bars, c, p, begin, rows, fills, summary):  # type: ignore[no-untyped-def]
    """One symbol. `bars` is [bars, columns]; rows, fills and summary are written where they have room for anything.

    The row of carry must hold zeros.
    """
    if state[SEEN] == 0.0:
        start(state, bars[0, c[0]], p)
    keep_rows, keep_fills, keep_summary = rows.size > 0, fills.size > 0, summary.size > 0
    opens, closes, targets = c[1], c[2], c[4]
    latency = int(p[LATENCY])
    multiplier, fee_rate, max_gross = p[MULTIPLIER], p[FEE_RATE], p[MAX_GROSS]
    long_only = p[LONG_ONLY] != 0.0
    up = 1.0 + (p[HALF_SPREAD] + p[SLIPPAGE]) / 1e4
    down = 1.0 - (p[HALF_SPREAD] + p[SLIPPAGE]) / 1e4
    queue = state[HEADER + PER_SYMBOL : HEADER + PER_SYMBOL + latency]
    slot = int(state[SLOT])
    cash, equity, closed = state[CASH], state[EQUITY], state[CLOSED] != 0.0
    held, last, due = state[HEADER], state[HEADER + 1], state[HEADER + 2]
    queued = queue[0]
    gross, net, turnover, costs = state[GROSS], state[NET], 0.0, 0.0
    n = 0
    open_prices, close_prices, wanted_targets = bars[:, opens], bars[:, closes], bars[:, targets]
    # An unsigned index cannot count from the end: no access has to check for it.
    t = np.uint64(begin)
    one = np.uint64(1)
    end = np.uint64(bars.shape[0])
    room = fills.shape[0] - 2 if keep_fills else 1 << 62
    while t < end and n <= room:
        turnover = 0.0
        costs = 0.0
        before = equity
        if not closed:
            price = open_prices[t]
            tradable = is_price(price)
            if tradable:
                last = price
            worth = cash
            if held != 0.0:
                worth = cash + held * (last * multiplier)
            if latency > 1:
                queued = queue[slot]
            if queued == queued:
                due = queued
            if due == due and tradable and worth > 0.0:
                asked = abs(due)
                scale = max_gross / asked if asked > max_gross else 1.0
                wanted = due * scale / (price * multiplier) * worth
                due = np.nan
                quantity = wanted - held
                size = abs(quantity)
                if size > DUST * max(abs(wanted), abs(held)):
                    high, low = price * up, max(price * down, 0.0)
                    paid = high if quantity > 0.0 else low
                    value = quantity * (paid * multiplier)
                    turnover = abs(value)
                    fee = turnover * fee_rate
                    cash = cash - value - fee
                    held = wanted
                    costs = size * abs(paid - price) * multiplier + fee
                    if keep_fills:
                        n = write_fill(fills, n, t, 0, quantity, paid, fee, wanted)
            price = close_prices[t]
            if is_price(price):
                last = price
            net = 0.0
            if held != 0.0:
                net = held * (last * multiplier)
            gross = abs(net)
            equity = cash + net
            if equity <= 0.0:
                if keep_fills and held != 0.0:
                    n = write_fill(fills, n, t, 0, -held, last, 0.0, 0.0)
                turnover += gross
                cash, held, gross, net, closed = equity, 0.0, 0.0, 0.0, True
            queued = wanted_targets[t]
            if not abs(queued) < np.inf:
                queued = np.nan
            elif long_only and queued < 0.0:
                queued = 0.0
            queue[slot] = queued
        slot = slot + 1 if slot + 1 < latency else 0
        if keep_rows:
            rows[EQUITY, t] = equity
            rows[CASH, t] = cash
            rows[GROSS, t] = gross
            rows[NET, t] = net
            rows[TURNOVER, t] = turnover
            rows[COSTS, t] = costs
        if keep_summary:
            summarise(summary, before, equity, turnover, costs, 0.0)
        t += one
    last_bar = int(t)
    if last_bar > begin:
        state[SEEN] += last_bar - begin
        state[SLOT] = slot
        state[TIME] = bars[last_bar - 1, c[0]]
        state[EQUITY], state[CASH], state[GROSS], state[NET] = equity, cash, gross, net
        state[TURNOVER], state[COSTS], state[CARRY], state[CLOSED] = turnover, costs, 0.0, 1.0 if closed else 0.0
        state[HEADER], state[HEADER + 1], state[HEADER + 2] = held, last, due
    return last_bar, n


@njit(cache=True, nogil=True, error_model="numpy")
def run_panel(state, bars, c, p, begin, rows, fills, summary):  # type: ignore[no-untyped-def]
    """Several symbols, whose columns of opens, closes and targets follow each other; else as `run_single`."""
    if state[SEEN] == 0.0:
        start(state, bars[0, c[0]], p)
    keep_rows, keep_fills, keep_summary = rows.size > 0, fills.size > 0, summary.size > 0
    symbols, latency = int(p[SYMBOLS]), int(p[LATENCY])
    multiplier, fee_rate, max_gross = p[MULTIPLIER], p[FEE_RATE], p[MAX_GROSS]
    long_only = p[LONG_ONLY] != 0.0
    up = 1.0 + (p[HALF_SPREAD] + p[SLIPPAGE]) / 1e4
    down = 1.0 - (p[HALF_SPREAD] + p[SLIPPAGE]) / 1e4
    held = state[HEADER : HEADER + symbols]
    last = state[HEADER + symbols : HEADER + 2 * symbols]
    due = state[HEADER + 2 * symbols : HEADER + 3 * symbols]
    n = 0
    t = begin
    while t < bars.shape[0] and not (keep_fills and n + 2 * symbols > fills.shape[0]):
        before = state[EQUITY]
        turnover = 0.0
        costs = 0.0
        if state[CLOSED] == 0.0:
            opens = bars[t, c[1] : c[1] + symbols]
            closes = bars[t, c[1 + symbols] : c[1 + symbols] + symbols]
            targets = bars[t, c[1 + 3 * symbols] : c[1 + 3 * symbols] + symbols]
            at = HEADER + symbols * (PER_SYMBOL + int(state[SLOT]))
            queue = state[at : at + symbols]
            cash = state[CASH]
            equity = cash
            asked = 0.0
            standing = 0.0
            for a in range(symbols):
                price = opens[a]
                last[a] = price if is_price(price) else last[a]
                value = held[a] * (last[a] * multiplier) if held[a] != 0.0 else 0.0
                equity += value
                target = queue[a] if queue[a] == queue[a] else due[a]
                due[a] = target
                asked += abs(target) if target == target else 0.0
                standing += 0.0 if target == target else abs(value)
            if equity > 0.0:
                scale = 1.0
                room = max_gross - standing / equity
                if asked > max(room, 0.0):
                    scale = max(room, 0.0) / asked
                for a in range(symbols):
                    price = opens[a]
                    target = due[a]
                    if target != target or not is_price(price):
                        continue
                    due[a] = np.nan
                    wanted = target * scale / (price * multiplier) * equity
                    quantity = wanted - held[a]
                    size = abs(quantity)
                    if size <= DUST * max(abs(wanted), abs(held[a])):
                        continue
                    high, low = price * up, max(price * down, 0.0)
                    paid = high if quantity > 0.0 else low
                    value = quantity * (paid * multiplier)
                    notional = abs(value)
                    fee = notional * fee_rate
                    cash = cash - value - fee
                    held[a] = wanted
                    turnover += notional
                    costs += size * abs(paid - price) * multiplier + fee
                    if keep_fills:
                        n = write_fill(fills, n, t, a, quantity, paid, fee, wanted)
            net = 0.0
            gross = 0.0
            for a in range(symbols):
                price = closes[a]
                last[a] = price if is_price(price) else last[a]
                value = held[a] * (last[a] * multiplier) if held[a] != 0.0 else 0.0
                net += value
                gross += abs(value)
                target = targets[a]
                target = target if abs(target) < np.inf else np.nan
                queue[a] = 0.0 if long_only and target < 0.0 else target
            equity = cash + net
            state[CASH] = cash
            state[EQUITY] = equity
            state[GROSS] = gross
            state[NET] = net
            if equity <= 0.0:
                for a in range(symbols):
                    if held[a] != 0.0:
                        if keep_fills:
                            n = write_fill(fills, n, t, a, -held[a], last[a], 0.0, 0.0)
                        held[a] = 0.0
                turnover += gross
                state[CASH] = equity
                state[GROSS] = 0.0
                state[NET] = 0.0
                state[CLOSED] = 1.0
        state[TURNOVER] = turnover
        state[COSTS] = costs
        state[CARRY] = 0.0
        state[SLOT] = state[SLOT] + 1.0 if state[SLOT] + 1.0 < latency else 0.0
        state[SEEN] += 1.0
        state[TIME] = bars[t, c[0]]
        if keep_rows:
            for i in range(CARRY):
                rows[i, t] = state[i]
        if keep_summary:
            summarise(summary, before, state[EQUITY], turnover, costs, 0.0)
        t += 1
    return t, n
