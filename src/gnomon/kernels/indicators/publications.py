"""Side tables by their publications, not by bars: a monthly figure joined to days is one value, not twenty.

Beside a table's values these kernels read `known_at`, the moment at which the value of the bar was published. Where it
changes there is a new publication, also one that repeats the old value. A bar without a usable value (nothing published
yet, or expired) is NaN and no publication. What came and went between two bars is never seen.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.calendar import DAY, LATEST
from gnomon.kernels.indicators.windows import slide_sum, usable, usable_price

HOUR = DAY / 24.0
"""Microseconds."""


@njit(forceinline=True, error_model="numpy")
def is_new(known_at, before):  # type: ignore[no-untyped-def]
    """Whether the moment of publication is another one than `before`, which is 0 where there was none yet."""
    return abs(known_at) < LATEST and known_at != before


@kernel(
    outputs=lambda p: len(p) - 1,
    state_size=lambda p: 3 + len(p) + max(bars(count) for count in p[1:]),
    columns=("known_at", "value"),
)
def publication_change(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Change of the value over some publications. Columns: known_at, value.

    Params: 1 for the change of the logarithm or 0 for the difference, then a number of publications an output.
    """
    known, value = x[c[0]], x[c[1]]
    logs = p[0] != 0.0
    changes = s[3 : 2 + p.size]
    ring = s[2 + p.size :]
    n = ring.size
    seen, before, i = s[0], s[1], int(s[2])
    for t in range(value.size):
        y = value[t]
        good = usable_price(y) if logs else usable(y)
        if good and is_new(known[t], before):
            level = math.log(y) if logs else y
            for k in range(changes.size):
                j = i - int(p[k + 1])
                changes[k] = level - ring[j if j >= 0 else j + n]
            ring[i] = level
            i = i + 1 if i + 1 < n else 0
            seen += 1.0
            before = known[t]
        for k in range(changes.size):
            out[k, t] = changes[k] if good and seen > p[k + 1] else np.nan
    s[0], s[1], s[2] = seen, before, i


@kernel(state_size=lambda p: 4 + bars(p[0], least=2), columns=("known_at", "value"), params=("window", "scaled"))
def publication_spread(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Standard deviation (n - 1) of the last publications; scaled: how many of these the last stands from their mean.

    Columns: known_at, value. Params: publications in the window, 1 for scaled or 0. 0 where all of them are equal.
    """
    known, value = x[c[0]], x[c[1]]
    ring = s[4:]
    n = ring.size
    seen, before, i, held = s[0], s[1], int(s[2]), s[3]
    for t in range(value.size):
        y = value[t]
        if usable(y) and is_new(known[t], before):
            ring[i] = y
            i = i + 1 if i + 1 < n else 0
            seen += 1.0
            before = known[t]
            # Publications are few: a whole pass for each keeps no rounding.
            mean, squares = 0.0, 0.0
            for j in range(n):
                mean += (ring[j] - y) / n
            for j in range(n):
                squares += (ring[j] - y - mean) * (ring[j] - y - mean)
            held = math.sqrt(squares / (n - 1))
            if p[1] != 0.0:
                held = -mean / held if held > 0.0 else 0.0
        out[0, t] = held if usable(y) and seen >= n else np.nan
    s[0], s[1], s[2], s[3] = seen, before, i, held


@kernel(state_size=lambda p: 4 + bars(p[1]), columns=("known_at", "value"), params=("fast", "slow"))
def publication_momentum(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Mean of the last few publications less that of more of them. Columns: known_at, value. Params: fast, slow."""
    known, value = x[c[0]], x[c[1]]
    fast = int(p[0])
    ring = s[4:]
    n = ring.size
    seen, before, i, held = s[0], s[1], int(s[2]), s[3]
    for t in range(value.size):
        y = value[t]
        if usable(y) and is_new(known[t], before):
            ring[i] = y
            i = i + 1 if i + 1 < n else 0
            seen += 1.0
            before = known[t]
            short, long = 0.0, 0.0
            for j in range(n):
                long += ring[j] - y
            for j in range(1, fast + 1):
                short += ring[i - j if i >= j else i - j + n] - y
            held = short / fast - long / n
        out[0, t] = held if usable(y) and seen >= n else np.nan
    s[0], s[1], s[2], s[3] = seen, before, i, held


@kernel(state_size=lambda p: 4 + bars(p[0]), columns=("known_at", "actual", "forecast"), params=("window",))
def surprise(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """What was published less what had been forecast, by the root mean square of that for the releases before.

    Columns: known_at, actual, forecast. Params: releases before. 0 where none of them, nor this one, surprised.
    """
    known, actual, forecast = x[c[0]], x[c[1]], x[c[2]]
    ring = s[4:]
    n = ring.size
    seen, before, i, held = s[0], s[1], int(s[2]), s[3]
    for t in range(actual.size):
        good = usable(actual[t]) and usable(forecast[t])
        if good and is_new(known[t], before):
            y = actual[t] - forecast[t]
            squares = 0.0
            for j in range(n):
                squares += ring[j] * ring[j]
            scale = math.sqrt(squares / n)
            held = y / scale if scale > 0.0 else (0.0 if y == 0.0 else np.nan)
            ring[i] = y
            i = i + 1 if i + 1 < n else 0
            seen += 1.0
            before = known[t]
        out[0, t] = held if good and seen > n and usable(held) else np.nan
    s[0], s[1], s[2], s[3] = seen, before, i, held


@kernel(state_size=lambda p: 4 + bars(p[0]), columns=("timestamp", "rate"), params=("window", "hours"))
def carry(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """What a rate amounts to over a window of bars: at each bar the rate known then, for the time since the last one.

    Columns: timestamp, rate. Params: window, the hours that a rate is for.
    """
    stamp, rate = x[c[0]], x[c[1]]
    n = int(p[0])
    unit = p[1] * HOUR
    ring = s[4:]
    clean, i, total, last = s[0], int(s[1]), s[2], s[3]
    for t in range(rate.size):
        y = 0.0
        if usable(rate[t]) and abs(stamp[t]) < LATEST and last != 0.0:
            y = rate[t] * ((stamp[t] - last) / unit)
            clean += 1.0
        else:
            clean = 0.0
        if abs(stamp[t]) < LATEST:
            last = stamp[t]
        i, total = slide_sum(ring, i, total, y)
        out[0, t] = total if clean >= n else np.nan
    s[0], s[1], s[2], s[3] = clean, i, total, last


@kernel(outputs=2, state_size=lambda _: 0, columns=("timestamp", "released_at", "next_at"), params=())
def release_time(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Days since the last release, and days until the next one whose date is known.

    Columns: timestamp, released_at, next_at, all in microseconds. Params: none.
    """
    stamp, last, following = x[c[0]], x[c[1]], x[c[2]]
    for t in range(stamp.size):
        good = abs(stamp[t]) < LATEST
        out[0, t] = (stamp[t] - last[t]) / DAY if good and abs(last[t]) < LATEST else np.nan
        out[1, t] = (following[t] - stamp[t]) / DAY if good and abs(following[t]) < LATEST else np.nan


@kernel(state_size=lambda _: 0, columns=("first", "second"), params=("logs",))
def spread(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """The first value less the second. Columns: first, second. Params: 1 for that of their logarithms, or 0."""
    first, second = x[c[0]], x[c[1]]
    for t in range(first.size):
        a, b = first[t], second[t]
        if p[0] != 0.0:
            out[0, t] = math.log(a) - math.log(b) if usable_price(a) and usable_price(b) else np.nan
        else:
            out[0, t] = a - b if usable(a) and usable(b) else np.nan


@kernel(outputs=lambda p: bars(p[0]), state_size=lambda _: 0)
def latest(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """The values as they are known at the bar. Columns: one an output. Params: how many."""
    for k in range(c.size):
        for t in range(out.shape[1]):
            out[k, t] = x[c[k], t] if usable(x[c[k], t]) else np.nan
