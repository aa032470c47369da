"""The shape of a bar, and of a bar beside the one before."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import kernel
from gnomon.kernels.indicators.windows import log_growth, usable, usable_price


@kernel(outputs=3, state_size=lambda _: 0, columns=("open", "high", "low", "close"), params=())
def candle(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Body (signed), upper wick and lower wick as fractions of the bar's range (Nison 1991); 0 for one without range.

    Columns: open, high, low, close. Params: none. The body is TA-Lib BOP.
    """
    opened, high, low, close = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    for t in range(close.size):
        o, h, w, y = opened[t], high[t], low[t], close[t]
        good = usable(o) and usable(h) and usable(w) and usable(y)
        spread = h - w
        if good and spread > 0.0:
            out[0, t] = (y - o) / spread
            out[1, t] = (h - max(o, y)) / spread
            out[2, t] = (min(o, y) - w) / spread
        else:
            empty = 0.0 if good else np.nan
            out[0, t] = empty
            out[1, t] = empty
            out[2, t] = empty


@kernel(outputs=4, state_size=lambda _: 5, columns=("open", "high", "low", "close"), params=())
def candle_pair(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Gap, engulfing, harami and containment of a bar and the one before.

    Columns: open, high, low, close. Params: none. Gap: log of the open over the last close. Engulfing: 1 or -1, the
    sign of this body, where it covers the last body, which goes the other way, but for one end; the sign of
    TA-Lib CDLENGULFING. Harami: 1 or -1 likewise where the last body covers this one. Containment: 1 where this bar's
    range holds the last one's (an outside bar), -1 where it lies within it (an inside bar), 0 where neither or equal.
    """
    opened, high, low, close = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    seen, start, top, bottom, last = s[0], s[1], s[2], s[3], s[4]
    for t in range(close.size):
        o, h, w, y = opened[t], high[t], low[t], close[t]
        for k in range(4):
            out[k, t] = np.nan
        if not (usable_price(o) and usable_price(h) and usable_price(w) and usable_price(y)):
            seen = 0.0
            continue
        if seen > 0.0:
            sign = (1.0 if y > o else 0.0) - (1.0 if y < o else 0.0)
            against = (1.0 if last > start else 0.0) - (1.0 if last < start else 0.0)
            upper, lower = max(o, y) - max(start, last), min(o, y) - min(start, last)
            turned = sign * against < 0.0
            out[0, t] = log_growth(o, last)
            covers = turned and upper >= 0.0 and lower <= 0.0 and upper - lower > 0.0
            within = turned and upper <= 0.0 and lower >= 0.0 and lower - upper > 0.0
            out[1, t] = sign if covers else 0.0
            out[2, t] = sign if within else 0.0
            outside = h >= top and w <= bottom and h - w > top - bottom
            inside = h <= top and w >= bottom and h - w < top - bottom
            out[3, t] = (1.0 if outside else 0.0) - (1.0 if inside else 0.0)
        seen, start, top, bottom, last = 1.0, o, h, w, y
    s[0], s[1], s[2], s[3], s[4] = seen, start, top, bottom, last
