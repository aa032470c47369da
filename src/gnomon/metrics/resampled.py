"""Figures of returns with intervals, by resampling whole bars in runs: what stands together stays together.

The stationary bootstrap of Politis and Romano 1994; a run is a cube root of the record long on average, unless told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import as_panel
from gnomon.metrics.superiority import bootstrap_means


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The middle `level` of what resampling gave. NaN: it cannot be known from these data."""

    low: float
    high: float
    level: float = 0.95

    def holds(self, value: float) -> bool:
        """Whether the value lies in it, ends included.

        >>> Interval(low=-0.1, high=0.4).holds(0.0)
        True
        """
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampled:
    """A figure a resample and column: the Sharpe ratio per bar (NaN where a column does not move), and log growth."""

    sharpe: Float64[Array, "reps k"]
    growth: Float64[Array, "reps k"]


def resample(
    returns: Float64[Array, "t k"],
    *,
    rng: np.random.Generator,
    risk_free: float = 0.0,
    reps: int = 2000,
    block: float | None = None,
) -> Resampled:
    """Resamples the bars of all columns together, so that their differences keep what the columns have in common.

    `returns` and `risk_free` are simple, per bar; NaN counts as 0. Growth is the mean log growth a bar.
    """
    matrix = np.nan_to_num(as_panel(returns), nan=0.0)
    bars, width = matrix.shape
    if bars < 2:
        nothing = np.full((reps, width), math.nan)
        return Resampled(sharpe=nothing, growth=nothing)
    length = float(block) if block is not None else float(math.ceil(bars ** (1 / 3)))
    # From moments around the mean of all bars: a variance from raw squares would lose the digits that it is made of.
    middle = matrix.mean(axis=0)
    apart = matrix - middle
    growth = np.log(np.maximum(1.0 + matrix, 1e-12))
    drawn = bootstrap_means(np.hstack([apart, apart**2, growth]), rng=rng, reps=reps, block=length)
    mean, square, grown = np.split(drawn, 3, axis=1)
    variance = np.maximum(square - mean**2, 0.0) * bars / (bars - 1)
    spread = np.where(np.ptp(matrix, axis=0) > 0.0, np.sqrt(variance), 0.0)
    sharpe = np.divide(mean + middle - risk_free, spread, out=np.full_like(mean, math.nan), where=spread > 0.0)
    return Resampled(sharpe=sharpe, growth=grown)


def middle_of(drawn: Float64[Array, " reps"], *, level: float = 0.95) -> Interval:
    """The interval between the quantiles that leave as much below as above; NaN where no draw has a value.

    >>> middle_of(np.arange(101.0), level=0.5)
    Interval(low=25.0, high=75.0, level=0.5)
    """
    known = drawn[np.isfinite(drawn)]
    if not known.size:
        return Interval(low=math.nan, high=math.nan, level=level)
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(low=float(low), high=float(high), level=level)
