"""Tests of the maximum: whether the best of many is better than its benchmark, when all of them are counted.

SPA: Hansen 2005, "A Test for Superior Predictive Ability". StepM: Romano and Wolf 2005, "Stepwise Multiple Testing as
Formalized Data Snooping". Both as in `arch`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gnomon.core.types import Array, Float64, Int64
from gnomon.metrics.returns import as_panel


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
    # arch takes 3 s to import.
    from arch.bootstrap import SPA

    size = int(block) if block is not None else math.ceil(bars ** (1 / 3))
    # arch studentises only its choice of the columns that are re-centred; its maximum is over plain means.
    scaled = matrix[:, moving] / matrix[:, moving].std(axis=0)
    seed = int(rng.integers(2**31))
    test = SPA(np.zeros(bars), -scaled, block_size=size, reps=reps, bootstrap="stationary", seed=seed)
    test.compute()
    # No number of draws shows that a chance is 0.
    pvalue = max(float(test.pvalues["consistent"]), 1.0 / (reps + 1))
    # arch's own StepM fails where all columns are superior, but not in one step.
    left = np.ones(moving.size, bool)
    better: Int64[Array, " found"] = test.better_models(level) if pvalue <= level else np.empty(0, np.int64)
    while len(better):
        left[better] = False
        if not left.any():
            break
        test.subset(left)
        test.compute()
        better = test.better_models(level)
    return MaximumTest(pvalue=pvalue, superior=tuple(moving[~left].tolist()), level=level)
