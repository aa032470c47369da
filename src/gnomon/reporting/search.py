"""A search as a page: what was found, how it got there, and which settings mattered."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gnomon.config import yaml
from gnomon.models.search_space import Choice, Dimension
from gnomon.reporting.document import (
    Callout,
    Code,
    Column,
    Document,
    Fact,
    Facts,
    Figure,
    Mark,
    Panel,
    Section,
    Table,
)
from gnomon.reporting.words import label
from gnomon.training.scores import SCORES
from gnomon.training.search.base import SearchResult, SearchTrial

SHOWN = 40
"""Trials that are drawn as lines: the best ones. More cannot be told apart."""


def to_yaml(result: SearchResult) -> str:
    """The best settings as they go into gnomon.yaml: the model's section, with what was configured and not searched."""
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in result.best_params.items()}
    params = {**result.fixed, **found}
    return yaml.dump({"models": {result.name: {"model_type": result.model_type, "params": params}}})


SHARPE = (
    "A Sharpe ratio here is per bar, of trading on the held-out rows of folds after costs, with its standard error "
    "over them: it ranks settings and is no result. What it is worth among all tries (T, PSR, DSR with N and effective "
    "N, minimum track record, PBO, SPA p-value) stands in the report of a run."
)


def search_document(result: SearchResult) -> Document:
    """Convergence, importance and parallel coordinates, all trials, and the YAML of the best one."""
    counts = {
        state: sum(trial.state == state for trial in result.records) for state in ("complete", "pruned", "failed")
    }
    metric = result.metrics[0]
    best = result.best_trial
    facts = (
        Fact(name="Trials", value=len(result.records), form="integer"),
        Fact(name="Given up early", value=counts["pruned"], form="integer"),
        Fact(name="Failed", value=counts["failed"], form="integer"),
        Fact(name=f"Best {label(metric).lower()}", value=_mean(best, metric), remark=f"trial {best.number}"),
        Fact(name="At the start", value=_at_the_start(result)),
        Fact(name="Rows", value=result.rows, form="integer", remark="training and validation"),
    )
    figures: tuple[Any, ...] = (convergence(result), parallel_coordinates(result))
    if result.importance:
        figures = (figures[0], importance(result), figures[1])
    return Document(
        title=f"Search for settings of {result.name}",
        subtitle=(f"model {result.model_type}", f"study {result.study}", SCORES[metric].meaning),
        verdict=Callout(
            tone="note",
            heading=f"Trial {best.number} is the best of {len(result.records)}",
            text=(
                "The best of many tries looks better than it is, even out of fold. Each try is a row of the trial "
                "ledger, and a run that uses these settings is held against all of them. No test row took part."
            ),
            items=(SHARPE,) if "sharpe" in result.metrics else (),
        ),
        sections=(
            Section(
                name="found",
                title="What was found",
                lead="The settings to write into gnomon.yaml.",
                blocks=(Facts(facts=facts), Code(title="gnomon.yaml", text=to_yaml(result))),
            ),
            Section(name="how", title="How it was found", lead="Every point is a trial.", blocks=figures),
            Section(
                name="trials",
                title="Trials",
                lead="Means over the folds; those of a trial that was given up are of its first folds.",
                blocks=(_table(result),),
            ),
        ),
    )


def convergence(result: SearchResult) -> Figure:
    """Each trial's first metric, and the best so far."""
    metric = result.metrics[0]
    sign = SCORES[metric].sign
    values = [trial.value if trial.state == "complete" else None for trial in result.records]
    so_far: list[float | None] = []
    for value in values:
        known = [one for one in (*so_far[-1:], value) if one is not None]
        so_far.append(sign * max(sign * one for one in known) if known else None)
    numbers = [str(trial.number) for trial in result.records]
    return Figure(
        name="convergence",
        title=f"{label(metric)}, trial by trial",
        alt=f"The {metric} of each complete trial, and the best of all trials until then.",
        panels=(
            Panel(
                title=label(metric),
                marks=(
                    Mark(kind="points", name="Trial", x=numbers, y=values, role="other1"),
                    Mark(kind="line", name="Best so far", x=numbers, y=so_far),
                ),
            ),
        ),
        x_title="Trial",
        x_form="text",
    )


def importance(result: SearchResult) -> Figure:
    """How much of the metric's variance each setting explains."""
    names = list(result.importance)
    return Figure(
        name="importance",
        title="What mattered",
        alt="A bar a setting: the share of the metric's variance over the trials that it explains.",
        panels=(
            Panel(
                title="Share of the variance",
                marks=(
                    Mark(
                        kind="bars",
                        name="share",
                        x=[result.importance[name] for name in names],
                        y=[name.replace("_", " ") for name in names],  # type: ignore[misc]
                        legend=False,
                    ),
                ),
                flat=True,
            ),
        ),
        x_form="percent",
        height=120 + 28 * len(names),
        caption="fANOVA over complete trials (Hutter et al. 2014).",
    )


def parallel_coordinates(result: SearchResult) -> Figure:
    """A line a trial through all its settings, each on the scale that it was searched on."""
    metric = result.metrics[0]
    sign = SCORES[metric].sign
    complete = [trial for trial in result.records if trial.state == "complete"]
    ordered = sorted(complete, key=lambda trial: (-sign * trial.value, trial.number))[:SHOWN]
    values = [trial.value for trial in ordered]
    low, high = min(values), max(values)
    axes = [*(name.replace("_", " ") for name in result.space), label(metric).lower()]

    def line(place: int, trial: SearchTrial) -> Mark:
        heights = [position(trial.params[name], dimension) for name, dimension in result.space.items()]
        heights.append((trial.value - low) / (high - low) if high > low else 0.5)
        role = "chosen" if place == 0 else "gain" if place <= len(ordered) // 5 else "benchmark2"
        told = ", ".join(f"{name} {_short(value)}" for name, value in trial.params.items())
        return Mark(
            kind="line",
            name=f"trial {trial.number}: {metric} {trial.value:.4g}, {told}",
            x=axes,
            y=heights,
            role=role,
            legend=False,
        )

    # The best is drawn last, on top of the others.
    marks = tuple(line(place, trial) for place, trial in reversed(list(enumerate(ordered))))
    ranges = "; ".join(f"{name.replace('_', ' ')} {_range(dimension)}" for name, dimension in result.space.items())
    return Figure(
        name="parallel_coordinates",
        title="Settings of the trials",
        alt=f"A line for each of the best {len(ordered)} complete trials, through its settings and its {metric}.",
        panels=(Panel(title="Place within its range", marks=marks),),
        x_form="text",
        caption=(
            f"From the lower end of a range (0) to its upper end (1): {ranges}; {label(metric).lower()} {low:.4g} to "
            f"{high:.4g}. The best trial is drawn heavily, the best fifth in its own colour."
        ),
    )


def position(value: Any, dimension: Dimension) -> float:
    """Where a value stands in its range, from 0 to 1; choices stand at equal distances.

    >>> from gnomon.models.search_space import Real
    >>> round(position(0.1, Real(low=0.01, high=1.0, log=True)), 6)
    0.5
    """
    if isinstance(dimension, Choice):
        return dimension.values.index(value) / (len(dimension.values) - 1)
    scale = math.log if dimension.log else float
    low, high = scale(dimension.low), scale(dimension.high)
    return (scale(value) - low) / (high - low)


def _at_the_start(result: SearchResult) -> str:
    first = result.records[0]
    return f"{first.value:.6g}" if first.state == "complete" else first.state


def _table(result: SearchResult) -> Table:
    rows = [
        {
            "number": trial.number,
            "state": trial.state,
            **trial.values,
            **({"sharpe": _mean(trial, "sharpe")} if "sharpe" in trial.values else {}),
            **{name: _short(value) for name, value in trial.params.items()},
            "seconds": trial.seconds,
            "cause": trial.cause,
        }
        for trial in result.records
    ]
    columns = (
        Column(key="number", title="Trial", form="integer"),
        Column(key="state", title="State"),
        *(
            Column(
                key=name, title=label(name), form="text" if name == "sharpe" else "number", help=SCORES[name].meaning
            )
            for name in result.metrics
        ),
        *(Column(key=name, title=label(name)) for name in result.space),
        Column(key="seconds", title="Seconds", form="number"),
        *((Column(key="cause", title="Cause"),) if any(trial.cause for trial in result.records) else ()),
    )
    return Table(
        name="trials",
        title="Every trial",
        columns=columns,
        rows=tuple(rows),
        strong=frozenset({result.best_trial.number}),
    )


def _mean(trial: SearchTrial, metric: str) -> str:
    """The mean over the folds; a Sharpe ratio with its standard error over them, where there are several."""
    values = trial.folds[metric]
    if metric != "sharpe":
        return f"{trial.values[metric]:.6g}"
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    told = "not known" if math.isnan(error) else f"{error:.4f}"
    return f"{trial.values[metric]:.4f} ± {told} ({len(values)} folds)"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _range(dimension: Dimension) -> str:
    if isinstance(dimension, Choice):
        return ", ".join(map(_short, dimension.values))
    return f"{_short(dimension.low)} to {_short(dimension.high)}{', by magnitude' if dimension.log else ''}"
