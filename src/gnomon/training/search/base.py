"""What a search is asked, what a try comes to, and what is found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64, Int64
from gnomon.models.search_space import Choice, Dimension, Integer, SearchSpace
from gnomon.training.scores import SCORES

TrialState = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A configuration to be tried: its number, what is searched for, and what its pruner knows of earlier ones."""

    number: int
    params: Mapping[str, Any]
    history: tuple[Any, ...] = ()
    """Finished trials as the pruner sees them, of earlier batches only."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What came of a configuration: its scores fold by fold, or why it failed.

    `returns` and `stamps` are those of trading its out-of-fold forecasts, on the folds that were tried.
    """

    number: int
    state: TrialState
    folds: Mapping[str, tuple[float, ...]]
    seconds: float
    cause: str | None = None
    returns: Float64[Array, " t"] = field(default_factory=lambda: np.empty(0))
    stamps: Int64[Array, " t"] = field(default_factory=lambda: np.empty(0, np.int64))
    marks: Mapping[str, Any] = field(default_factory=dict)
    """What the pruner noted on it, for those that come after."""


@dataclass(frozen=True, kw_only=True)
class SearchTrial:
    """A configuration that was tried."""

    number: int
    params: Mapping[str, Any]
    state: TrialState
    folds: Mapping[str, tuple[float, ...]]
    """Scores by metric, a value for each fold that was tried."""
    seconds: float
    cause: str | None = None
    """Why it failed."""
    marks: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, float]:
        """Mean over the folds, by metric; nothing for a failed one. Those of a pruned one are of its first folds."""
        return {} if self.state == "failed" else {name: float(np.mean(row)) for name, row in self.folds.items()}

    @property
    def value(self) -> float:
        """The mean of the first metric; NaN for a failed one."""
        return next(iter(self.values.values()), math.nan)

    @property
    def intermediate(self) -> tuple[float, ...]:
        """The running mean of the first metric after each fold."""
        return running_mean(next(iter(self.folds.values()), ()))


def running_mean(values: Sequence[float]) -> tuple[float, ...]:
    """Means of the first value, the first two, and so on.

    >>> running_mean([1.0, 3.0])
    (1.0, 2.0)
    """
    return tuple(float(np.mean(values[: end + 1])) for end in range(len(values)))


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found. The same settings, data and seed give the same result, whatever did the work."""

    study: str
    """The name of the study; the same search goes on under the same name."""
    name: str
    """The model's name."""
    model_type: str
    metrics: tuple[str, ...]
    space: SearchSpace
    records: tuple[SearchTrial, ...]
    """Every trial, by number."""
    importance: Mapping[str, float]
    """The share of the first metric's variance over complete trials that each setting explains (fANOVA, Hutter et al.
    2014); empty where there are too few."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """The model's configured settings that were not searched for."""
    rows: int = 0
    """Training and validation rows that were searched on."""

    @cached_property
    def best_trial(self) -> SearchTrial:
        """The complete trial with the best mean of the first metric; of equals, the first."""
        sign = SCORES[self.metrics[0]].sign
        complete = [trial for trial in self.records if trial.state == "complete"]
        return max(complete, key=lambda trial: (sign * trial.value, -trial.number))

    @property
    def best_params(self) -> dict[str, Any]:
        """Its settings."""
        return dict(self.best_trial.params)

    @property
    def best_value(self) -> float:
        """Its mean of the first metric."""
        return self.best_trial.value

    @property
    def front(self) -> tuple[SearchTrial, ...]:
        """The complete trials that no other equals or beats in every metric and beats in one."""
        complete = [trial for trial in self.records if trial.state == "complete"]
        signs = np.array([SCORES[name].sign for name in self.metrics])
        points = signs * np.array([[trial.values[name] for name in self.metrics] for trial in complete])
        return tuple(
            trial
            for trial, own in zip(complete, points, strict=True)
            if not any((other >= own).all() and (other > own).any() for other in points)
        )

    @cached_property
    def trials(self) -> pl.DataFrame:
        """One row a trial: number, state, the metrics' means, params_NAME each, seconds, intermediate, cause."""
        kinds = {name: _kind(dimension) for name, dimension in self.space.items()}
        rows = [
            {
                "number": trial.number,
                "state": trial.state,
                **{name: trial.values.get(name) for name in self.metrics},
                **{f"params_{name}": kinds[name](trial.params[name]) for name in self.space},
                "seconds": trial.seconds,
                "intermediate": list(trial.intermediate),
                "cause": trial.cause,
            }
            for trial in self.records
        ]
        schema = {
            "number": pl.Int64,
            "state": pl.String,
            **dict.fromkeys(self.metrics, pl.Float64),
            **{f"params_{name}": _COLUMNS[kind] for name, kind in kinds.items()},
            "seconds": pl.Float64,
            "intermediate": pl.List(pl.Float64),
            "cause": pl.String,
        }
        return pl.DataFrame(rows, schema=schema)


_COLUMNS: dict[type, Any] = {int: pl.Int64, float: pl.Float64, str: pl.String, bool: pl.Boolean}


def _kind(dimension: Dimension) -> type:
    """What the column of a dimension holds; values of several kinds, or of several numbers, as text."""
    if not isinstance(dimension, Choice):
        return int if isinstance(dimension, Integer) else float
    kinds = {type(value) for value in dimension.values}
    if kinds <= {int, float}:
        return int if kinds == {int} else float
    return kinds.pop() if len(kinds) == 1 and kinds <= set(_COLUMNS) else str
