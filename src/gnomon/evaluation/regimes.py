"""Results by regime: volatility, trend, calendar year. A bar's regime is decided by days that had ended before it."""

from __future__ import annotations

import bisect
from collections.abc import Callable

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.evaluation.base import SharpeDoubt
from gnomon.metrics.periods import aggregate_returns
from gnomon.metrics.returns import cum_returns, cum_returns_final, max_drawdown
from gnomon.metrics.rolling import rolling_volatility

UNKNOWN = "unknown"


def market_returns(bars: pl.DataFrame) -> pl.DataFrame:
    """The market as one series: `timestamp`, and the mean `return` of the symbols that have one, close to close."""
    return (
        bars.select("timestamp", "symbol", "close")
        .sort("symbol", "timestamp")
        .with_columns((pl.col("close") / pl.col("close").shift(1).over("symbol") - 1.0).alias("return"))
        .filter(pl.col("return").is_finite())
        .group_by("timestamp")
        .agg(pl.col("return").mean())
        .sort("timestamp")
    )


def regime_frame(
    bars: pl.DataFrame,
    timestamps: pl.Series,
    *,
    volatility_days: int = 21,
    trend_days: int = 63,
    history_days: int = 60,
) -> pl.DataFrame:
    """The regime of each bar of `timestamps`: columns `timestamp`, `volatility`, `trend`, `year`.

    volatility: low, middle, high: the last `volatility_days` against the terciles of all such figures before (of at
    least `history_days`). trend: up or down over the last `trend_days`. Both by days that ended before the bar's own
    day began, of the symbols' mean return, and "unknown" until there are enough of them. `bars` may begin before
    `timestamps` does.
    """
    market = market_returns(bars)
    days = aggregate_returns(market["return"].to_numpy(), market["timestamp"], every="day")
    moves = days["return"].to_numpy()
    volatility = _terciles(rolling_volatility(moves, window=volatility_days), history_days)
    growth = np.concatenate(([0.0], np.cumsum(np.log1p(np.maximum(moves, -0.999999)))))
    trend = np.full(moves.size, UNKNOWN, dtype=object)
    if moves.size >= trend_days:
        change = growth[trend_days:] - growth[:-trend_days]
        trend[trend_days - 1 :] = np.where(change > 0.0, "up", "down")
    # A day's figure is known when the day has ended: it holds from the next day on.
    known = pl.DataFrame(
        {
            "day": days["start"],
            "volatility": pl.Series(volatility.tolist(), dtype=pl.String),
            "trend": pl.Series(trend.tolist(), dtype=pl.String),
        }
    )
    inside = (pl.col("timestamp") - pl.duration(microseconds=1)).dt.date()
    return (
        pl.DataFrame({"timestamp": timestamps})
        .with_columns((inside - pl.duration(days=1)).cast(pl.Date).alias("day"))
        .join_asof(known, on="day", strategy="backward", check_sortedness=False)
        .select(
            "timestamp",
            pl.col("volatility").fill_null(UNKNOWN),
            pl.col("trend").fill_null(UNKNOWN),
            inside.dt.year().cast(pl.String).alias("year"),
        )
    )


def _terciles(values: Float64[Array, " d"], history: int) -> Array:
    """low, middle or high among all values so far, by rank; unknown until there are `history` of them."""
    result = np.full(values.size, UNKNOWN, dtype=object)
    seen: list[float] = []
    for day, value in enumerate(values.tolist()):
        if value != value:
            continue
        if len(seen) >= history:
            place = bisect.bisect_left(seen, value) / len(seen)
            result[day] = "low" if place < 1 / 3 else "middle" if place < 2 / 3 else "high"
        bisect.insort(seen, value)
    return result


def regime_results(
    returns: Float64[Array, " t"], regimes: pl.DataFrame, doubt: Callable[[Float64[Array, " n"]], SharpeDoubt]
) -> pl.DataFrame:
    """One row a regime and value: regime, value, bars, total_return, max_drawdown (of its bars joined), the doubt."""
    order = {"low": 0, "middle": 1, "high": 2, "up": 3, "down": 4}
    rows = []
    for regime in ("volatility", "trend", "year"):
        labels = regimes[regime].to_numpy()
        for value in sorted(set(labels.tolist()) - {UNKNOWN}, key=lambda word: (order.get(word, 9), word)):
            held = returns[labels == value]
            equity = np.concatenate(([1.0], 1.0 + cum_returns(held)))
            row = {"regime": regime, "value": value, "bars": held.size, "total_return": cum_returns_final(held)}
            rows.append({**row, "max_drawdown": max_drawdown(equity), **doubt(held).row()})
    return pl.DataFrame(rows, infer_schema_length=None)
