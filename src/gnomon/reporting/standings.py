"""How every model of every family stands at every horizon: figures of its test forecasts and account, with doubt.

One table and one figure, in a run's report and in a comparison alike. Nobody chooses by it: the choice was made before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gnomon.evaluation.base import ForecastQuality, SharpeDoubt
from gnomon.metrics.resampled import Interval
from gnomon.reporting.document import Block, Column, Figure, Mark, Panel, Rule, Table, Text
from gnomon.reporting.words import format_value, known, label

FAMILIES = ("baseline", "classical", "boosting", "neural", "forecasting", "scale", "ensemble")
"""The order in which families are shown; others follow by name."""
ROLES = ("benchmark1", "other2", "chosen", "other1", "other3", "other4")
FIGURES: Mapping[str, str] = {
    "macro_f1": "Macro F1",
    "log_loss": "Log loss",
    "calibration_error": "Calibration error",
    "information_coefficient": "IC",
}
PANELS: Mapping[str, str] = {"macro_f1": "Macro F1", "information_coefficient": "IC"}
SHARPE = "Sharpe a year"


@dataclass(frozen=True, kw_only=True)
class Figured:
    """A figure with its standard error; NaN where it is not known."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{format_value(self.value, 'rate')} ± {format_value(self.error, 'rate')}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """A model at a horizon (bars ahead), on the test rows after costs.

    `figures`: those of `FIGURES`. `base`: `macro_f1` and `log_loss` of who knows no more than how often each class
    comes. `chosen`: picked at this horizon, before the test rows were looked at. `interval`: of the Sharpe ratio a
    year, 95%, where it was worked out.
    """

    model: str
    family: str
    horizon: int
    chosen: bool
    figures: Mapping[str, Figured]
    base: Mapping[str, float]
    doubt: SharpeDoubt
    interval: Interval | None = None


def standing(
    quality: ForecastQuality,
    doubt: SharpeDoubt,
    *,
    model: str,
    family: str,
    horizon: int,
    chosen: bool,
    interval: Interval | None = None,
) -> Standing:
    """The standing of a model from the quality of its forecasts and the doubt of its account."""
    held = {
        name: Figured(value=value, error=error)
        for name, stage, value, error in quality.scores.select("figure", "stage", "value", "error").iter_rows()
        if stage == "forecast" and name in FIGURES
    }
    base = {name: float(quality.metrics.get(f"base_{name}", math.nan)) for name in ("macro_f1", "log_loss")}
    return Standing(
        model=model,
        family=family,
        horizon=horizon,
        chosen=chosen,
        figures=held,
        base=base,
        doubt=doubt,
        interval=interval,
    )


def standing_blocks(standings: Sequence[Standing]) -> list[Block]:
    """The words, the table and the figure; nothing for none."""
    if not standings:
        return []
    ordered = in_families(standings)
    horizons = sorted({one.horizon for one in ordered})
    figure = [_figure(ordered, horizons)] if len(ordered) > 1 else []
    return [Text(text=_words(ordered)), *figure, _forecasts(ordered), _accounts(ordered)]


def in_families(standings: Sequence[Standing]) -> list[Standing]:
    """By horizon, then by family in the usual order; within a family as they were given."""

    def place(one: Standing) -> tuple[int, int, str]:
        number = FAMILIES.index(one.family) if one.family in FAMILIES else len(FAMILIES)
        return one.horizon, number, one.family

    return sorted(standings, key=place)


def _words(standings: Sequence[Standing]) -> str:
    """How many are told from nothing: two standard errors, the plainest reading of a table with this many rows."""
    of = len(standings)
    signal = [one for one in standings if _above(one.figures.get("information_coefficient"), 0.0)]
    lower = [one for one in standings if _below(one.figures.get("log_loss"), one.base["log_loss"])]
    earning = [one for one in standings if one.doubt.annual_sharpe - 2.0 * one.doubt.annual_standard_error > 0.0]
    what = "models and horizons" if len({one.horizon for one in standings}) > 1 else "models"
    said = (
        f"Of {of:,} {what}, {len(signal):,} have an IC and {len(earning):,} a Sharpe ratio more than two "
        f"standard errors above 0, and {len(lower):,} a log loss as far below that of the class frequencies. By chance "
        f"alone about {0.023 * of:.1f} would in each."
    )
    chances = [chance for one in standings if (chance := known(one.doubt.spa_pvalue)) is not None]
    if chances:
        tries = max(one.doubt.trials for one in standings)
        said += (
            f" The test of the maximum over all {tries:,} tries (SPA): p = {format_value(min(chances), 'probability')}."
        )
    return said


def _above(figure: Figured | None, limit: float) -> bool:
    return figure is not None and figure.value - 2.0 * figure.error > limit


def _below(figure: Figured | None, limit: float) -> bool:
    return figure is not None and figure.value + 2.0 * figure.error < limit


HEAD = (
    Column(key="horizon", title="Bars ahead", form="bars"),
    Column(key="family", title="Family"),
    Column(key="model", title="Model"),
)


def _head(one: Standing) -> dict[str, Any]:
    return {"horizon": one.horizon, "family": label(one.family), "model": one.model}


def _forecasts(standings: Sequence[Standing]) -> Table:
    rows = [{**_head(one), **{name: str(held) for name, held in one.figures.items()}} for one in standings]
    by_horizon = {one.horizon: one.base for one in standings}
    bases = "; ".join(
        f"{horizon} bars {format_value(base['macro_f1'], 'rate')} and {format_value(base['log_loss'], 'rate')}"
        for horizon, base in by_horizon.items()
    )
    return Table(
        name="standings",
        title="Forecasts of every family",
        columns=(*HEAD, *(Column(key=name, title=f"{title} ± error") for name, title in FIGURES.items())),
        rows=tuple(rows),
        strong=_chosen(standings),
        note=(
            "Bold: chosen at its horizon, before the test rows were looked at. Errors: bootstrap over blocks of time, "
            "no shorter than the horizon. Macro F1: of the likeliest class, mean over the classes. What naming the "
            f"commonest class, and saying how often each class came, give of macro F1 and log loss: {bases}."
        ),
    )


def _accounts(standings: Sequence[Standing]) -> Table:
    rows = []
    for one in standings:
        interval = one.interval
        known_interval = interval is not None and not math.isnan(interval.low)
        words = (
            f"{format_value(interval.low, 'ratio')} to {format_value(interval.high, 'ratio')}"
            if known_interval and interval is not None
            else ""
        )
        rows.append({**_head(one), "sharpe": one.doubt, "interval": words, "psr": one.doubt.psr, "dsr": one.doubt.dsr})
    return Table(
        name="standings_accounts",
        title="Accounts of every family, after costs",
        columns=(
            *HEAD,
            Column(key="sharpe", title=f"{SHARPE} ± error", form="sharpe"),
            *((Column(key="interval", title="Sharpe (95%)"),) if any(row["interval"] for row in rows) else ()),
            Column(key="psr", title="Above 0", form="probability"),
            Column(key="dsr", title="Above luck (DSR)", form="probability"),
        ),
        rows=tuple(rows),
        strong=_chosen(standings),
        note=(
            "Above 0, above luck: the probability that the true ratio is above 0, and above the best that all tries "
            "would show had none any skill."
        ),
    )


def _chosen(standings: Sequence[Standing]) -> frozenset[int]:
    return frozenset(i for i, one in enumerate(standings) if one.chosen)


Drawn = Mapping[Standing, tuple[float | None, float | None]]
"""A value and its standard error of each."""


def _figure(standings: Sequence[Standing], horizons: Sequence[int]) -> Figure:
    """A panel a figure; at each horizon the models stand beside each other, a colour a family."""
    several = len(horizons) > 1
    marks = _beside(standings, horizons) if several else _by_name(standings)
    panels: list[Panel] = []
    for name, title in PANELS.items():
        told = {one: one.figures.get(name, Figured(value=math.nan, error=math.nan)) for one in standings}
        values = {one: (known(held.value), known(held.error)) for one, held in told.items()}
        rules = (Rule(axis="y", value=0.0),) if name == "information_coefficient" else ()
        panels.append(Panel(title=title, marks=marks(values, not panels), form="rate", rules=rules))
    sharpes = {one: (known(one.doubt.annual_sharpe), known(one.doubt.annual_standard_error)) for one in standings}
    rule = Rule(axis="y", value=0.0)
    panels.append(Panel(title=SHARPE, marks=marks(sharpes, False), form="sharpe", rules=(rule,)))
    best = [max((one for one in standings if one.horizon == horizon), key=_ic) for horizon in horizons]
    models = ", ".join(dict.fromkeys(one.model for one in standings))
    return Figure(
        name="standings",
        title="Families at each horizon" if several else "Models side by side",
        alt=(
            "Points with error bars: macro F1, IC and Sharpe ratio a year of every model on the test rows. Highest IC: "
            + "; ".join(
                f"{one.horizon} bars {one.model} {one.figures['information_coefficient']}"
                for one in best
                if "information_coefficient" in one.figures
            )
        ),
        panels=tuple(panels),
        x_title="Bars ahead" if several else "",
        x_form="integer" if several else "text",
        height=640,
        caption="Bars: a standard error." + (f" At each horizon, from left to right: {models}." if several else ""),
    )


def _beside(standings: Sequence[Standing], horizons: Sequence[int]) -> Callable[[Drawn, bool], tuple[Mark, ...]]:
    """Marks of one panel: a colour a family, models of one horizon a step apart."""
    models = list(dict.fromkeys(one.model for one in standings))
    families = list(dict.fromkeys(one.family for one in standings))
    step = 0.7 * min(b - a for a, b in itertools.pairwise(horizons)) / len(models)

    def place(one: Standing) -> float:
        return one.horizon + step * (models.index(one.model) - (len(models) - 1) / 2.0)

    def marks(values: Drawn, legend: bool) -> tuple[Mark, ...]:
        return tuple(
            Mark(
                kind="points",
                name=label(family),
                x=[place(one) for one in values if one.family == family],
                y=[value for one, (value, _) in values.items() if one.family == family],
                error=[error for one, (_, error) in values.items() if one.family == family],
                role=ROLES[number % len(ROLES)],
                legend=legend,
                joined=False,
            )
            for number, family in enumerate(families)
        )

    return marks


def _by_name(standings: Sequence[Standing]) -> Callable[[Drawn, bool], tuple[Mark, ...]]:
    """Marks of one panel where there is one horizon: the models by name."""
    names = [one.model for one in standings]

    def marks(values: Drawn, _legend: bool) -> tuple[Mark, ...]:
        y, error = [value for value, _ in values.values()], [error for _, error in values.values()]
        return (Mark(kind="points", name="Model", x=names, y=y, error=error, legend=False),)

    return marks


def _ic(one: Standing) -> float:
    held = one.figures.get("information_coefficient")
    return -math.inf if held is None or math.isnan(held.value) else held.value
