"""How good forecasts of short, flat, long are, apart from trading on them.

`actual[n]` in {-1, 0, 1}; `probability[n, 3]` in the order short, flat, long; a forecast's class is the likeliest one,
the first of equals. Valued as in scikit-learn to 1e-9 (the Brier score is the sum over classes, in [0, 2]). Every
function gives NaN without a row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64, Int8, Int64

CLASSES = (-1, 0, 1)
NAMES = ("short", "flat", "long")


def predicted_class(probability: Float64[Array, "n 3"]) -> Int8[Array, " n"]:
    """The likeliest class of each row."""
    return np.asarray(np.argmax(np.asarray(probability), axis=1) - 1, dtype=np.int8)


def accuracy(actual: Array, predicted: Array) -> float:
    """Share of rows whose class was forecast.

    >>> accuracy(np.array([1, 0, -1, 1]), np.array([1, 0, 1, 1]))
    0.75
    """
    own, said = _pair(actual, predicted)
    return float(np.mean(own == said)) if own.size else math.nan


def confusion_matrix(actual: Array, predicted: Array) -> Int64[Array, "3 3"]:
    """Rows by actual, columns by forecast class, in the order short, flat, long."""
    own, said = _pair(actual, predicted)
    return np.bincount(own * 3 + said, minlength=9).reshape(3, 3).astype(np.int64)


def confusion_table(actual: Array, predicted: Array) -> pl.DataFrame:
    """`confusion_matrix` as a frame: `actual`, and a column for each forecast class."""
    counts = confusion_matrix(actual, predicted)
    return pl.DataFrame({"actual": list(NAMES), **{name: counts[:, i] for i, name in enumerate(NAMES)}})


def balanced_accuracy(actual: Array, predicted: Array) -> float:
    """Mean over the classes that occur of the share of their rows that was forecast."""
    counts = confusion_matrix(actual, predicted)
    occur = counts.sum(axis=1)
    held = occur > 0
    return float(np.mean(counts.diagonal()[held] / occur[held])) if held.any() else math.nan


def matthews_correlation(actual: Array, predicted: Array) -> float:
    """Matthews' correlation for three classes (Gorodkin 2004), in [-1, 1]; 0 where either side is one class only."""
    counts = confusion_matrix(actual, predicted).astype(np.float64)
    total = counts.sum()
    if total == 0:
        return math.nan
    occur, said = counts.sum(axis=1), counts.sum(axis=0)
    spread = (total**2 - said @ said) * (total**2 - occur @ occur)
    return float((counts.trace() * total - said @ occur) / math.sqrt(spread)) if spread > 0.0 else 0.0


def base_rate(actual: Array) -> float:
    """Accuracy of always saying the commonest class: what an accuracy has to be held against."""
    own = _classes(actual)
    return float(np.bincount(own, minlength=3).max() / own.size) if own.size else math.nan


def log_loss(actual: Array, probability: Float64[Array, "n 3"]) -> float:
    """Mean of -log of the probability that was given to what happened (0 counts as the smallest double step)."""
    own, chance = rows_of(actual, probability)
    if own.size == 0:
        return math.nan
    given = chance[np.arange(own.size), own] / chance.sum(axis=1)
    return float(-np.mean(np.log(np.clip(given, np.finfo(np.float64).eps, 1.0))))


def brier_score(actual: Array, probability: Float64[Array, "n 3"]) -> float:
    """Mean squared distance between the probabilities and what happened, summed over the classes (Brier 1950).

    >>> brier_score(np.array([1]), np.array([[0.0, 0.5, 0.5]]))
    0.5
    """
    own, chance = rows_of(actual, probability)
    if own.size == 0:
        return math.nan
    happened = np.zeros_like(chance)
    happened[np.arange(own.size), own] = 1.0
    return float(np.mean(np.sum((chance - happened) ** 2, axis=1)))


def roc_auc(positive: Array, score: Float64[Array, " n"]) -> float:
    """Chance that a row of the class is scored above one that is not; ties count half; NaN without both kinds."""
    inside = np.asarray(positive, dtype=bool)
    values = np.asarray(score, dtype=np.float64)
    hits = int(inside.sum())
    misses = inside.size - hits
    if hits == 0 or misses == 0:
        return math.nan
    return float((ranks(values)[inside].sum() - hits * (hits + 1) / 2.0) / (hits * misses))


def auc(actual: Array, probability: Float64[Array, "n 3"]) -> float:
    """Mean area under the ROC curve, one class against the rest, over the classes that occur."""
    own, chance = rows_of(actual, probability)
    areas = [roc_auc(own == i, chance[:, i]) for i in range(3)]
    known = [area for area in areas if not math.isnan(area)]
    return float(np.mean(known)) if known else math.nan


def information_coefficient(signal: Float64[Array, " n"], forward_return: Float64[Array, " n"]) -> float:
    """Rank correlation (Spearman) between what was said and what came; rows with a NaN are left out.

    NaN below two rows or where either side is one value only.
    """
    said, came = np.asarray(signal, dtype=np.float64), np.asarray(forward_return, dtype=np.float64)
    if said.size != came.size:
        raise ValueError(f"signal and forward_return must be of the same rows, were {said.size} and {came.size} long")
    held = ~(np.isnan(said) | np.isnan(came))
    if held.sum() < 2:
        return math.nan
    first, second = ranks(said[held]), ranks(came[held])
    first, second = first - first.mean(), second - second.mean()
    spread = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / spread if spread > 0.0 else math.nan


def ranks(values: Float64[Array, " n"]) -> Float64[Array, " n"]:
    """Ranks from 1; equal values share the mean of theirs.

    >>> ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if values.size else order
    last = np.append(first[1:], values.size)
    result = np.empty(values.size)
    result[order] = np.repeat((first + last + 1) / 2.0, last - first)
    return result


def _classes(labels: Array | Sequence[int]) -> Int64[Array, " n"]:
    array = np.asarray(labels)
    if array.size and not np.isin(array, CLASSES).all():
        raise ValueError(f"classes must be -1, 0 or 1, was {array[~np.isin(array, CLASSES)][0]}")
    return array.astype(np.int64) + 1


def _pair(actual: Array, predicted: Array) -> tuple[Int64[Array, " n"], Int64[Array, " n"]]:
    own, said = _classes(actual), _classes(predicted)
    if own.size != said.size:
        raise ValueError(f"actual and predicted must be of the same rows, were {own.size} and {said.size} long")
    return own, said


def rows_of(actual: Array, probability: Array) -> tuple[Int64[Array, " n"], Float64[Array, "n 3"]]:
    """Which column came and the probabilities, checked: classes are known ones, every row has three numbers."""
    own, chance = _classes(actual), np.asarray(probability, dtype=np.float64)
    if chance.shape != (own.size, 3):
        raise ValueError(f"probability must be of shape ({own.size}, 3), was {chance.shape}")
    return own, chance
