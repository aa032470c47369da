"""Selection rules: which of several models counts, by their scores on rows that no test row is among.

A rule sees a table of scores, never a forecast or a test row. Each says in words why it chose what it did.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.registry import Registry
from gnomon.training.scores import SCORES, score_of

COMPLEXITY = ("naive", "linear", "classical", "boosting", "ensembles", "neural", "forecasting", "scale")
"""Families from simple to complex, for rules that prefer the simpler of equals."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The model that a rule chose, the order of all (best first), and why."""

    chosen: str
    ranking: tuple[str, ...]
    why: str


class SelectionRule(Protocol):
    """Chooses among models by their scores."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The scores that it looks at."""
        ...

    def choose(self, table: pl.DataFrame, families: Mapping[str, str]) -> Choice:
        """`table`: model, metric, mean, standard_error, as `CrossValidation.summary`; `families` by model.

        Raises DataError where no model has the scores that it needs.
        """
        ...


SELECTION_RULES: Registry[SelectionRule] = Registry("selection rule")
"""Rules by name."""


def _values(table: pl.DataFrame, metric: str) -> dict[str, float]:
    """Each model's mean, turned so that higher is better; models without a value are left out."""
    rows = table.filter(pl.col("metric") == metric)
    sign = SCORES[metric].sign
    return {model: sign * mean for model, mean in rows.select("model", "mean").iter_rows() if math.isfinite(mean)}


def _best_first(values: Mapping[str, float], metric: str) -> list[str]:
    if not values:
        raise DataError(f"no model has a finite {metric}, so none can be chosen by it; choose by another score")
    return sorted(values, key=lambda model: (-values[model], model))


@SELECTION_RULES.register(name="one_metric")
@dataclass(frozen=True, kw_only=True)
class OneMetric:
    """The model with the best mean of one score; ties go by name."""

    metric: str = "log_loss"

    def __post_init__(self) -> None:
        score_of(self.metric, where="metric")

    @property
    def needs(self) -> tuple[str, ...]:
        """That score."""
        return (self.metric,)

    def choose(self, table: pl.DataFrame, families: Mapping[str, str]) -> Choice:  # noqa: ARG002
        """See `SelectionRule`."""
        ranking = _best_first(_values(table, self.metric), self.metric)
        extreme = "highest" if SCORES[self.metric].better == "higher" else "lowest"
        return Choice(chosen=ranking[0], ranking=tuple(ranking), why=f"{extreme} {self.metric}")


@SELECTION_RULES.register(name="weighted")
@dataclass(frozen=True, kw_only=True)
class Weighted:
    """The best weighted sum of scores, each as its distance from the models' mean in their standard deviations."""

    weights: Mapping[str, float] = field(default_factory=lambda: {"log_loss": 1.0, "ic": 1.0, "sharpe": 1.0})

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            score_of(name, where="weights")
            if not 0.0 < weight < math.inf:
                raise ConfigError(f"weights.{name} must be above 0 and finite, was {weight}; leave the score out for 0")
        if not self.weights:
            raise ConfigError("weights is empty; name at least one score")

    @property
    def needs(self) -> tuple[str, ...]:
        """The weighted scores."""
        return tuple(self.weights)

    def choose(self, table: pl.DataFrame, families: Mapping[str, str]) -> Choice:  # noqa: ARG002
        """See `SelectionRule`."""
        columns = {metric: _values(table, metric) for metric in self.weights}
        whole = set.intersection(*(set(values) for values in columns.values()))
        total = dict.fromkeys(sorted(whole), 0.0)
        for metric, weight in self.weights.items():
            values = np.array([columns[metric][model] for model in total])
            spread = values.std() if values.size else 0.0
            for model, value in zip(total, values, strict=True):
                total[model] += weight * float((value - values.mean()) / spread) if spread > 0 else 0.0
        ranking = _best_first(total, " and ".join(self.weights))
        weights = ", ".join(f"{name} x {weight:g}" for name, weight in self.weights.items())
        return Choice(chosen=ranking[0], ranking=tuple(ranking), why=f"highest weighted score ({weights})")


@SELECTION_RULES.register(name="pareto")
@dataclass(frozen=True, kw_only=True)
class Pareto:
    """Of the models that no other beats in every score, the one with the best `then`."""

    metrics: Sequence[str] = ("log_loss", "sharpe")
    then: str = "sharpe"

    def __post_init__(self) -> None:
        for name in (*self.metrics, self.then):
            score_of(name, where="metrics")
        if len(set(self.metrics)) < 2:
            raise ConfigError(f"metrics must name two different scores or more, was {list(self.metrics)}")

    @property
    def needs(self) -> tuple[str, ...]:
        """The scores of the front and the one that decides."""
        return tuple(dict.fromkeys((*self.metrics, self.then)))

    def front(self, table: pl.DataFrame) -> list[str]:
        """The models that no other equals or beats in every score and beats in one."""
        columns = [_values(table, metric) for metric in self.metrics]
        whole = sorted(set.intersection(*(set(values) for values in columns)))
        points = {model: np.array([values[model] for values in columns]) for model in whole}
        return [
            model
            for model in whole
            if not any((points[o] >= points[model]).all() and (points[o] > points[model]).any() for o in whole)
        ]

    def choose(self, table: pl.DataFrame, families: Mapping[str, str]) -> Choice:  # noqa: ARG002
        """See `SelectionRule`."""
        front = self.front(table)
        values = _values(table, self.then)
        ranking = _best_first({model: values[model] for model in front if model in values}, self.then)
        rest = _best_first(values, self.then)
        return Choice(
            chosen=ranking[0],
            ranking=(*ranking, *(model for model in rest if model not in ranking)),
            why=f"best {self.then} of the {len(front)} that none beats in {', '.join(self.metrics)}",
        )


@SELECTION_RULES.register(name="one_standard_error")
@dataclass(frozen=True, kw_only=True)
class OneStandardError:
    """The simplest model whose score is within one standard error of the best one's.

    Simple is a family early in `order`; within a family the better score goes first. Breiman et al. 1984, ch. 3.4.3.
    """

    metric: str = "log_loss"
    order: Sequence[str] = COMPLEXITY

    def __post_init__(self) -> None:
        score_of(self.metric, where="metric")

    @property
    def needs(self) -> tuple[str, ...]:
        """That score."""
        return (self.metric,)

    def choose(self, table: pl.DataFrame, families: Mapping[str, str]) -> Choice:
        """See `SelectionRule`. Raises DataError where there is no standard error: it takes two folds."""
        values = _values(table, self.metric)
        best = _best_first(values, self.metric)[0]
        rows = table.filter((pl.col("metric") == self.metric) & (pl.col("model") == best))
        error = float(rows["standard_error"][0])
        if not math.isfinite(error):
            raise DataError(
                "the rule one_standard_error needs two folds or more to know an error; "
                "set selection.by: cross_validation"
            )
        rank = {family: place for place, family in enumerate(self.order)}
        near = [model for model in values if values[model] >= values[best] - error]
        near.sort(key=lambda model: (rank.get(families.get(model, ""), len(rank)), -values[model], model))
        rest = [model for model in _best_first(values, self.metric) if model not in near]
        return Choice(
            chosen=near[0],
            ranking=(*near, *rest),
            why=f"the simplest of {len(near)} within one standard error ({error:.4g}) of the best {self.metric}",
        )
