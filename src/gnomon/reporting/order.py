"""One order for a content's mappings, so that the same content gives the same bytes however it was put together.

A run that is computed and one that is read back from its stored stages hold equal values, but their keys need not come
in the same order. Here every mapping gets the order in which a person expects it; what has no place goes by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from gnomon.evaluation.base import Evaluation
from gnomon.execution.base import ExecutionConfig
from gnomon.reporting.base import ReportContent

BENCHMARKS = ("buy_and_hold", "equal_weight", "moving_average_cross", "random", "cash")
SPLITS = ("train", "valid", "test")
SOURCE = ("source", "symbols", "frequency", "start", "end", "rows", "version")
ROWS = ("row", "timestamp", "symbol", "open", "high", "low", "close", "volume")

V = TypeVar("V")


def in_order(content: ReportContent) -> ReportContent:
    """The same content, every mapping in its one order: the chosen candidate first."""
    chosen = (content.chosen,)
    checks = {name: _rows(value) for name, value in content.checks.items()}
    execution = [field.name for field in fields(ExecutionConfig)]
    return replace(
        content,
        evaluations={name: _evaluation(one) for name, one in ordered(content.evaluations, chosen).items()},
        validation=ordered(content.validation, chosen),
        fits={
            name: {**fit, "importance": ordered(fit.get("importance") or {})}
            for name, fit in ordered(content.fits, chosen).items()
        },
        ensembles=ordered(content.ensembles, chosen),
        source=ordered(content.source, SOURCE),
        checks=checks,
        execution=ordered(content.execution, execution),
        versions=ordered(content.versions, ("python",)),
    )


def ordered(mapping: Mapping[str, V], first: Iterable[str] = ()) -> dict[str, V]:
    """The mapping with the keys of `first` in front, in that order, and the others by name.

    >>> ordered({"b": 1, "a": 2, "c": 3}, ["c"])
    {'c': 3, 'a': 2, 'b': 1}
    """
    front = [key for key in first if key in mapping]
    return {key: mapping[key] for key in [*front, *sorted(set(mapping) - set(front))]}


def _evaluation(evaluation: Evaluation) -> Evaluation:
    return replace(
        evaluation,
        benchmarks=ordered(evaluation.benchmarks, BENCHMARKS),
        forecast=ordered(evaluation.forecast, SPLITS),
    )


def _rows(value: Any) -> Any:
    """Rows of a table with their keys in order, and the rows inside them."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    return [
        {key: _rows(inner) for key, inner in ordered(row, ROWS).items()} if isinstance(row, Mapping) else row
        for row in value
    ]
