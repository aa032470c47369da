"""Where the moment stands in the day, the week, the month and the year, and the price in its session.

A bar is stamped at its close. What has a date is told of the microsecond before: a bar that closes at midnight belongs
to the day that it ends.
"""

from __future__ import annotations

import math

import numpy as np

from gnomon.kernels.base import kernel
from gnomon.kernels.indicators.windows import log_growth, usable, usable_price

DAY = 86_400_000_000.0
"""Microseconds."""

LATEST = 2.0**53
"""Later stamps (the year 2255) are no whole numbers as floats."""


@kernel(outputs=2, state_size=lambda _: 0, columns=("timestamp",), params=("period", "offset"))
def cycle(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Sine and cosine of where the stamp stands in a period that repeats.

    Columns: timestamp. Params: period, offset (when one begins), in microseconds.
    """
    stamp = x[c[0]]
    for t in range(stamp.size):
        if abs(stamp[t]) < LATEST:
            angle = 2.0 * math.pi * (((stamp[t] - p[1]) % p[0]) / p[0])
            out[0, t] = math.sin(angle)
            out[1, t] = math.cos(angle)
        else:
            out[0, t] = np.nan
            out[1, t] = np.nan


@kernel(outputs=5, state_size=lambda _: 0, columns=("timestamp",), params=())
def date(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Sine and cosine of the day in its month and of the day in its year, and whether the month turns.

    Columns: timestamp. Params: none. The month turns from its last day to its third (Lakonishok and Smidt 1988; in
    calendar days of UTC, where they count trading days).
    """
    stamp = x[c[0]]
    for t in range(stamp.size):
        if not abs(stamp[t]) < LATEST:
            for k in range(5):
                out[k, t] = np.nan
            continue
        # Days from the first of March 2000, from where leap days end their cycles (civil date from a day's number).
        days = math.floor((stamp[t] - 1.0) / DAY) - 11_017
        era = days // 146_097
        day = days - era * 146_097
        year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
        of_year = day - (365 * year + year // 4 - year // 100)
        month = (5 * of_year + 2) // 153
        of_month = of_year - (153 * month + 2) // 5
        length = 31 if month in (0, 2, 4, 5, 7, 9, 10) else 30
        if month == 11:
            following = year + 1
            leap = following % 4 == 0 and (following % 100 != 0 or following % 400 == 0)
            length = 29 if leap else 28
        angle = 2.0 * math.pi * of_month / length
        out[0, t] = math.sin(angle)
        out[1, t] = math.cos(angle)
        # January begins 306 days after March; the 29th of February counts as the 1st of March.
        angle = 2.0 * math.pi * ((of_year + 59) % 365) / 365.0
        out[2, t] = math.sin(angle)
        out[3, t] = math.cos(angle)
        out[4, t] = 1.0 if of_month < 3 or of_month == length - 1 else 0.0


@kernel(
    outputs=3,
    state_size=lambda _: 6,
    columns=("timestamp", "open", "high", "low", "close", "volume"),
    params=("start",),
)
def session(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Log return since the session's open, place in its range so far (0 to 1), distance from its VWAP so far.

    Columns: timestamp, open, high, low, close, volume. Params: start, microseconds after midnight UTC at which sessions
    begin. A session is a day. 0.5 without a range, 0 without volume. Bars that are not finite are passed over; what the
    first session had before the first bar is not known and left out.
    """
    stamp, opened, high, low, close, volume = x[c[0]], x[c[1]], x[c[2]], x[c[3]], x[c[4]], x[c[5]]
    day, first, top, bottom, money, total = s[0], s[1], s[2], s[3], s[4], s[5]
    for t in range(close.size):
        o, h, w, y, v = opened[t], high[t], low[t], close[t], volume[t]
        out[0, t] = np.nan
        out[1, t] = np.nan
        out[2, t] = np.nan
        good = usable_price(o) and usable_price(h) and usable_price(w) and usable_price(y) and usable(v)
        if not (good and abs(stamp[t]) < LATEST):
            continue
        now = math.floor((stamp[t] - 1.0 - p[0]) / DAY)
        if now != day or first == 0.0:
            day, first, top, bottom, money, total = now, o, h, w, 0.0, 0.0
        top, bottom = max(top, h), min(bottom, w)
        money += (h + w + y) / 3.0 * v
        total += v
        out[0, t] = log_growth(y, first)
        out[1, t] = (y - bottom) / (top - bottom) if top > bottom else 0.5
        out[2, t] = y * (total / money) - 1.0 if total > 0.0 and money > 0.0 else 0.0
    s[0], s[1], s[2], s[3], s[4], s[5] = day, first, top, bottom, money, total
