"""Twenty common indicators in one pass, float32 out, against TA-Lib, polars expressions and pandas-ta-classic.

Ours run as one list over blocks of bars that stay in the processor's cache; the rivals' work is done in the same run, a
round of ours between two of theirs. All times are processor seconds, so threads gain nobody anything.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import talib

from benchmarks._rivals import absent, child, interpreter
from gnomon.kernels.base import Call, Program
from gnomon.kernels.indicators import (
    averages,
    channels,
    extremes,
    oscillators,
    returns,
    statistics,
    swings,
    trend,
    volatility,
    volume,
)

BARS, MANY = 1_000_000, 10_000_000
ROUNDS = 3
SLOW_BARS = 100_000
"""Bars that pandas-ta-classic is given: its time a bar is the same over more."""

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
    Call(swings.cci, (H, L, C), (20.0,)),
    Call(swings.williams_r, (H, L, C), (14.0,)),
    Call(extremes.aroon, (H, L), (14.0,)),
    Call(averages.ema_chain, (C,), (20.0,)),
    Call(averages.ppo, (C,), (12.0, 26.0)),
    Call(swings.cmo, (C,), (14.0,)),
)


def by_talib(x: np.ndarray) -> list[Callable[[], object]]:
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
        lambda: talib.CCI(h, l, c, 20),
        lambda: talib.WILLR(h, l, c, 14),
        lambda: talib.AROON(h, l, 14),
        lambda: (talib.DEMA(c, 20), talib.TEMA(c, 20), talib.TRIX(c, 20)),
        lambda: talib.PPO(c, 12, 26, 1),
        lambda: talib.CMO(c, 14),
    ]


def by_polars() -> list[pl.Expr]:
    """The same outputs as expressions, which polars runs as one plan with what they share worked out once.

    Recursive averages start at the first value here, as polars has them; the work is the same.
    """
    h, l, c, v = (pl.col(name) for name in ("high", "low", "close", "volume"))  # noqa: E741

    def smooth(value: pl.Expr, window: int) -> pl.Expr:
        return value.ewm_mean(span=window, adjust=False)

    def wilder(value: pl.Expr, window: int) -> pl.Expr:
        return value.ewm_mean(alpha=1 / window, adjust=False)

    def place(window: int) -> pl.Expr:
        low, high = l.rolling_min(window), h.rolling_max(window)
        return (c - low) / (high - low)

    def age(value: pl.Expr, top: pl.Expr) -> pl.Expr:
        return pl.coalesce(pl.when(value.shift(k) == top).then(float(14 - k)) for k in range(15)) / 14 * 100

    move, typical = c.diff(), (h + l + c) / 3
    gain, loss = wilder(move.clip(lower_bound=0), 14), wilder(-move.clip(upper_bound=0), 14)
    spread = pl.max_horizontal(h - l, (h - c.shift()).abs(), (l - c.shift()).abs())
    up, down = h.diff(), -l.diff()
    plus = wilder(pl.when((up > down) & (up > 0)).then(up).otherwise(0.0), 14) / wilder(spread, 14)
    minus = wilder(pl.when((down > up) & (down > 0)).then(down).otherwise(0.0), 14) / wilder(spread, 14)
    line = smooth(c, 12) - smooth(c, 26)
    k = (100 * place(14)).rolling_mean(3)
    middle, deviation = c.rolling_mean(20), c.rolling_std(20, ddof=0)
    flow = typical * v
    rising = pl.when(typical.diff() > 0).then(flow).otherwise(0.0).rolling_sum(14)
    falling = pl.when(typical.diff() < 0).then(flow).otherwise(0.0).rolling_sum(14)
    mean = typical.rolling_mean(20)
    once = smooth(c, 20)
    twice = smooth(once, 20)
    thrice = smooth(twice, 20)
    outputs = [
        c.rolling_mean(20),
        once,
        c.rolling_mean(20, weights=[float(weight) for weight in range(1, 21)]),
        *(line, smooth(line, 9)),
        *(wilder((plus - minus).abs() / (plus + minus), 14), plus, minus),
        100 * gain / (gain + loss),
        *(k, k.rolling_mean(3)),
        *((c - middle) / (2 * deviation), 4 * deviation / middle),
        place(20),
        wilder(spread, 14),
        c.rolling_std(20, ddof=0),
        c / c.shift(10) - 1,
        (move.sign().fill_null(1.0) * v).cum_sum(),
        100 * rising / (rising + falling),
        (typical - mean) / (0.015 * pl.mean_horizontal((typical.shift(j) - mean).abs() for j in range(20))),
        100 * place(14) - 100,
        *(age(h, h.rolling_max(15)), age(l, l.rolling_min(15))),
        *(c / (2 * once - twice) - 1, c / (3 * once - 3 * twice + thrice) - 1, thrice.pct_change()),
        100 * line / smooth(c, 26),
        100 * (gain - loss) / (gain + loss),
    ]
    return [output.cast(pl.Float32).alias(str(number)) for number, output in enumerate(outputs)]


def market(bars: int) -> np.ndarray:
    """open, high, low, close, volume of a random walk."""
    chance = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, 0.001, bars)))
    open_ = close * np.exp(chance.normal(0.0, 0.0003, bars))
    high = np.maximum(open_, close) * np.exp(np.abs(chance.normal(0.0, 0.0005, bars)))
    low = np.minimum(open_, close) * np.exp(-np.abs(chance.normal(0.0, 0.0005, bars)))
    return np.stack([open_, high, low, close, chance.lognormal(10.0, 1.0, bars)])


def fused(program: Program, x: np.ndarray) -> np.ndarray:
    """All indicators over all bars."""
    out = np.empty((program.outputs, x.shape[1]), np.float32)
    program.fill(program.new_state(), list(x), out)
    return out


def race(entrants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Processor seconds of each one's fastest round; they take turns, so that what slows the machine slows all."""
    times: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(rounds):
        for name, work in entrants.items():
            begin = time.process_time()
            work()
            times[name].append(time.process_time() - begin)
    return {name: min(spent) for name, spent in times.items()}


def each(program: Sequence[Call], x: np.ndarray) -> dict[str, tuple[float, float]]:
    """Nanoseconds a bar of each indicator by itself: ours, TA-Lib's. For whoever tunes them."""
    found = {}
    for call, theirs in zip(program, by_talib(x), strict=True):
        alone = Program([call])
        times = race({"ours": lambda alone=alone: fused(alone, x), "theirs": theirs}, ROUNDS)
        found[call.kernel.name] = tuple(1e9 * value / x.shape[1] for value in times.values())
    return found


def run() -> dict[str, dict[str, object]]:
    """How many times faster than each rival, and what a live bar costs."""
    program = Program(CALLS)
    figures: dict[str, dict[str, object]] = {}
    seconds = 0.0
    for name, bars, rounds in (("", BARS, ROUNDS), ("_10M_bars", MANY, 2)):
        x = market(bars)
        fused(program, x[:, :5000])
        entrants: dict[str, Callable[[], object]] = {
            "ours": lambda x=x: fused(program, x),
            "talib": lambda x=x: [call() for call in by_talib(x)],
        }
        if bars == BARS:
            frame, plan = pl.DataFrame(x.T, schema=["open", "high", "low", "close", "volume"]), by_polars()
            entrants["polars"] = lambda frame=frame, plan=plan: frame.lazy().select(plan).collect()
        times = race(entrants, rounds)
        per_bar = {rival: 1e9 * value / bars / len(CALLS) for rival, value in times.items()}
        facts = {"indicators": len(CALLS), "outputs": program.outputs, "bars": bars}
        facts |= {f"{rival}_ns_per_bar_and_indicator": value for rival, value in per_bar.items()}
        for rival, target in (("talib", 1.5), ("polars", 15.0)):
            if rival in times:
                figures[f"fused{name}_over_{rival}"] = {
                    "value": times[rival] / times["ours"],
                    "target": target,
                    "better": "higher",
                    **facts,
                }
        seconds = seconds or times["ours"] / bars
    figures["fused_over_pandas_ta"] = over_pandas_ta(seconds)

    one, row = np.ascontiguousarray(market(1)), np.empty((program.outputs, 1))
    state, updates = program.new_state(), 20_000
    spent = race({"ours": lambda: [program(state, one, row) for _ in range(updates)]}, ROUNDS)["ours"]
    figures["stream_us_per_bar"] = {"value": 1e6 * spent / updates, "target": 15.0, "better": "lower"}
    return figures


def over_pandas_ta(seconds: float) -> dict[str, object]:
    """How many times as long pandas-ta-classic needs a bar; `seconds` is our time a bar."""
    if interpreter("pandas_ta_classic") is None:
        return absent("pandas_ta_classic", 150.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.npy"
        np.save(path, market(SLOW_BARS))
        theirs = child("pandas_ta_classic", "_pandas_ta.py", path)
    return {
        "value": theirs["seconds"] / theirs["bars"] / seconds,
        "target": 150.0,
        "better": "higher",
        "pandas_ta_ns_per_bar_and_indicator": 1e9 * theirs["seconds"] / theirs["bars"] / len(CALLS),
        "bars": theirs["bars"],
        "version": theirs["version"],
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
