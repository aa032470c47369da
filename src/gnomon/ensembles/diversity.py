"""How members differ, and what each adds: on rows that none of them was fitted on.

Pairs: Kuncheva and Whitaker 2003, "Measures of diversity in classifier ensembles". Contributions: Shapley 1953.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.core.types import Array, Bool, Float64, Int64
from gnomon.ensembles.base import OutOfFold
from gnomon.models.combiners import edge_of

MOST_MEMBERS = 12
"""Subsets double with every member; beyond this many nobody waits for exact shares."""


def pairwise(known: OutOfFold) -> pl.DataFrame:
    """One row a pair of members: a, b, correlation, disagreement, q_statistic, double_fault.

    correlation: of their edges. disagreement: share of rows on which one is right and the other wrong. q_statistic: 1
    where they are right on the same rows, 0 where it is chance, -1 where one is right when the other is wrong.
    double_fault: share of rows on which both are wrong. The class that a member finds likeliest is right or wrong.
    """
    labels = known.labels
    right = known.said[:, labels.rows].argmax(axis=2) == labels.y
    edges = edge_of(known.said)
    rows = [
        (known.members[a], known.members[b], correlation(edges[a], edges[b]), *agreement(right[a], right[b]))
        for a, b in itertools.combinations(range(len(known.members)), 2)
    ]
    figures = dict.fromkeys(("correlation", "disagreement", "q_statistic", "double_fault"), pl.Float64)
    return pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String, **figures}, orient="row")


def agreement(a: Bool[Array, " n"], b: Bool[Array, " n"]) -> tuple[float, float, float]:
    """Disagreement, Q-statistic and double fault of two that are right or wrong; NaN where nothing is known of them.

    >>> agreement(np.array([True, True, False, False]), np.array([True, False, True, False]))
    (0.5, 0.0, 0.25)
    """
    n = len(a)
    if not n:
        return math.nan, math.nan, math.nan
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    first, second = int((a & ~b).sum()), int((~a & b).sum())
    whole = both * neither + first * second
    q = (both * neither - first * second) / whole if whole else math.nan
    return (first + second) / n, q, neither / n


def correlation(a: Float64[Array, " n"], b: Float64[Array, " n"]) -> float:
    """Pearson's correlation; NaN where one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 0 else math.nan


def contributions(known: OutOfFold) -> pl.DataFrame:
    """One row a member: member, alone, without, shapley.

    The score of a set of members is the skill of the plain mean of their forecasts: the share that it takes away of the
    log loss of saying how often each class came. alone: the member's own. without: what the whole loses when it leaves.
    shapley: its share of the skill of all, averaged over every order of joining; these add up to that skill. A mean is
    judged, whatever the ensemble does, so that nothing is fitted on the rows that judge.
    """
    members, scores = known.members, subset_skills(known)
    everyone = tuple(range(len(members)))
    shares = shapley_values(len(members), lambda chosen: scores[chosen])
    rows = [
        (
            member,
            scores[(k,)],
            scores[everyone] - scores[tuple(other for other in everyone if other != k)],
            shares[k],
        )
        for k, member in enumerate(members)
    ]
    figures = dict.fromkeys(("alone", "without", "shapley"), pl.Float64)
    return pl.DataFrame(rows, schema={"member": pl.String, **figures}, orient="row")


def shapley_values(players: int, score: Callable[[tuple[int, ...]], float]) -> list[float]:
    """Each player's exact Shapley value of a score over subsets, given as sorted numbers.

    >>> shapley_values(2, lambda chosen: {(): 0.0, (0,): 1.0, (1,): 2.0, (0, 1): 4.0}[chosen])
    [1.5, 2.5]
    """
    if players > MOST_MEMBERS:
        raise ConfigError(f"{players} members have {2**players} subsets; {MOST_MEMBERS} members at most can be shared")
    values = [0.0] * players
    for size in range(players):
        weight = 1.0 / (players * math.comb(players - 1, size))
        for chosen in itertools.combinations(range(players), size):
            before = score(chosen)
            for player in set(range(players)) - set(chosen):
                values[player] += weight * (score(tuple(sorted((*chosen, player)))) - before)
    return values


def subset_skills(known: OutOfFold) -> dict[tuple[int, ...], float]:
    """The skill of the mean of every subset of members; 0 for none of them."""
    labels, members = known.labels, range(len(known.members))
    if len(members) > MOST_MEMBERS:
        raise ConfigError(f"{len(members)} members have {2 ** len(members)} subsets; {MOST_MEMBERS} at most")
    gave = known.said[:, labels.rows, labels.y]
    prior = prior_loss(labels.y, labels.weight)
    skills: dict[tuple[int, ...], float] = {(): 0.0}
    for size in range(1, len(members) + 1):
        for chosen in itertools.combinations(members, size):
            mean = gave[list(chosen)].mean(axis=0)
            skills[chosen] = 1.0 - loss_of(mean, labels.weight) / prior
    return skills


def loss_of(gave: Float64[Array, " m"], weight: Float64[Array, " m"]) -> float:
    """Weighted mean of -log of the probability that was given to what came; a zero counts as 1e-15."""
    return float(np.average(-np.log(np.maximum(gave, 1e-15)), weights=weight))


def prior_loss(y: Int64[Array, " m"], weight: Float64[Array, " m"]) -> float:
    """The loss of saying for every row how often each class came among them."""
    frequency = np.bincount(y, weights=weight, minlength=3) / weight.sum()
    return loss_of(frequency[y], weight)


def in_words(members: Sequence[str], pairs: pl.DataFrame, shares: pl.DataFrame) -> list[str]:
    """The two tables in a line each, for a fit's notes."""
    worth = ", ".join(f"{name} {value:+.3f}" for name, value in shares.select("member", "shapley").iter_rows())
    means = pairs.select(pl.exclude("a", "b").fill_nan(None).mean()).row(0, named=True)
    told = ", ".join(f"{name.replace('_', ' ')} {value:.2f}" for name, value in means.items() if value is not None)
    return [
        f"share of each member in the skill of the mean of {len(members)}, out of fold (Shapley): {worth}",
        f"members differ, mean over pairs: {told}",
    ]
