"""Triple-barrier labels over one symbol's bars, with the volatility and the weights they need. Behind the wall.

These loops look ahead on purpose: nothing that runs live may import this file, and the import linter keeps that. They
take whole arrays and are no kernels under the law.

Conventions. An event at bar t is decided at the close of t and bought at the open of t + 1, where the ledger would fill
it (or, on request, at the close of t). Its path is bars t + 1 to t + horizon. Bars are judged by their closes, or by
high and low. The order of high and low inside a bar is unknown, so by high and low: an open beyond a barrier touches
it at the open; a bar that reaches both barriers is nobody's proven win, and counts as flat at its close, or, for a bet
with a side, as stopped out.

Reference: López de Prado, Advances in Financial Machine Learning (2018), chapters 3 and 4.
"""

from __future__ import annotations

import numpy as np
from numba import njit

import gnomon.kernels.cache  # noqa: F401  (chooses the folder of compiled code before anything is compiled)

UNDECIDED = np.int8(2)
"""The data end before a barrier is touched or the horizon is over."""

UNLABELLED = np.int8(3)
"""No label can be given: the volatility is unknown or zero, or there is no price to enter at."""


@njit(cache=True, nogil=True, error_model="numpy")
def triple_barrier(  # type: ignore[no-untyped-def]
    open_, high, low, close, start, side, volatility, upper, lower, horizon, cost, at_open, by_path, sign, out
):
    """Labels events, one a number in `start`; writes `out`: (label i8, end i64, forward return f64).

    `side` is 0 for a label of the market (-1, 0, 1), or the side of a bet, whose label is 1 when it gained after cost
    and 0 when it did not. `volatility` is a fraction for each event; `upper` and `lower` are multiples of it (for a
    bet, `upper` takes profit and `lower` stops the loss). `cost`, a fraction for the round trip, moves each barrier
    that takes a profit further away. `sign`: at the horizon, label by the sign of what is left after cost instead of 0.
    `end` is the bar at whose close the label was known, the last bar for UNDECIDED, and -1 for UNLABELLED. The forward
    return is before cost, times the side of a bet.
    """
    label, end, forward_return = out
    bars = close.size
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
        if by_path:
            bar, touched, price = _touch_by_path(open_, high, low, close, first, stop, above, below, s)
        else:
            bar, touched, price = _touch_by_close(close, first, stop, above, below)
        expired = bar > stop
        if expired:
            if stop < t + horizon:
                label[event] = UNDECIDED
                end[event] = bars - 1
                continue
            bar = stop
            price = close[bar]
            if not np.isfinite(price):
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
