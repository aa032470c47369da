"""Loops behind the labels of one symbol's bars: barriers, trends, the volatility and the weights. Behind the wall.

These loops look ahead on purpose: nothing that runs live may import this file, and the import linter keeps that. They
take whole arrays and are no kernels under the law.

Conventions. An event at bar t is decided at the close of t and bought at the open of t + 1, where the ledger would fill
it (or, on request, at the close of t). Its path is bars t + 1 to t + horizon. Bars are judged by their closes, or by
high and low. The order of high and low inside a bar is unknown, so by high and low: an open beyond a barrier touches
it at the open; a bar that reaches both barriers is nobody's proven win, and counts as flat at its close, or, for a bet
with a side, as stopped out.

References: López de Prado, Advances in Financial Machine Learning (2018), chapters 3 and 4; Machine Learning for Asset
Managers (2020), chapter 5.
"""

from __future__ import annotations

import numpy as np
from numba import njit

import gnomon.kernels.cache  # noqa: F401  (chooses the folder of compiled code before anything is compiled)

UNDECIDED = np.int8(2)
"""The data end before a barrier is touched or the horizon is over."""

UNLABELLED = np.int8(3)
"""No label can be given: the volatility is unknown or zero, or there is no price to enter at."""

HOP = 8
"""Bars that are passed over at once where neither barrier lies within their extremes; a power of two."""

LONG = 4 * HOP
"""From this horizon on hopping pays for the extremes that it needs."""


@njit(cache=True, nogil=True, error_model="numpy")
def triple_barrier(  # type: ignore[no-untyped-def]
    open_, high, low, close, start, side, volatility, upper, lower, horizon, cost, at_open, by_path, sign, out
):
    """Labels events, one a number in `start`; writes `out`: (label i8, end i64, forward return f64).

    `side` is 0 for a label of the market (-1, 0, 1), or the side of a bet, whose label is 1 when it gained after cost
    and 0 when it did not. `volatility` is a fraction for each event; `upper` and `lower` are multiples of it (for a
    bet, `upper` takes profit and `lower` stops the loss). `cost`, a fraction for the round trip, moves each barrier
    that takes a profit further away. `sign`: at the horizon, label by the sign of what is left after cost instead of 0.
    `end` is the bar at whose close the label was known, the last bar for UNDECIDED, and -1 for UNLABELLED (but the
    horizon where only the price there is missing: until then nobody could know). The forward return is before cost,
    times the side of a bet.
    """
    label, end, forward_return = out
    bars = close.size
    hops = horizon >= LONG
    highest, lowest = _extremes(open_, high, low, close, by_path) if hops else (close, close)
    for event in range(start.size):
        t = start[event]
        first = t + 1
        label[event] = UNLABELLED
        end[event] = -1
        forward_return[event] = np.nan
        width = volatility[event]
        entry = np.nan
        if not at_open:
            entry = close[t]
        elif first < bars:
            entry = open_[first]
        if not (0.0 < width < np.inf) or not (0.0 < entry < np.inf):
            continue

        s = side[event]
        above = entry * (1.0 + (upper if s >= 0 else lower) * width + (cost if s >= 0 else 0.0))
        below = entry * (1.0 - (lower if s >= 0 else upper) * width - (cost if s <= 0 else 0.0))
        stop = min(t + horizon, bars - 1)
        calm = first
        if hops:
            while calm + HOP <= stop + 1 and highest[calm] < above and lowest[calm] > below:
                calm += HOP
        if by_path:
            bar, touched, price = _touch_by_path(open_, high, low, close, calm, stop, above, below, s)
        else:
            bar, touched, price = _touch_by_close(close, calm, stop, above, below)
        expired = bar > stop
        if expired:
            if stop < t + horizon:
                label[event] = UNDECIDED
                end[event] = bars - 1
                continue
            bar = stop
            price = close[bar]
            if not np.isfinite(price):
                # Alive until now: were it to vanish from the bars that are past, weights given there would change.
                end[event] = bar
                continue
        gain = price / entry - 1.0
        end[event] = bar
        if s == 0:
            if expired and sign:
                touched = 1 if gain > cost else (-1 if gain < -cost else 0)
            label[event] = touched
            forward_return[event] = gain
        else:
            label[event] = 1 if s * gain > cost else 0
            forward_return[event] = s * gain


@njit(cache=True, nogil=True, error_model="numpy")
def _extremes(open_, high, low, close, by_path):  # type: ignore[no-untyped-def]
    """The highest and the lowest price of each bar and the HOP - 1 bars after it; holes are passed over."""
    bars = close.size
    highest, lowest = np.empty(bars), np.empty(bars)
    for t in range(bars):
        up = down = close[t]
        if by_path:
            up = open_[t] if not high[t] >= open_[t] else high[t]
            down = open_[t] if not low[t] <= open_[t] else low[t]
            # A price that is missing hides neither of the two.
            up = high[t] if np.isnan(up) else up
            down = low[t] if np.isnan(down) else down
        highest[t] = -np.inf if np.isnan(up) else up
        lowest[t] = np.inf if np.isnan(down) else down
    width = 1
    while width < HOP:
        # Upwards in place: the values ahead are still those of half the width.
        for t in range(bars - width):
            highest[t] = max(highest[t], highest[t + width])
            lowest[t] = min(lowest[t], lowest[t + width])
        width *= 2
    return highest, lowest


@njit(cache=True, nogil=True, error_model="numpy")
def _touch_by_close(close, first, stop, above, below):  # type: ignore[no-untyped-def]
    """The first bar that closes at or beyond a barrier (stop + 1: none), which one, and its close."""
    for bar in range(first, stop + 1):
        if close[bar] >= above:
            return bar, 1, close[bar]
        if close[bar] <= below:
            return bar, -1, close[bar]
    return stop + 1, 0, np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _touch_by_path(open_, high, low, close, first, stop, above, below, s):  # type: ignore[no-untyped-def]
    """The first bar whose open, high or low touches a barrier (stop + 1: none), which one, and at what price."""
    for bar in range(first, stop + 1):
        if open_[bar] >= above:
            return bar, 1, open_[bar]
        if open_[bar] <= below:
            return bar, -1, open_[bar]
        up = high[bar] >= above
        down = low[bar] <= below
        if up and down:
            return bar, -s, close[bar] if s == 0 else (below if s > 0 else above)
        if up:
            return bar, 1, above
        if down:
            return bar, -1, below
    return stop + 1, 0, np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def ewm_volatility(close, span, warmup, out):  # type: ignore[no-untyped-def]
    """Standard deviation of simple returns, exponentially weighted (span), with the small-sample correction.

    At bar t it knows the returns up to the close of t. NaN until `warmup` returns were seen; returns that are not
    finite are passed over. Equal to pandas' `ewm(span=..., min_periods=...).std()`.
    """
    factor = 1.0 - 2.0 / (span + 1.0)
    mean = variance = weight = squares = total = 0.0
    seen = 0
    for t in range(close.size):
        out[t] = np.nan
        change = close[t] / close[t - 1] - 1.0 if t > 0 else np.nan
        if np.isfinite(change):
            total = total * factor + 1.0
            squares = squares * factor * factor + 1.0
            weight *= factor
            before = mean
            mean = (weight * before + change) / (weight + 1.0)
            variance = (weight * (variance + (before - mean) ** 2) + (change - mean) ** 2) / (weight + 1.0)
            weight += 1.0
            seen += 1
        if seen >= warmup and total * total > squares:
            out[t] = np.sqrt(max(variance, 0.0) * total * total / (total * total - squares))


@njit(cache=True, nogil=True, error_model="numpy")
def average_uniqueness(first, last, bars, out):  # type: ignore[no-untyped-def]
    """Mean over a label's bars (first to last, inclusive) of one over the labels alive; 0 for an empty span."""
    alive = np.zeros(bars + 1, np.int64)
    for i in range(first.size):
        if first[i] <= last[i]:
            alive[first[i]] += 1
            alive[last[i] + 1] -= 1
    for t in range(1, bars + 1):
        alive[t] += alive[t - 1]
    for i in range(first.size):
        total = 0.0
        for t in range(first[i], last[i] + 1):
            total += 1.0 / alive[t]
        out[i] = total / (last[i] - first[i] + 1) if first[i] <= last[i] else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def attributed_return(first, last, returns, out):  # type: ignore[no-untyped-def]
    """Size of the sum, over a label's bars, of the return divided by the labels alive; holes count 0."""
    bars = returns.size
    alive = np.zeros(bars + 1, np.int64)
    for i in range(first.size):
        if first[i] <= last[i]:
            alive[first[i]] += 1
            alive[last[i] + 1] -= 1
    for t in range(1, bars + 1):
        alive[t] += alive[t - 1]
    for i in range(first.size):
        total = 0.0
        for t in range(first[i], last[i] + 1):
            if np.isfinite(returns[t]):
                total += returns[t] / alive[t]
        out[i] = abs(total)


@njit(cache=True, nogil=True, error_model="numpy")
def sequential_bootstrap(first, last, uniforms, out):  # type: ignore[no-untyped-def]
    """Draws labels one by one, each with a chance proportional to its average uniqueness among those drawn before it.

    `first` rises, no span is empty; one draw for each number of `uniforms` in [0, 1). The chances are the leaves of a
    tree of sums: a draw goes down it, and changes only the labels that share a bar with the one drawn.
    """
    leaves = 1
    while leaves < first.size:
        leaves *= 2
    tree = np.zeros(2 * leaves)
    tree[leaves : leaves + first.size] = 1.0
    for node in range(leaves - 1, 0, -1):
        tree[node] = tree[2 * node] + tree[2 * node + 1]
    longest, bars = 0, 0
    for i in range(first.size):
        longest = max(longest, last[i] - first[i] + 1)
        bars = max(bars, last[i] + 1)
    drawn = np.zeros(bars, np.int64)
    for draw in range(uniforms.size):
        left, node = uniforms[draw] * tree[1], 1
        while node < leaves:
            node *= 2
            # By rounding the rest may reach the whole: then it is the last label that can be drawn.
            if left >= tree[node] and tree[node + 1] > 0.0:
                left -= tree[node]
                node += 1
        chosen = node - leaves
        out[draw] = chosen
        for t in range(first[chosen], last[chosen] + 1):
            drawn[t] += 1
        begin = np.searchsorted(first, first[chosen] - longest + 1)
        stop = begin
        while stop < first.size and first[stop] <= last[chosen]:
            if last[stop] >= first[chosen]:
                total = 0.0
                for t in range(first[stop], last[stop] + 1):
                    total += 1.0 / (drawn[t] + 1)
                tree[leaves + stop] = total / (last[stop] - first[stop] + 1)
            stop += 1
        low, high = (leaves + begin) // 2, (leaves + stop - 1) // 2
        while low >= 1:
            for node in range(low, high + 1):
                tree[node] = tree[2 * node] + tree[2 * node + 1]
            low //= 2
            high //= 2


@njit(cache=True, nogil=True, error_model="numpy")
def trend_scan(close, start, shortest, horizons, out):  # type: ignore[no-untyped-def]
    """The most significant linear trend of the closes from each event on, within each horizon (rising).

    A window of n bars holds the closes of the event and of the n bars after it; n runs from `shortest` to the horizon.
    Writes `out`: (t value of the slope f64[events, horizons], n of its window i64[...]); NaN and -1 where the closes
    end before the horizon, or the event has none. Holes are passed over, and a window does not end in one. Of equal
    trends the shortest counts. The variance of the residuals counts as at least 1e-12 of that of the closes: on
    closes that lie on a line the t value stays a number, and grows with the window.
    """
    t_value, window = out
    for event in range(start.size):
        t = start[event]
        for h in range(horizons.size):
            t_value[event, h] = np.nan
            window[event, h] = -1
        if not (0.0 < close[t] < np.inf):
            continue
        count = 1.0
        x = xx = y = xy = yy = 0.0
        best = 0.0
        length = -1
        h = 0
        for n in range(1, min(horizons[-1], close.size - 1 - t) + 1):
            change = close[t + n] / close[t] - 1.0
            if np.isfinite(change):
                count += 1.0
                x += n
                xx += n * n
                y += change
                xy += n * change
                yy += change * change
                if n >= shortest and count > 2.0:
                    spread = xx - x * x / count
                    common = xy - x * y / count
                    total = yy - y * y / count
                    square = 0.0
                    if total > 1e-24:
                        rest = max(total - common * common / spread, 1e-12 * total)
                        square = common * common * (count - 2.0) / (rest * spread)
                    if length < 0 or square > abs(best):
                        best = square if common >= 0.0 else -square
                        length = n
            if n == horizons[h]:
                if length > 0:
                    t_value[event, h] = np.sqrt(abs(best)) * np.sign(best)
                    window[event, h] = length
                h += 1
