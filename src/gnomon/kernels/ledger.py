"""The ledger: one account for the environment, the backtest and paper trading.

A portfolio of S symbols on one aligned grid of bars; a missing bar is a hole (NaN). Each bar, in this order:

1. carry: funding, borrow and cash interest since the last bar, on the positions and cash held over it;
2. fill: orders decided `latency_bars` ago trade at this bar's opens;
3. mark: the account at the closes; equity at or below zero closes everything for good;
4. decide: guardrails see the account and may replace this close's targets; the result enters the queue.

An order is a target, a signed fraction of equity; its quantity is worked out when it fills. A NaN (or infinite) target
is no decision: the order and the position that stand are left alone.

Columns: time (UTC, microseconds), then S each of open, close, volume, target, funding rate. Several may name the same
column of `x` (one column of zeros for all funding). The params are `PARAMETERS`; see `gnomon.execution.ledger`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from gnomon.kernels.base import kernel

YEAR = 365.25 * 86_400e6
"""A year, in microseconds."""
DAY = 86_400e6
DUST = 1e-12
"""An order smaller than this part of the position is rounding noise, not a decision."""

NO_LIMIT = 1e300
"""A limit in `params` that is off: params are finite."""

PARAMETERS = (
    "symbols",
    "latency_bars",
    "initial_cash",
    "fee_rate",
    "min_fee",
    "half_spread_bps",
    "slippage_bps",
    "slippage_by_share",
    "max_volume_share",
    "unfilled_waits",
    "borrow_rate",
    "cash_rate",
    "max_gross",
    "lot_size",
    "tick_size",
    "min_notional",
    "long_only",
    "contract_multiplier",
    "guarded",
    "max_position",
    "max_drawdown",
    "drawdown_cooldown_bars",
    "max_daily_loss",
    "max_rolling_loss",
    "rolling_loss_bars",
    "rolling_loss_cooldown_bars",
    "max_turnover",
    "max_stale_bars",
)
"""What the numbers in `params` are, in order. Rates and limits are fractions; a limit of `NO_LIMIT` is off."""
(
    SYMBOLS,
    LATENCY,
    INITIAL_CASH,
    FEE_RATE,
    MIN_FEE,
    HALF_SPREAD,
    SLIPPAGE,
    BY_SHARE,
    MAX_SHARE,
    WAITS,
    BORROW_RATE,
    CASH_RATE,
    MAX_GROSS,
    LOT,
    TICK,
    MIN_NOTIONAL,
    LONG_ONLY,
    MULTIPLIER,
    GUARDED,
    MAX_POSITION,
    MAX_DRAWDOWN,
    DRAWDOWN_COOLDOWN,
    MAX_DAILY_LOSS,
    MAX_ROLLING_LOSS,
    ROLLING_BARS,
    ROLLING_COOLDOWN,
    MAX_TURNOVER,
    MAX_STALE,
) = range(28)

ACCOUNT = ("equity", "cash", "gross", "net", "turnover", "costs", "carry")
"""What the ledger writes each bar, all in money. turnover: the notional traded in this bar. costs: its fees, spread and
slippage. carry: funding, borrow and interest, received above zero and paid below."""
ACCOUNT_SIZE = 7
# The state: the account as last written, then what the next bar needs, then one block a symbol, the queue, the ring.
EQUITY, CASH, GROSS, NET, TURNOVER, COSTS, CARRY = range(7)
SEEN, SLOT, TIME, CLOSED, PEAK, DRAWDOWN_UNTIL, ROLLING_UNTIL, TODAY, DAY_EQUITY, FLAT_DAY = range(7, 17)
HEADER = 17
# Per symbol: quantity held, last known price, order due (a target), close last seen to change, bars since it changed.
PER_SYMBOL = 5

FILL = ("bar", "symbol", "quantity", "price", "fee", "position")
"""One fill: the bar and the symbol by index, the signed quantity, and the position that it left."""
NO_FILLS, SPARSE, DENSE = range(3)


def ledger_state_size(params: Sequence[float]) -> int:
    """Numbers in the state for given params."""
    symbols, latency = int(params[SYMBOLS]), int(params[LATENCY])
    ring = int(params[ROLLING_BARS]) if params[MAX_ROLLING_LOSS] < NO_LIMIT else 0
    return HEADER + symbols * (PER_SYMBOL + latency) + ring


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def is_price(value):  # type: ignore[no-untyped-def]
    """Whether a number can be traded at; NaN, infinity, zero and below are holes."""
    return value > 0.0 and value < np.inf


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def whole_lots(quantity, lot):  # type: ignore[no-untyped-def]
    """`quantity` rounded toward zero to the lot. 0.3 is three lots of 0.1 although 0.3 / 0.1 is 2.9999999999999996."""
    lots = abs(quantity) / lot
    return np.copysign(np.floor(lots + 1e-12 * lots + 1e-9) * lot, quantity)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def against_trader(price, tick, sign):  # type: ignore[no-untyped-def]
    """`price` rounded to the tick: up for a buyer, down for a seller; a price on the tick stays."""
    ticks = price / tick
    slack = 1e-12 * ticks + 1e-9
    return np.ceil(ticks - slack) * tick if sign > 0.0 else np.floor(ticks + slack) * tick


@njit(cache=True, nogil=True, error_model="numpy")
def start(state, now, p):  # type: ignore[no-untyped-def]
    """The account before its first bar."""
    symbols = int(p[SYMBOLS])
    state[CASH] = p[INITIAL_CASH]
    state[EQUITY] = p[INITIAL_CASH]
    state[PEAK] = p[INITIAL_CASH]
    state[DAY_EQUITY] = p[INITIAL_CASH]
    state[TODAY] = np.nan
    state[FLAT_DAY] = np.nan
    state[TIME] = now
    for i in range(HEADER + symbols, HEADER + 4 * symbols):
        state[i] = np.nan
    for i in range(HEADER + PER_SYMBOL * symbols, HEADER + symbols * (PER_SYMBOL + int(p[LATENCY]))):
        state[i] = np.nan
    for i in range(HEADER + symbols * (PER_SYMBOL + int(p[LATENCY])), state.size):
        state[i] = p[INITIAL_CASH]


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def record(mode, sink, n, t, symbols, a, quantity, price, fee, position):  # type: ignore[no-untyped-def]
    """Writes one fill as the next row of `sink`, or at its symbol's rows of a dense block; returns the count."""
    if mode == SPARSE:
        sink[n, 0] = t
        sink[n, 1] = a
        sink[n, 2] = quantity
        sink[n, 3] = price
        sink[n, 4] = fee
        sink[n, 5] = position
    elif mode == DENSE:
        # A symbol may fill at the open and be closed by bankruptcy in the same bar: quantities and fees add up.
        sink[ACCOUNT_SIZE + symbols + a, t] += quantity
        sink[ACCOUNT_SIZE + 2 * symbols + a, t] = price
        sink[ACCOUNT_SIZE + 3 * symbols + a, t] += fee
    return n + 1


@njit(cache=True, nogil=True, error_model="numpy")
def carry(state, x, c, t, p):  # type: ignore[no-untyped-def]
    """Step 1: what holding earned (above zero) or cost since the last bar, at the last known prices."""
    symbols = int(p[SYMBOLS])
    years = (x[c[0], t] - state[TIME]) / YEAR
    short_rate = p[BORROW_RATE] * years
    paid = 0.0
    for a in range(symbols):
        quantity = state[HEADER + a]
        if quantity != 0.0:
            value = quantity * (state[HEADER + symbols + a] * p[MULTIPLIER])
            funding = x[c[1 + 4 * symbols + a], t]
            if funding == funding:
                paid += value * funding
            if quantity < 0.0:
                paid -= value * short_rate
    interest = state[CASH] * p[CASH_RATE] * years if p[CASH_RATE] != 0.0 else 0.0
    return interest - paid


@njit(cache=True, nogil=True, error_model="numpy")
def mark_at_open(state, x, c, t, p):  # type: ignore[no-untyped-def]
    """Takes due orders from the queue and marks at the opens.

    Returns equity and the factor that keeps the account within `max_gross`: the targets due share what the positions
    without an order leave of it.
    """
    symbols = int(p[SYMBOLS])
    due = HEADER + 2 * symbols
    slot = HEADER + symbols * (PER_SYMBOL + int(state[SLOT]))
    equity = state[CASH]
    asked = 0.0
    held = 0.0
    for a in range(symbols):
        price = x[c[1 + a], t]
        if is_price(price):
            state[HEADER + symbols + a] = price
        value = 0.0
        if state[HEADER + a] != 0.0:
            value = state[HEADER + a] * (state[HEADER + symbols + a] * p[MULTIPLIER])
            equity += value
        target = state[slot + a]
        if target == target:
            state[due + a] = target
        if state[due + a] == state[due + a]:
            asked += abs(state[due + a])
        else:
            held += abs(value)
    scale = 1.0
    if equity > 0.0:
        room = p[MAX_GROSS] - held / equity
        if asked > max(room, 0.0):
            scale = max(room, 0.0) / asked
    return equity, scale


@njit(cache=True, nogil=True, error_model="numpy")
def fill(state, x, c, t, p, equity, scale, mode, sink, n):  # type: ignore[no-untyped-def]
    """Step 2: due orders trade at the open. Returns how many fills there are now in `sink`."""
    symbols = int(p[SYMBOLS])
    due = HEADER + 2 * symbols
    multiplier = p[MULTIPLIER]
    limited = p[BY_SHARE] != 0.0 or p[MAX_SHARE] < NO_LIMIT
    for a in range(symbols):
        target = state[due + a]
        price = x[c[1 + a], t]
        if target != target or not is_price(price):
            continue
        state[due + a] = np.nan
        held = state[HEADER + a]
        wanted = target * scale / (price * multiplier) * equity
        if p[LOT] > 0.0:
            wanted = whole_lots(wanted, p[LOT])
        quantity = wanted - held
        size = abs(quantity)
        if size <= DUST * max(abs(wanted), abs(held)) or size * price * multiplier < p[MIN_NOTIONAL]:
            continue
        slippage = p[SLIPPAGE]
        if limited:
            volume = x[c[1 + 2 * symbols + a], t]
            most = p[MAX_SHARE] * volume if volume > 0.0 else 0.0
            if size > most:
                if p[WAITS] != 0.0:
                    state[due + a] = target
                if p[LOT] > 0.0:
                    most = whole_lots(most, p[LOT])
                if most <= 0.0:
                    continue
                size = most
                quantity = np.copysign(most, quantity)
                wanted = held + quantity
            if p[BY_SHARE] != 0.0:
                slippage = p[SLIPPAGE] * (size / volume)
        sign = 1.0 if quantity > 0.0 else -1.0
        paid = max(price * (1.0 + sign * ((p[HALF_SPREAD] + slippage) / 1e4)), 0.0)
        if p[TICK] > 0.0:
            paid = against_trader(paid, p[TICK], sign)
        value = quantity * (paid * multiplier)
        fee = max(abs(value) * p[FEE_RATE], p[MIN_FEE])
        state[CASH] = state[CASH] - value - fee
        state[HEADER + a] = wanted
        state[TURNOVER] += abs(value)
        state[COSTS] += size * abs(paid - price) * multiplier + fee
        n = record(mode, sink, n, t, symbols, a, quantity, paid, fee, wanted)
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def mark_at_close(state, x, c, t, p, mode, sink, n):  # type: ignore[no-untyped-def]
    """Step 3: the account at the closes; a bankrupt one is closed at them. Returns the count of fills."""
    symbols = int(p[SYMBOLS])
    gross = 0.0
    net = 0.0
    for a in range(symbols):
        price = x[c[1 + symbols + a], t]
        if is_price(price):
            state[HEADER + symbols + a] = price
        if state[HEADER + a] != 0.0:
            value = state[HEADER + a] * (state[HEADER + symbols + a] * p[MULTIPLIER])
            net += value
            gross += abs(value)
    state[EQUITY] = state[CASH] + net
    state[GROSS] = gross
    state[NET] = net
    if state[EQUITY] <= 0.0:
        for a in range(symbols):
            quantity = state[HEADER + a]
            if quantity != 0.0:
                n = record(mode, sink, n, t, symbols, a, -quantity, state[HEADER + symbols + a], 0.0, 0.0)
                state[HEADER + a] = 0.0
        state[CASH] = state[EQUITY]
        state[TURNOVER] += gross
        state[GROSS] = 0.0
        state[NET] = 0.0
        state[CLOSED] = 1.0
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def decide(state, x, c, t, p, previous):  # type: ignore[no-untyped-def]
    """Step 4: this close's targets enter the queue."""
    symbols = int(p[SYMBOLS])
    slot = HEADER + symbols * (PER_SYMBOL + int(state[SLOT]))
    long_only = p[LONG_ONLY] != 0.0
    for a in range(symbols):
        target = x[c[1 + 3 * symbols + a], t]
        if not abs(target) < np.inf:
            target = np.nan
        elif long_only and target < 0.0:
            target = 0.0
        state[slot + a] = target
    if p[GUARDED] != 0.0 and state[CLOSED] == 0.0:
        guard(state, x, c, t, p, slot, previous)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def weight_of(state, p, symbols, a):  # type: ignore[no-untyped-def]
    """A position's value as a fraction of equity, at the last known price."""
    if state[HEADER + a] == 0.0:
        return 0.0
    return state[HEADER + a] * state[HEADER + symbols + a] * p[MULTIPLIER] / state[EQUITY]


@njit(cache=True, nogil=True, error_model="numpy")
def guard(state, x, c, t, p, slot, previous):  # type: ignore[no-untyped-def]
    """The guardrails: position limit, stale prices, turnover limit, then the losses that flatten everything."""
    symbols = int(p[SYMBOLS])
    turnover = 0.0
    for a in range(symbols):
        weight = weight_of(state, p, symbols, a)
        target = state[slot + a]
        if abs(target) > p[MAX_POSITION]:
            target = np.copysign(p[MAX_POSITION], target)
        elif target != target and abs(weight) > p[MAX_POSITION]:
            target = np.copysign(p[MAX_POSITION], weight)
        close = x[c[1 + symbols + a], t]
        changed = HEADER + 3 * symbols + a
        age = HEADER + 4 * symbols + a
        if is_price(close) and close != state[changed]:
            state[changed] = close
            state[age] = 0.0
        else:
            state[age] += 1.0
        if state[age] >= p[MAX_STALE]:
            target = np.nan
        state[slot + a] = target
        if target == target:
            turnover += abs(target - weight)
    if turnover > p[MAX_TURNOVER]:
        part = p[MAX_TURNOVER] / turnover
        for a in range(symbols):
            weight = weight_of(state, p, symbols, a)
            state[slot + a] = weight + (state[slot + a] - weight) * part
    if halted(state, x[c[0], t], p, previous):
        for a in range(symbols):
            state[slot + a] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def halted(state, now, p, previous):  # type: ignore[no-untyped-def]
    """Whether a loss keeps the account flat at this close; moves the peak, the day and the ring of equities on."""
    bar = state[SEEN]
    equity = state[EQUITY]
    today = np.ceil(now / DAY)  # a bar stamped at midnight closed the day before
    if today != state[TODAY]:
        state[TODAY] = today
        state[DAY_EQUITY] = previous
    if equity <= state[DAY_EQUITY] * (1.0 - p[MAX_DAILY_LOSS]):
        state[FLAT_DAY] = today
    if bar >= state[DRAWDOWN_UNTIL]:
        # After a halt the account starts again: the old peak would stop it at once.
        restarted = bar == state[DRAWDOWN_UNTIL] and bar > 0.0
        state[PEAK] = equity if restarted else max(state[PEAK], equity)
        if equity <= state[PEAK] * (1.0 - p[MAX_DRAWDOWN]):
            state[DRAWDOWN_UNTIL] = bar + p[DRAWDOWN_COOLDOWN]
    if p[MAX_ROLLING_LOSS] < NO_LIMIT:
        size = int(p[ROLLING_BARS])
        slot = state.size - size + int(bar) % size
        if bar >= state[ROLLING_UNTIL] and equity <= state[slot] * (1.0 - p[MAX_ROLLING_LOSS]):
            state[ROLLING_UNTIL] = bar + p[ROLLING_COOLDOWN]
        state[slot] = equity
    return today == state[FLAT_DAY] or bar < state[DRAWDOWN_UNTIL] or bar < state[ROLLING_UNTIL]


@njit(cache=True, nogil=True, error_model="numpy")
def step(state, x, c, t, p, mode, sink, n):  # type: ignore[no-untyped-def]
    """One bar: the account stands in the head of the state. Returns how many fills there are now in `sink`."""
    now = x[c[0], t]
    if state[SEEN] == 0.0:
        start(state, now, p)
    state[TURNOVER] = 0.0
    state[COSTS] = 0.0
    state[CARRY] = 0.0
    if state[CLOSED] == 0.0:
        state[CARRY] = carry(state, x, c, t, p)
        state[CASH] += state[CARRY]
        equity, scale = mark_at_open(state, x, c, t, p)
        if equity > 0.0:
            n = fill(state, x, c, t, p, equity, scale, mode, sink, n)
        previous = state[EQUITY]
        n = mark_at_close(state, x, c, t, p, mode, sink, n)
        decide(state, x, c, t, p, previous)
    state[SEEN] += 1.0
    state[SLOT] = state[SLOT] + 1.0 if state[SLOT] + 1.0 < p[LATENCY] else 0.0
    state[TIME] = now
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def run_rows(state, x, c, p, begin, rows, fills):  # type: ignore[no-untyped-def]
    """Bars from `begin` on, until they end or `fills` may not hold the next bar's.

    `rows[7, bars]` takes the account, `fills[n, 6]` the fills. Returns the next bar and the count of fills.
    """
    n = 0
    t = begin
    while t < x.shape[1] and n + 2 * int(p[SYMBOLS]) <= fills.shape[0]:
        n = step(state, x, c, t, p, SPARSE, fills, n)
        for i in range(ACCOUNT_SIZE):
            rows[i, t] = state[i]
        t += 1
    return t, n


SUMMARY = ("bars", "equity", "returns", "squares", "peak", "max_drawdown", "turnover", "costs", "carry")
"""The running summary: zeros before the first bar. returns and squares are the sums of the bar returns and of their
squares: the mean of returns is small beside their spread, so that nothing is lost in the difference."""


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def summarise(summary, before, equity, turnover, costs, earned):  # type: ignore[no-untyped-def]
    """Adds one bar to the summary; `before` is the equity of the bar before it, or the initial cash."""
    change = equity / before - 1.0 if before > 0.0 else 0.0
    summary[0] += 1.0
    summary[1] = equity
    summary[2] += change
    summary[3] += change * change
    summary[4] = max(summary[4], max(before, equity))
    if equity < summary[4] * (1.0 - summary[5]):
        # Only a new depth is worth a division.
        summary[5] = max(summary[5], 1.0 - equity / summary[4])
    summary[6] += turnover
    summary[7] += costs
    summary[8] += earned


@njit(cache=True, nogil=True, error_model="numpy")
def run_summary(state, x, c, p, summary):  # type: ignore[no-untyped-def]
    """Every bar of the block into `summary[9]`, whatever their number."""
    nowhere = np.empty((0, 0))
    for t in range(x.shape[1]):
        before = state[EQUITY] if state[SEEN] > 0.0 else p[INITIAL_CASH]
        step(state, x, c, t, p, NO_FILLS, nowhere, 0)
        summarise(summary, before, state[EQUITY], state[TURNOVER], state[COSTS], state[CARRY])


@kernel(outputs=lambda p: ACCOUNT_SIZE + 4 * int(p[SYMBOLS]), state_size=ledger_state_size)
def ledger(state, x, columns, out, params):  # type: ignore[no-untyped-def]
    """The account's rows, then S each of position, filled quantity, price (NaN without a fill) and fee."""
    symbols = int(params[SYMBOLS])
    for t in range(x.shape[1]):
        for a in range(symbols):
            out[ACCOUNT_SIZE + symbols + a, t] = 0.0
            out[ACCOUNT_SIZE + 2 * symbols + a, t] = np.nan
            out[ACCOUNT_SIZE + 3 * symbols + a, t] = 0.0
        step(state, x, columns, t, params, DENSE, out, 0)
        for i in range(ACCOUNT_SIZE):
            out[i, t] = state[i]
        for a in range(symbols):
            out[ACCOUNT_SIZE + a, t] = state[HEADER + a]
