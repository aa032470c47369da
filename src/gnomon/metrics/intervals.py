"""Forecasts of ranges: quantiles of a return, and sets of classes.

Quantiles are judged by the pinball loss, which only the true quantiles make smallest, and by how often what came lay
between the outer two. Sets are judged by how often they hold the class that came, and by how small they are: a set of
all classes always holds it. Rows whose outcome is NaN are left out; a figure without a row is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gnomon.core.types import Array, Bool, Float64, Int64
from gnomon.metrics.forecasts import CLASSES


def pinball_losses(
    actual: Float64[Array, " n"], quantiles: Float64[Array, "n q"], levels: Sequence[float]
) -> Float64[Array, "n q"]:
    """The loss of each row and level: level x what is missing, or (1 - level) x what is too much."""
    came, said = _quantiles(actual, quantiles, levels)
    gap = came[:, None] - said
    level = np.asarray(levels, dtype=np.float64)
    return np.asarray(np.maximum(level * gap, (level - 1.0) * gap))


def pinball_loss(actual: Float64[Array, " n"], quantiles: Float64[Array, "n q"], levels: Sequence[float]) -> float:
    """Mean pinball loss over rows and levels (Koenker and Bassett 1978), in the unit of the return.

    >>> pinball_loss(np.array([1.0, 0.0]), np.array([[0.0], [1.0]]), [0.9])
    0.5
    """
    losses = pinball_losses(actual, quantiles, levels)
    held = ~np.isnan(losses).any(axis=1)
    return float(losses[held].mean()) if held.any() else math.nan


def quantile_coverage(
    actual: Float64[Array, " n"], quantiles: Float64[Array, "n q"], levels: Sequence[float]
) -> Float64[Array, " q"]:
    """The share of outcomes at or below each quantile; a calibrated one has that of its level."""
    came, said = _quantiles(actual, quantiles, levels)
    held = ~np.isnan(came)
    if not held.any():
        return np.full(len(levels), math.nan)
    return np.asarray((came[held, None] <= said[held]).mean(axis=0))


def interval_coverage(actual: Float64[Array, " n"], low: Float64[Array, " n"], high: Float64[Array, " n"]) -> float:
    """The share of outcomes from `low` to `high`, both included.

    >>> interval_coverage(np.array([0.0, 2.0]), np.array([-1.0, -1.0]), np.array([1.0, 1.0]))
    0.5
    """
    came = np.asarray(actual, dtype=np.float64)
    held = ~np.isnan(came)
    inside = (came >= low) & (came <= high)
    return float(inside[held].mean()) if held.any() else math.nan


def interval_width(low: Float64[Array, " n"], high: Float64[Array, " n"]) -> float:
    """Mean width of the intervals."""
    return float(np.mean(np.asarray(high) - np.asarray(low))) if len(low) else math.nan


def outer_interval(levels: Sequence[float]) -> tuple[int, int] | None:
    """The columns of the widest pair of levels that leave as much below as above, or None where there is no such pair.

    >>> outer_interval([0.05, 0.25, 0.5, 0.75, 0.95])
    (0, 4)
    """
    order = np.argsort(levels, kind="stable")
    for low in order:
        for high in order[::-1]:
            if levels[low] < levels[high] and math.isclose(levels[low] + levels[high], 1.0, abs_tol=1e-9):
                return int(low), int(high)
    return None


def set_coverage(actual: Array, allowed: Bool[Array, "n 3"]) -> float:
    """The share of sets that hold the class that came.

    >>> set_coverage(np.array([1, 0]), np.array([[False, True, True], [True, False, False]]))
    0.5
    """
    own, held = _sets(actual, allowed)
    return float(held[np.arange(own.size), own].mean()) if own.size else math.nan


def set_size(allowed: Bool[Array, "n 3"]) -> float:
    """Mean count of classes in a set, from 0 to 3."""
    return float(np.sum(allowed, axis=1).mean()) if len(allowed) else math.nan


def singleton_share(allowed: Bool[Array, "n 3"]) -> float:
    """The share of sets that name one class."""
    return float((np.sum(allowed, axis=1) == 1).mean()) if len(allowed) else math.nan


def empty_share(allowed: Bool[Array, "n 3"]) -> float:
    """The share of sets that name none: the row is unlike all that was seen."""
    return float((np.sum(allowed, axis=1) == 0).mean()) if len(allowed) else math.nan


def _quantiles(
    actual: Array, quantiles: Array, levels: Sequence[float]
) -> tuple[Float64[Array, " n"], Float64[Array, "n q"]]:
    came, said = np.asarray(actual, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    if said.shape != (came.size, len(levels)):
        raise ValueError(f"quantiles must be of shape ({came.size}, {len(levels)}), was {said.shape}")
    if any(not 0.0 < level < 1.0 for level in levels):
        raise ValueError(f"levels must be between 0 and 1, were {list(levels)}")
    return came, said


def _sets(actual: Array, allowed: Array) -> tuple[Int64[Array, " n"], Bool[Array, "n 3"]]:
    own, held = np.asarray(actual), np.asarray(allowed, dtype=bool)
    if held.shape != (own.size, 3):
        raise ValueError(f"allowed must be of shape ({own.size}, 3), was {held.shape}")
    if own.size and not np.isin(own, CLASSES).all():
        raise ValueError(f"classes must be -1, 0 or 1, was {own[~np.isin(own, CLASSES)][0]}")
    return own.astype(np.int64) + 1, held
