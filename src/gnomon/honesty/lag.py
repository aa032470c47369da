"""The one-bar lag: an edge that is gone when orders fill one bar later was never there to be had.

Bars that carry the moment of their opening pass every probe of functions: their own stamps are wrong. But whoever knows
a bar before it has begun earns it, and stops to earn it one bar later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from gnomon.core.seeds import generator
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.engine import simulate_many

CLEAR = 3.0
"""Standard errors from zero above which there is an edge to lose."""


@dataclass(frozen=True, kw_only=True)
class LagReport:
    """Sharpe ratios per bar with orders filled as configured, and one bar later."""

    sharpe: float
    lagged: float
    bars: int

    @property
    def flagged(self) -> bool:
        """Whether there is a clear edge, and a bar's delay takes half of it or more."""
        return self.sharpe * math.sqrt(self.bars) > CLEAR and self.lagged <= 0.5 * self.sharpe

    def __str__(self) -> str:
        return f"Sharpe ratio a bar {self.sharpe:.3f}, one bar later {self.lagged:.3f}"


def one_bar_lag(bars: pl.DataFrame, targets: pl.DataFrame, execution: ExecutionConfig | None = None) -> LagReport:
    """Trades the targets twice, the second time with fills one bar later. Bars and targets as `simulate` takes them.

    A flag is a question, not a proof: a true edge that lasts for one bar is flagged as well, and cannot be had either
    unless orders are as fast as the backtest says.
    """
    execution = execution or ExecutionConfig()
    later = replace(execution, latency_bars=execution.latency_bars + 1)
    rows = simulate_many(bars, targets, [execution, later])
    sharpe, lagged = (float(value) if value is not None else 0.0 for value in rows["sharpe"])
    return LagReport(sharpe=sharpe, lagged=lagged, bars=bars["timestamp"].n_unique())


def drifting_bars(seed: int = 3, bars: int = 1_500) -> pl.DataFrame:
    """Bars of a price whose drift may turn every hundred bars; `drift` says where it points, known at each close."""
    chance = generator(seed, "honesty", "lag")
    drift = np.repeat(np.sign(chance.normal(size=bars // 100)), 100)
    move = 0.002 * np.roll(drift, 1) + 0.01 * chance.normal(size=bars)
    close = 100.0 * np.exp(np.cumsum(move))
    open_ = np.concatenate([[100.0], close[:-1]])
    stamps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(bars)]
    prices = {"open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close), "close": close}
    frame = pl.DataFrame({"timestamp": stamps, "symbol": "A", **prices, "volume": 1.0, "drift": drift})
    return frame.with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))


def _by(target: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda bars: bars.select("timestamp", "symbol", target=target.fill_null(0.0))


_OWN_MOVE = (pl.col("close") / pl.col("open") - 1.0).sign()

LAGS: Mapping[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "stamped_at_the_open": ("bars stamped at their open", _by(_OWN_MOVE.shift(-1))),
    "next_bar_only_when_large": (
        "knows the next bar",
        _by(pl.when((pl.col("close").shift(-1) / pl.col("close") - 1.0).abs() > 0.015).then(_OWN_MOVE.shift(-1))),
    ),
}

CLEAN_LAGS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "follows_the_drift": _by(pl.col("drift")),
    "no_edge": _by(_OWN_MOVE),
    "holds": _by(pl.lit(1.0)),
}
