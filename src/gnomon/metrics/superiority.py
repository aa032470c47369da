"""Tests of the maximum: whether the best of many is better than its benchmark, when all of them are counted.

SPA: Hansen 2005, "A Test for Superior Predictive Ability". StepM: Romano and Wolf 2005, "Stepwise Multiple Testing as
Formalized Data Snooping". The stationary bootstrap is that of Politis and Romano 1994. `arch` is the oracle of the
tests; here each column counts in units of its own deviation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnomon.core.types import Array, Float64, Int64
from gnomon.metrics.returns import as_panel

DRAWS_AT_ONCE = 4_000_000
"""Numbers that the bootstrap holds in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class MaximumTest:
    """A test of the best of many: `pvalue` that none is better than the benchmark, and which are (at `level`)."""

    pvalue: float
    superior: tuple[int, ...]
    level: float


def superior_predictive_ability(
    excess: Float64[Array, "t strategies"],
    *,
    rng: np.random.Generator,
    level: float = 0.05,
    reps: int = 1000,
    block: float | None = None,
) -> MaximumTest:
    """Whether any strategy truly earns more than its benchmark, over a maximum test of all of them.

    `excess[t, strategies]`: return of each above its benchmark. Each column counts in units of its own standard
    deviation, so the maximum is that of the Sharpe ratios and leverage changes nothing. The p-value is Hansen's
    consistent one, by a stationary bootstrap with mean block length `block` (default: the cube root of the number of
    bars; longer blocks claim too often on short records). `superior` are the columns that StepM finds, with the
    probability of a single false one held at `level`. Columns that never move are left out. NaN and none where fewer
    than 20 bars or no column are left.
    """
    matrix = as_panel(excess)
    bars = matrix.shape[0]
    moving = np.flatnonzero(np.ptp(matrix, axis=0) > 0.0) if bars else np.zeros(0, np.int64)
    if bars < 20 or moving.size == 0:
        return MaximumTest(pvalue=math.nan, superior=(), level=level)
    length = float(block) if block is not None else float(math.ceil(bars ** (1 / 3)))
    scaled = matrix[:, moving] / matrix[:, moving].std(axis=0)
    means = scaled.mean(axis=0)
    # A column far below its benchmark is not re-centred: it would only make the others look lucky (Hansen's g_c).
    error = np.sqrt(long_run_variance(scaled, length) / bars)
    centre = np.where(means >= -error * math.sqrt(2.0 * math.log(math.log(bars))), means, 0.0)
    drawn = bootstrap_means(scaled, rng=rng, reps=reps, block=length) - centre
    highest = np.maximum(drawn.max(axis=1), 0.0)
    # No number of draws shows that a chance is 0.
    pvalue = max(float(np.mean(highest > means.max())), 1.0 / (reps + 1))
    left = np.ones(moving.size, bool)
    while pvalue <= level and left.any():
        limit = np.quantile(np.maximum(drawn[:, left].max(axis=1), 0.0), 1.0 - level)
        better = left & (means > limit)
        if not better.any():
            break
        left &= ~better
    return MaximumTest(pvalue=pvalue, superior=tuple(moving[~left].tolist()), level=level)


def bootstrap_means(
    columns: Float64[Array, "t k"], *, rng: np.random.Generator, reps: int, block: float
) -> Float64[Array, "reps k"]:
    """Means of the columns over resamples of whole rows, by the stationary bootstrap.

    A resample goes on with the next row (round the end to the first), or, with a chance of 1 / `block`, jumps anywhere.
    So it is made of runs of geometric length, and the sum over a run is the difference of two running sums.
    """
    if not block >= 1.0:
        raise ValueError(f"block must be 1 row or more, was {block}")
    rows, width = columns.shape
    sums = np.zeros((2 * rows + 1, width))
    np.cumsum(np.concatenate([columns, columns]), axis=0, out=sums[1:])
    # As many runs as fill the rows in all but one of a billion resamples; those that they do not fill get more.
    runs = math.ceil(rows / block + 7.0 * math.sqrt(rows / block)) + 10
    out = np.empty((reps, width))
    at_once = max(1, DRAWS_AT_ONCE // (runs * width))
    for first in range(0, reps, at_once):
        count = min(at_once, reps - first)
        ends = np.cumsum(_run_lengths(rng, (count, runs), rows, block), axis=1)
        while ends[:, -1].min() < rows:
            more = np.cumsum(_run_lengths(rng, (count, runs), rows, block), axis=1)
            ends = np.concatenate([ends, ends[:, -1:] + more], axis=1)
        ends = np.minimum(ends, rows)
        lengths = np.diff(ends, axis=1, prepend=0)
        starts = rng.integers(rows, size=lengths.shape)
        out[first : first + count] = (sums[starts + lengths] - sums[starts]).sum(axis=1) / rows
    return out


def _run_lengths(rng: np.random.Generator, shape: tuple[int, int], rows: int, block: float) -> Int64[Array, "n runs"]:
    # A run longer than the record is one that goes round it: it ends there all the same.
    return np.minimum(rng.geometric(1.0 / block, size=shape), rows)


def long_run_variance(columns: Float64[Array, "t k"], block: float) -> Float64[Array, " k"]:
    """The variance of each column's mean times t, as the stationary bootstrap with that mean block length has it.

    Autocovariances of all lags, weighted as in Politis and Romano 1994, lemma 1; they come from one Fourier transform.
    """
    rows = len(columns)
    apart = columns - columns.mean(axis=0)
    size = 1 << (2 * rows - 1).bit_length()
    spectrum = np.fft.rfft(apart, n=size, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, n=size, axis=0)[:rows] / rows
    lag = np.arange(1, rows)
    stay = 1.0 - 1.0 / block
    weight = (1.0 - lag / rows) * stay**lag + (lag / rows) * stay ** (rows - lag)
    return np.asarray(np.maximum(covariance[0] + 2.0 * weight @ covariance[1:], 0.0))
