"""What could be lost: value at risk by three methods, and stress: shocks, worst windows, bootstrapped drawdowns.

Losses are negative returns, as in `gnomon.metrics.returns`; drawdowns are positive fractions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.metrics.periods import Stamps
from gnomon.metrics.returns import Series, as_series, deviation, kurtosis, present, skewness


def gaussian_value_at_risk(returns: Series, *, cutoff: float = 0.05) -> float:
    """The return that a share `cutoff` of bars falls below, were returns normal; NaN below two values."""
    array = present(returns)
    return float(array.mean()) + deviation(array) * _quantile(cutoff) if array.size else math.nan


def gaussian_conditional_value_at_risk(returns: Series, *, cutoff: float = 0.05) -> float:
    """Mean return of the worst share `cutoff` of bars, were returns normal; NaN below two values."""
    array = present(returns)
    if array.size == 0:
        return math.nan
    z = _quantile(cutoff)
    density = math.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
    return float(array.mean()) - deviation(array) * density / cutoff


def cornish_fisher_value_at_risk(returns: Series, *, cutoff: float = 0.05) -> float:
    """`gaussian_value_at_risk` with the quantile bent by skew and kurtosis (Cornish and Fisher 1938).

    NaN below four values or without spread.
    """
    array = present(returns)
    z = _quantile(cutoff)
    skew, excess = skewness(array), kurtosis(array) - 3.0
    bent = z + (z**2 - 1.0) * skew / 6.0 + (z**3 - 3.0 * z) * excess / 24.0 - (2.0 * z**3 - 5.0 * z) * skew**2 / 36.0
    return float(array.mean()) + deviation(array) * bent if array.size else math.nan


def cornish_fisher_conditional_value_at_risk(returns: Series, *, cutoff: float = 0.05) -> float:
    """Mean of the bent quantile over the worst share `cutoff` (closed form: Boudt, Peterson and Croux 2008)."""
    array = present(returns)
    if array.size == 0:
        return math.nan
    z = _quantile(cutoff)
    skew, excess = skewness(array), kurtosis(array) - 3.0
    # The normal tail's means of z, z^2, z^3 below the quantile.
    density = math.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)
    first = -density / cutoff
    second = 1.0 - z * density / cutoff
    third = -(z**2 + 2.0) * density / cutoff
    bent = (
        first
        + (second - 1.0) * skew / 6.0
        + (third - 3.0 * first) * excess / 24.0
        - (2.0 * third - 5.0 * first) * skew**2 / 36.0
    )
    return float(array.mean()) + deviation(array) * bent


def _quantile(cutoff: float) -> float:
    if not 0.0 < cutoff < 1.0:
        raise ValueError(f"cutoff must be between 0 and 1, was {cutoff}")
    from scipy.special import ndtri

    return float(ndtri(cutoff))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A shock with a name: every price moves by `move` (a fraction) between two bars; `moves` overrides by symbol."""

    name: str
    move: float
    moves: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        for move in (self.move, *(self.moves or {}).values()):
            if not move >= -1.0:
                raise ValueError(f"scenario {self.name!r}: a price cannot move by less than -1, was {move}")


SCENARIOS = (
    Scenario(name="fall of 5%", move=-0.05),
    Scenario(name="fall of 10%", move=-0.10),
    Scenario(name="19 October 1987 (S&P 500, one day)", move=-0.2047),
    Scenario(name="October 2008 (S&P 500, eight days)", move=-0.2266),
    Scenario(name="February-March 2020 (S&P 500, 23 days)", move=-0.3392),
    Scenario(name="12 March 2020 (Bitcoin, one day)", move=-0.39),
    Scenario(name="rise of 10%", move=0.10),
)
"""Named shocks, as the index moved from close to close; a short position is hurt by the rises."""


def shock_return(weights: Mapping[str, float], scenario: Scenario) -> float:
    """Return of a portfolio of `weights` (signed fractions of equity) when the scenario strikes before it can trade.

    >>> shock_return({"A": 0.5, "B": -0.2}, Scenario(name="fall", move=-0.1))
    -0.03
    """
    moves = scenario.moves or {}
    return math.fsum(weight * moves.get(symbol, scenario.move) for symbol, weight in weights.items())


def worst_windows(
    returns: Series, timestamps: Stamps | None = None, *, windows: Sequence[int] = (1, 5, 21, 63, 252)
) -> pl.DataFrame:
    """The worst compounded return over each number of bars in a row: `bars`, `return`, `start`, `end`.

    `start` and `end` are the first and the last bar of the window: moments where `timestamps` are given, else counted
    from 0. Windows longer than the history are left out.
    """
    array = as_series(returns)
    growth = np.concatenate(([0.0], np.cumsum(_log_growth(array))))
    rows = []
    for window in windows:
        if window < 1:
            raise ValueError(f"a window must be 1 bar or more, was {window}")
        if window <= array.size:
            change = growth[window:] - growth[:-window]
            start = int(np.argmin(change))
            rows.append((window, math.expm1(change[start]), start, start + window - 1))
    frame = pl.DataFrame(
        rows, schema={"bars": pl.Int64, "return": pl.Float64, "start": pl.Int64, "end": pl.Int64}, orient="row"
    )
    if timestamps is None:
        return frame
    moments = timestamps if isinstance(timestamps, pl.Series) else pl.Series(list(timestamps))
    return frame.with_columns(moments.gather(frame[name]).alias(name) for name in ("start", "end"))


def bootstrap_drawdowns(
    returns: Series, *, rng: np.random.Generator, reps: int = 1000, block: int | None = None
) -> Float64[Array, " reps"]:
    """Deepest drawdowns of histories made by drawing blocks of the returns at random (circular block bootstrap).

    `block`: bars that stay together (default: the root of the number of bars). Says how much of the drawdown that was
    seen is luck of the order. Empty where there are no returns. (Politis and Romano 1992.)
    """
    growth = _log_growth(as_series(returns))
    bars = growth.size
    if bars == 0:
        return np.zeros(0)
    size = min(bars, block if block is not None else math.ceil(math.sqrt(bars)))
    if size < 1:
        raise ValueError(f"block must be 1 or more, was {block}")
    pieces = math.ceil(bars / size)
    within = np.arange(size)
    depths = np.empty(reps)
    step = max(1, (1 << 21) // bars)
    for first in range(0, reps, step):
        rows = min(step, reps - first)
        starts = rng.integers(0, bars, size=(rows, pieces, 1))
        drawn = growth[(starts + within) % bars].reshape(rows, -1)[:, :bars]
        path = np.cumsum(drawn, axis=1)
        peak = np.maximum(np.maximum.accumulate(path, axis=1), 0.0)
        depths[first : first + rows] = -np.expm1((path - peak).min(axis=1))
    return np.maximum(depths, 0.0)


def _log_growth(returns: Float64[Array, " t"]) -> Float64[Array, " t"]:
    """Logarithm of each bar's growth; NaN counts as 0, and a bar that loses all as a loss of all but 1e-12."""
    return np.asarray(np.log(np.maximum(np.where(np.isnan(returns), 1.0, 1.0 + returns), 1e-12)))
