from __future__ import annotations

import math
from itertools import groupby

import numpy as np
import pytest

from gnomon.kernels.indicators.timeframes import higher_bars

MINUTE = 60e6
NAN = float("nan")


def slow(stamp: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray, window: int, length: float):
    """What can be said at each bar from the bars up to it, all longer bars made anew."""
    for now in range(stamp.size):
        bars = []
        for number, rows in groupby(range(now + 1), key=lambda t: math.ceil(stamp[t] / length)):
            part = list(rows)
            complete = stamp[now] >= number * length or math.ceil(stamp[now] / length) > number
            bars.append((high[part].max(), low[part].min(), close[part[-1]], complete))
        closed = [bar for bar in bars[1:] if bar[3]][-window:]
        if len(closed) < window:
            yield NAN, NAN, NAN, NAN
            continue
        closes = np.array([bar[2] for bar in closed])
        moves = np.diff(np.log(closes))
        yield (
            moves[-1],
            math.log(closed[-1][0] / closed[-1][1]),
            math.sqrt((moves**2).mean()),
            close[now] / closes.mean() - 1,
        )


@pytest.mark.parametrize("minutes", [1, 5, 15])
def test_only_closed_bars_are_read(minutes, market, agrees) -> None:
    """Over stamps with gaps, so that some longer bars end without their last bar, or are not there at all."""
    chance = np.random.default_rng(8)
    stamp = 1.7e15 + MINUTE * np.cumsum(chance.choice([1, 1, 1, 1, 2, 7, 40], 400))
    columns = (stamp, market.high[:400], market.low[:400], market.close[:400])
    out = higher_bars.over(*columns, params=(3, minutes * MINUTE))
    agrees(out, np.array(list(slow(*columns, 3, minutes * MINUTE))).T, scale=1e-2)


def test_by_hand() -> None:
    stamp = MINUTE * np.arange(1, 8)
    close = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    out = higher_bars.over(stamp, close * 1.5, close, close, params=(2, 2 * MINUTE))
    # Longer bars close at 2 (left out: the first), 4 and 6 with the prices 8 and 32, from lows 4 and 16.
    assert np.isnan(out[:, :5]).all()
    np.testing.assert_allclose(out[:, 5], [math.log(4), math.log(3), math.log(4), 0.6])
    np.testing.assert_allclose(out[:, 6], [math.log(4), math.log(3), math.log(4), 2.2])


def test_an_open_bar_changes_nothing_but_the_distance() -> None:
    """The control: were the open bar read, its wild last price would be seen before it has closed."""
    chance = np.random.default_rng(9)
    stamp, close = MINUTE * np.arange(1, 60), chance.lognormal(0, 0.1, 59)
    wild = close.copy()
    wild[51:54] = 1e6
    params = (3, 5 * MINUTE)
    calm = higher_bars.over(stamp, close, close, close, params=params)
    seen = higher_bars.over(stamp, wild, wild, wild, params=params)
    np.testing.assert_array_equal(calm[:3, :54], seen[:3, :54])
    assert (calm[1, 54:] != seen[1, 54:]).all()
