"""Volume beside price: OBV, signed volume, MFI."""

from __future__ import annotations

import numpy as np

from gnomon.kernels.base import bars, kernel
from gnomon.kernels.indicators.windows import roll_sum, slide_sum, usable


@kernel(state_size=lambda _: 3, columns=("close", "volume"), params=())
def obv(s, x, c, out, p):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """On-balance volume (Granville 1963): volume summed with the sign of the close's move, from the first bar's volume.

    Columns: close, volume. Params: none. As TA-Lib OBV. It sums all history, so its level means nothing by itself; bars
    that are not finite are passed over.
    """
    close, volume = x[c[0]], x[c[1]]
    seen, last, total = s[0], s[1], s[2]
    for t in range(close.size):
        y, v = close[t], volume[t]
        if not (usable(y) and usable(v)):
            out[0, t] = np.nan
            continue
        # Without a branch: which way a market moves cannot be foretold, by the processor neither.
        flow = v if (y > last) | (seen == 0.0) else -v
        total += flow if (y != last) | (seen == 0.0) else 0.0
        seen = 1.0
        last = y
        out[0, t] = total
    s[0], s[1], s[2] = seen, last, total


@kernel(state_size=lambda p: 6 + 2 * bars(p[0]), columns=("close", "volume"), params=("window",))
def signed_volume(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Share of a window's volume on rising closes minus that on falling ones, in [-1, 1]; 0 without volume.

    Columns: close, volume. Params: window. The change of OBV over the window, divided by its volume.
    """
    close, volume = x[c[0]], x[c[1]]
    n = int(p[0])
    signed, plain = s[6 : 6 + n], s[6 + n :]
    clean, last, i, balance, j, total = s[0], s[1], int(s[2]), s[3], int(s[4]), s[5]
    for t in range(close.size):
        y, v = close[t], volume[t]
        flow = 0.0
        if usable(y) and usable(v):
            if clean > 0.0:
                flow = v if y > last else (-v if y < last else 0.0)
            clean += 1.0
            last = y
        else:
            clean, v = 0.0, 0.0
        i, balance = slide_sum(signed, i, balance, flow)
        j, total = slide_sum(plain, j, total, v)
        if clean > n:
            out[0, t] = balance / total if total > 0.0 else 0.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5] = clean, last, i, balance, j, total


@kernel(state_size=lambda p: 8 + 2 * bars(p[0]), columns=("high", "low", "close", "volume"), params=("window",))
def mfi(s, x, c, out, p):  # type: ignore[no-untyped-def]
    """Money flow index, 0 to 100: the share of money (typical price x volume) that traded on rising typical prices.

    Columns: high, low, close, volume. Params: window. As TA-Lib MFI, but no flow at all gives 50, where TA-Lib gives 0.
    """
    high, low, close, volume = x[c[0]], x[c[1]], x[c[2]], x[c[3]]
    n = int(p[0])
    rising, falling = s[8 : 8 + n], s[8 + n :]
    clean, last, i, ups, j, downs = s[0], s[1], int(s[2]), s[3], int(s[4]), s[5]
    up_turn, down_turn = s[6], s[7]
    for t in range(close.size):
        typical = (high[t] + low[t] + close[t]) / 3.0
        up, down = 0.0, 0.0
        if usable(typical) and usable(volume[t]):
            flow = typical * volume[t] if clean > 0.0 else 0.0
            up = flow if typical > last else 0.0
            down = flow if typical < last else 0.0
            clean += 1.0
            last = typical
        else:
            clean = 0.0
        i, ups, up_turn = roll_sum(rising, i, ups, up_turn, up)
        j, downs, down_turn = roll_sum(falling, j, downs, down_turn, down)
        if clean > n:
            both = ups + downs
            out[0, t] = 100.0 * ups / both if both > 0.0 else 50.0
        else:
            out[0, t] = np.nan
    s[0], s[1], s[2], s[3], s[4], s[5] = clean, last, i, ups, j, downs
    s[6], s[7] = up_turn, down_turn
