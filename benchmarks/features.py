"""Indicators: ours run as one list over blocks of bars, against TA-Lib's C functions one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import talib

from gnomon.kernels.base import BLOCK_BARS, Call, Program
from gnomon.kernels.indicators import channels, oscillators, returns, statistics, trend, volatility, volume

BARS = 1_000_000
ROUNDS = 5

H, L, C, V = 1, 2, 3, 4

CALLS = (
    Call(trend.sma, (C,), (20.0, 0.0)),
    Call(trend.ema, (C,), (20.0, 0.0)),
    Call(trend.wma, (C,), (20.0, 0.0)),
    Call(trend.macd, (C,), (12.0, 26.0, 9.0, 0.0)),
    Call(trend.adx, (H, L, C), (14.0,)),
    Call(oscillators.rsi, (C,), (14.0,)),
    Call(oscillators.stochastic, (H, L, C), (14.0, 3.0, 3.0)),
    Call(channels.bollinger, (C,), (20.0, 2.0)),
    Call(channels.donchian_position, (H, L, C), (20.0,)),
    Call(volatility.atr, (H, L, C), (14.0, 0.0)),
    Call(statistics.rolling_std, (C,), (20.0, 0.0)),
    Call(returns.simple_return, (C,), (10.0,)),
    Call(volume.obv, (C, V), ()),
    Call(volume.mfi, (H, L, C, V), (14.0,)),
)


def rivals(x: np.ndarray) -> list[Callable[[], object]]:
    """The same outputs by TA-Lib."""
    _, h, l, c, v = x  # noqa: E741
    return [
        lambda: talib.SMA(c, 20),
        lambda: talib.EMA(c, 20),
        lambda: talib.WMA(c, 20),
        lambda: talib.MACD(c, 12, 26, 9),
        lambda: (talib.ADX(h, l, c, 14), talib.PLUS_DI(h, l, c, 14), talib.MINUS_DI(h, l, c, 14)),
        lambda: talib.RSI(c, 14),
        lambda: talib.STOCH(h, l, c, 14, 3, 0, 3, 0),
        lambda: talib.BBANDS(c, 20, 2.0, 2.0),
        lambda: talib.STOCHF(h, l, c, 20, 1, 0),
        lambda: talib.ATR(h, l, c, 14),
        lambda: talib.STDDEV(c, 20),
        lambda: talib.ROCP(c, 10),
        lambda: talib.OBV(c, v),
        lambda: talib.MFI(h, l, c, v, 14),
    ]


def market(bars: int) -> np.ndarray:
    """open, high, low, close, volume of a random walk."""
    chance = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.001, bars)))
    open_ = close * np.exp(chance.normal(0.0, 0.0003, bars))
    high = np.maximum(open_, close) * np.exp(np.abs(chance.normal(0.0, 0.0005, bars)))
    low = np.minimum(open_, close) * np.exp(-np.abs(chance.normal(0.0, 0.0005, bars)))
    return np.stack([open_, high, low, close, chance.lognormal(10.0, 1.0, bars)])


def fused(program: Program, x: np.ndarray, out: np.ndarray) -> None:
    """All indicators over all bars, block by block."""
    state = program.new_state()
    for start in range(0, x.shape[1], BLOCK_BARS):
        block = np.ascontiguousarray(x[:, start : start + BLOCK_BARS])
        rows = np.empty((program.outputs, block.shape[1]))
        program(state, block, rows)
        out[:, start : start + BLOCK_BARS] = rows


def best(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def run() -> dict[str, dict[str, object]]:
    """How many times faster than TA-Lib the same indicators are, and what a live bar costs."""
    x = market(BARS)
    program = Program(CALLS)
    out = np.empty((program.outputs, BARS), np.float32)
    fused(program, x[:, :BLOCK_BARS], out[:, :BLOCK_BARS])
    ours = best(lambda: fused(program, x, out))
    theirs = best(lambda: [call() for call in rivals(x)])

    one, row, state = np.ascontiguousarray(x[:, :1]), np.empty((program.outputs, 1)), program.new_state()
    updates = 20_000
    stream = best(lambda: [program(state, one, row) for _ in range(updates)]) / updates
    return {
        "fused_over_talib": {
            "value": theirs / ours,
            "target": 1.0,
            "better": "higher",
            "indicators": len(CALLS),
            "ns_per_bar_and_indicator": 1e9 * ours / BARS / len(CALLS),
            "talib_ns_per_bar_and_indicator": 1e9 * theirs / BARS / len(CALLS),
        },
        "stream_us_per_bar": {"value": 1e6 * stream, "target": 15.0, "better": "lower"},
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
