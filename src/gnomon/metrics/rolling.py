"""Ratios over a moving window: one value a bar, NaN until the window is full or while it holds a NaN.

Every window is summed afresh, so that one absurd bar spoils only the windows it is in. (empyrical gives the full
windows alone; here they stand at the bar where they end.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import Series, as_series

_BLOCK = 1 << 21
"""Values held at a time, so that memory does not grow with the history."""


def rolling_volatility(returns: Series, *, window: int, periods_per_year: float | None = None) -> Float64[Array, " t"]:
    """Standard deviation of the last `window` returns."""
    scale = math.sqrt(periods_per_year or 1.0)
    return _roll(window, lambda held: held[0].std(axis=1, ddof=1) * scale, as_series(returns))


def rolling_sharpe(
    returns: Series, *, window: int, risk_free: float = 0.0, periods_per_year: float | None = None
) -> Float64[Array, " t"]:
    """Sharpe ratio of the last `window` returns; NaN where they are equal. `risk_free` is per bar."""
    scale = math.sqrt(periods_per_year or 1.0)

    def of(held: tuple[Float64[Array, "m w"], ...]) -> Float64[Array, " m"]:
        excess = held[0] - risk_free
        spread = excess.std(axis=1, ddof=1)
        moves = spread > 1e-13 * np.abs(excess).max(axis=1)
        return np.asarray(np.divide(excess.mean(axis=1) * scale, spread, out=np.full(spread.size, np.nan), where=moves))

    return _roll(window, of, as_series(returns))


def rolling_beta(returns: Series, benchmark: Series, *, window: int) -> Float64[Array, " t"]:
    """Beta of the last `window` returns on the benchmark's; NaN where the benchmark does not move."""

    def of(held: tuple[Float64[Array, "m w"], ...]) -> Float64[Array, " m"]:
        own, other = held
        residual = other - other.mean(axis=1, keepdims=True)
        variance = np.mean(residual**2, axis=1)
        covariance = np.mean(residual * own, axis=1)
        return np.asarray(np.divide(covariance, variance, out=np.full(variance.size, np.nan), where=variance > 1e-30))

    own, other = as_series(returns), as_series(benchmark)
    if own.size != other.size:
        raise ValueError(f"returns and benchmark must be of the same bars, were {own.size} and {other.size} long")
    return _roll(window, of, own, other)


def _roll(
    window: int,
    of: Callable[[tuple[Float64[Array, "m w"], ...]], Float64[Array, " m"]],
    *series: Float64[Array, " t"],
) -> Float64[Array, " t"]:
    if window < 2:
        raise ValueError(f"window must be 2 or more, was {window}")
    bars = series[0].size
    result = np.full(bars, np.nan)
    if bars < window:
        return result
    views = [np.lib.stride_tricks.sliding_window_view(one, window) for one in series]
    step = max(1, _BLOCK // window)
    for start in range(0, bars - window + 1, step):
        held = tuple(view[start : start + step] for view in views)
        known = ~np.any([np.isnan(one).any(axis=1) for one in held], axis=0)
        rows = np.arange(start, start + known.size)[known] + window - 1
        if rows.size:
            result[rows] = of(tuple(one[known] for one in held))
    return result
