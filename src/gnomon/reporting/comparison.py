"""The comparison study as a value and as a document: ways to choose, models, horizons, and what each part is worth.

It is made of the same blocks as a report, and the same rule holds: no Sharpe ratio without its doubt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import polars as pl

from gnomon.evaluation.base import SharpeDoubt
from gnomon.metrics.resampled import Interval
from gnomon.reporting.document import (
    Block,
    Callout,
    Column,
    Document,
    Figure,
    Mark,
    Panel,
    Points,
    Rule,
    Section,
    Table,
    Text,
)
from gnomon.reporting.sections.doubt import doubt_table, sharpe_panel
from gnomon.reporting.standings import Standing, standing_blocks
from gnomon.reporting.words import format_value, known, label, period_text

Kind = Literal["theme", "model", "labels"]
KINDS: Mapping[Kind, str] = {"theme": "Features", "model": "Model", "labels": "Labels"}
FOLD_SCORES = {"log_loss": "Log loss", "f1": "F1", "ic": "IC", "total_return": "Return a fold"}
"""Scores over folds that are shown; a Sharpe ratio of a fold has too few returns to carry its doubt."""
ROLES = ("chosen", "other1", "other2", "other3", "other4")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over folds with its standard error; NaN where it is not known."""

    value: float
    error: float


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelResult:
    """One model of one configuration: its scores over folds of training and validation rows, and on the test rows.

    `equity`: timestamp, equity, after costs. `information_coefficient`, `log_loss`: of its forecasts there.
    """

    model: str
    folds: Mapping[str, Estimate]
    total_return: float
    max_drawdown: float
    information_coefficient: float
    log_loss: float
    doubt: SharpeDoubt
    equity: pl.DataFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class Approach:
    """A way to choose, and what its choice did on the test rows. Intervals are of 95%, by resampled blocks of bars."""

    name: str
    what: str
    chosen_by: str
    result: ModelResult
    verdict: str
    edge: bool
    annual_return: float
    annual_return_interval: Interval
    annual_sharpe_interval: Interval
    drawdown_interval: Interval


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How two approaches differ a year on the same bars: in log growth, and in the Sharpe ratio."""

    first: str
    second: str
    same: bool
    """Whether both chose the same model."""
    growth: float
    growth_interval: Interval
    sharpe: float
    sharpe_interval: Interval


@dataclass(frozen=True, kw_only=True, eq=False)
class Ablation:
    """What was left out or changed: the model that is then chosen, and the change of one and the same model's scores.

    `changes`: with the part taken away minus as it was, of `base`, fold by fold; empty where nothing was fitted again.
    """

    kind: Kind
    name: str
    what: str
    base: str
    changes: Mapping[str, Estimate]
    result: ModelResult


@dataclass(frozen=True, kw_only=True, eq=False)
class Horizon:
    """The model that is chosen at a horizon (in bars), and what it did."""

    bars: int
    candidates: int
    result: ModelResult


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What a search for a model's settings found.

    `first`, `best`: the metric's mean over folds, by the settings that it began with (configured, found earlier, or the
    defaults) and by the best. `given_up`: trials that a pruner ended early.
    """

    model: str
    metric: str
    trials: int
    given_up: int
    failed: int
    first: float
    best: float
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Everything that a comparison found.

    `models`: every candidate as configured. `correlations`: model, and a column a model: rank correlation of the edge
    (probability of long minus short) on the test rows. `trials`: count, effective, of the ledger when all was scored;
    `before`: its count before. `standings`: every candidate at every horizon.
    """

    title: str
    start: datetime
    end: datetime
    market: Mapping[str, Any]
    approaches: tuple[Approach, ...]
    differences: tuple[Difference, ...]
    models: tuple[ModelResult, ...]
    horizons: tuple[Horizon, ...]
    ablations: tuple[Ablation, ...]
    correlations: pl.DataFrame
    trials: Mapping[str, Any]
    before: int
    searches: tuple[Searched, ...] = ()
    limitations: tuple[str, ...] = field(default=())
    standings: tuple[Standing, ...] = field(default=())


def comparison_document(found: Comparison) -> Document:
    """The comparison as sections of text, tables and figures."""
    sections = [
        _approaches(found),
        _models(found),
        _standings(found),
        _horizons(found),
        _correlations(found),
        _ablations(found),
        _doubts(found),
        Section(
            name="limitations",
            title="What this cannot know",
            lead="Blind spots of the comparison. No figure above allows for them.",
            blocks=(Points(items=(*LIMITATIONS, *found.limitations)),),
        ),
    ]
    symbols = [str(symbol) for symbol in found.market.get("symbols") or ()]
    names = ", ".join(symbols[:6]) + (f" and {len(symbols) - 6:,} more symbols" if len(symbols) > 6 else "")
    return Document(
        title=f"{found.title}: model comparison",
        subtitle=(f"Out of sample {period_text(found.start, found.end)}", names, "after costs"),
        verdict=_verdict(found),
        sections=tuple(section for section in sections if section is not None),
    )


LIMITATIONS = (
    "Every model that was fitted for this comparison was scored on the test rows, and each counts as a try. Choosing a "
    "configuration because its test figure here is the highest would undo that: choose by the folds.",
    "Standard errors over folds take folds as independent. They share training rows, so the errors are too small "
    "rather than too large.",
    "Parts are left out one at a time. Two groups of features that say the same can each be left out at no loss, and "
    "both together not.",
)


def _verdict(found: Comparison) -> Callout:
    chosen = {one.name: one.result.model for one in found.approaches}
    said = "; ".join(f"{label(name)} chose {model}" for name, model in chosen.items())
    apart = [one for one in found.differences if not one.same and not one.growth_interval.holds(0.0)]
    edges = sorted({one.result.model for one in found.approaches if one.edge})
    # Two approaches that chose the same model differ from a third by the same.
    pairs = {frozenset((chosen[one.first], chosen[one.second])): one for one in reversed(found.differences)}
    items = [_difference_words(one) for one in reversed(pairs.values()) if not one.same]
    items.append(
        f"An edge is shown for {', '.join(edges)}."
        if edges
        else "No edge is shown for any of the chosen models: what differs here may all be luck."
    )
    if len(set(chosen.values())) == 1:
        heading = "One choice, whichever way it is made" if len(chosen) > 1 else "One approach"
    else:
        heading = "The approaches can be told apart" if apart else "The approaches cannot be told apart"
    return Callout(tone="edge" if edges else "none", heading=heading, text=f"{said}.", items=tuple(items))


def _difference_words(one: Difference) -> str:
    apart = "which cannot be told from 0" if one.growth_interval.holds(0.0) else "which is not 0"
    growth = _with_interval(one.growth, one.growth_interval, "percent")
    return f"{label(one.first)} minus {label(one.second).lower()}: log growth a year {growth}, {apart}."


def _approaches(found: Comparison) -> Section:
    rows = [
        {
            "name": label(one.name),
            "model": one.result.model,
            "total_return": one.result.total_return,
            "annual": _with_interval(one.annual_return, one.annual_return_interval, "percent"),
            "fall": _with_interval(one.result.max_drawdown, one.drawdown_interval, "percent"),
            "sharpe": one.result.doubt,
            "interval": _interval(one.annual_sharpe_interval, "ratio"),
            "edge": "shown" if one.edge else "not shown",
        }
        for one in found.approaches
    ]
    blocks: list[Block] = [
        Table(
            name="approaches",
            title="What each approach chose, and what that did on the test rows",
            columns=(
                Column(key="name", title="Approach"),
                Column(key="model", title="Chosen"),
                Column(key="total_return", title="Total return", form="percent"),
                Column(key="annual", title="A year (95%)"),
                Column(key="fall", title="Deepest fall (95%)"),
                Column(key="sharpe", title="Sharpe a year ± error", form="sharpe"),
                Column(key="interval", title="Sharpe (95%)"),
                Column(key="edge", title="Edge"),
            ),
            rows=tuple(rows),
            note=(
                "95%: the middle of what blocks of bars, drawn again, gave (stationary bootstrap; of the deepest fall, "
                "what the order of the same returns could have done)."
            ),
        )
    ]
    if found.differences:
        blocks.append(_differences(found.differences))
    if found.searches:
        blocks.append(_searches(found.searches))
    if len({one.result.model for one in found.approaches}) > 1:
        blocks += [_sharpe_figure(found.approaches), _equity_figure(found.approaches)]
    ways = Points(items=tuple(f"{label(one.name)}: {one.what} ({one.chosen_by})." for one in found.approaches))
    return Section(
        name="approaches",
        title="Ways to choose",
        lead="The same models, chosen in more than one way, before any of the test rows was looked at.",
        blocks=(ways, *blocks),
    )


def _differences(differences: Sequence[Difference]) -> Table:
    rows = [
        {
            "pair": f"{label(one.first)} minus {label(one.second).lower()}",
            "same": "yes" if one.same else "no",
            "growth": _with_interval(one.growth, one.growth_interval, "percent"),
            "sharpe": _with_interval(one.sharpe, one.sharpe_interval, "ratio"),
        }
        for one in differences
    ]
    return Table(
        name="differences",
        title="Differences on the same bars",
        columns=(
            Column(key="pair", title="Approaches"),
            Column(key="same", title="Same model"),
            Column(key="growth", title="Log growth a year (95%)"),
            Column(key="sharpe", title="Difference of Sharpe a year (95%)"),
        ),
        rows=tuple(rows),
        note="Both accounts are resampled together, so what they have in common cancels.",
    )


def _searches(searches: Sequence[Searched]) -> Table:
    rows = [
        {
            "model": one.model,
            "tried": f"{one.trials:,}"
            + (f", {one.given_up} given up early" if one.given_up else "")
            + (f", {one.failed} failed" if one.failed else ""),
            "metric": label(one.metric),
            "first": known(one.first),
            "best": known(one.best),
            "settings": ", ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                for name, value in one.settings.items()
            ),
        }
        for one in searches
    ]
    return Table(
        name="searches",
        title="What the search found",
        columns=(
            Column(key="model", title="Model"),
            Column(key="tried", title="Settings tried"),
            Column(key="metric", title="Searched by"),
            Column(key="first", title="At first", form="fine"),
            Column(key="best", title="Best", form="fine"),
            Column(key="settings", title="Best settings"),
        ),
        rows=tuple(rows),
        note=(
            "Means over the folds. The best of several tries flatters itself: it is no estimate of what comes. Each "
            "try is counted."
        ),
    )


def _sharpe_figure(approaches: Sequence[Approach]) -> Figure:
    names = [label(one.name) for one in approaches]
    doubts = [one.result.doubt for one in approaches]
    return Figure(
        name="approaches",
        title="Sharpe ratio of each approach",
        alt="Points with error bars, the Sharpe ratio a year and its standard error: "
        + "; ".join(f"{name} {format_value(doubt, 'sharpe')}" for name, doubt in zip(names, doubts, strict=True)),
        panels=(sharpe_panel(names, doubts),),
        x_form="text",
        height=300,
        caption=f"Held against {doubts[0].trials:,} tries (N), each on {doubts[0].n:,} returns (T).",
    )


def _equity_figure(approaches: Sequence[Approach]) -> Figure:
    marks = []
    for number, one in enumerate(approaches):
        equity = one.result.equity
        first = equity["equity"][0] if equity.height else 1.0
        marks.append(
            Mark(
                kind="line",
                name=f"{label(one.name)} ({one.result.model})",
                x=equity["timestamp"].to_list(),
                y=[None if value is None else 100.0 * value / first for value in equity["equity"].to_list()],
                role=ROLES[number % len(ROLES)],
                dashed=number >= len(ROLES),
            )
        )
    return Figure(
        name="comparison_equity",
        title="Equity of each approach",
        alt="Line chart of the value of 100 after costs on the test rows: " + ", ".join(mark.name for mark in marks),
        panels=(Panel(title="Value of 100", marks=tuple(marks), form="price"),),
        x_form="moment",
        height=380,
    )


def _estimates(estimates: Sequence[Mapping[str, Estimate]], title: str = "{}") -> list[Column]:
    """A column a score that any of them has."""
    return [
        Column(key=f"fold_{score}", title=f"{title.format(name)} ± error")
        for score, name in FOLD_SCORES.items()
        if any(score in one for one in estimates)
    ]


def _estimate_cells(estimates: Mapping[str, Estimate]) -> dict[str, str]:
    """A mean and its standard error in one cell: neither is read without the other."""
    cells = {}
    for score, held in estimates.items():
        form = "percent" if score == "total_return" else "fine"
        cells[f"fold_{score}"] = f"{format_value(held.value, form)} ± {format_value(held.error, form)}"
    return cells


TESTED = (
    Column(key="ic", title="IC, test", form="fine"),
    Column(key="total_return", title="Total return, test", form="percent"),
    Column(key="sharpe", title="Sharpe a year ± error, test", form="sharpe"),
)


def _tested_cells(result: ModelResult) -> dict[str, Any]:
    return {
        "ic": result.information_coefficient,
        "total_return": result.total_return,
        "sharpe": result.doubt,
    }


def _models(found: Comparison) -> Section:
    chosen = {one.result.model for one in found.approaches}
    rows = [{"name": one.model, **_estimate_cells(one.folds), **_tested_cells(one)} for one in found.models]
    return Section(
        name="models",
        title="Models side by side",
        lead="Each model over purged folds of training and validation rows, with its standard error, and on the test.",
        blocks=(
            Table(
                name="models",
                title="Models",
                columns=(Column(key="name", title="Model"), *_estimates([one.folds for one in found.models]), *TESTED),
                rows=tuple(rows),
                strong=frozenset(i for i, one in enumerate(found.models) if one.model in chosen),
                note="Bold: chosen by one of the approaches. IC: rank correlation of the edge with what came.",
            ),
        ),
    )


def _standings(found: Comparison) -> Section | None:
    if len({one.horizon for one in found.standings}) < 2:
        return None
    return Section(
        name="standings",
        title="Families and horizons",
        lead="Every model at every horizon, on the test rows after costs: what there is to be found, and how surely.",
        blocks=tuple(standing_blocks(found.standings)),
    )


def _horizons(found: Comparison) -> Section | None:
    if not found.horizons:
        return None
    results = [one.result for one in found.horizons]
    rows = [
        {
            "bars": one.bars,
            "model": one.result.model,
            "of": one.candidates,
            **_estimate_cells(one.result.folds),
            **_tested_cells(one.result),
        }
        for one in found.horizons
    ]
    return Section(
        name="horizons",
        title="Best model per horizon",
        lead="How many bars ahead the models forecast, and which of them is chosen over the folds at each.",
        blocks=(
            Table(
                name="horizons",
                title="Horizons",
                columns=(
                    Column(key="bars", title="Horizon, bars", form="bars"),
                    Column(key="model", title="Chosen"),
                    Column(key="of", title="Of", form="integer"),
                    *_estimates([one.folds for one in results]),
                    *TESTED,
                ),
                rows=tuple(rows),
                note="Losses of different horizons answer different questions; IC and returns can be held together.",
            ),
        ),
    )


def _correlations(found: Comparison) -> Section | None:
    names = [name for name in found.correlations.columns if name != "model"]
    if len(names) < 2:
        return None
    rows = found.correlations.to_dicts()
    pairs = [
        (row["model"], name, value)
        for i, row in enumerate(rows)
        for name in names[i + 1 :]
        if (value := known(row[name])) is not None
    ]
    words = "No two models have forecasts that vary."
    if pairs:
        most, least = max(pairs, key=lambda pair: pair[2]), min(pairs, key=lambda pair: pair[2])
        words = f"Most alike: {most[0]} and {most[1]}, {format_value(most[2], 'ratio')}."
        if len(pairs) > 1:
            words += f" Least alike: {least[0]} and {least[1]}, {format_value(least[2], 'ratio')}."
    return Section(
        name="correlations",
        title="How alike the forecasts are",
        lead="Models that say the same add nothing to each other; those that differ may be joined.",
        blocks=(
            Text(text=words),
            Table(
                name="correlations",
                title="Rank correlation of the forecasts",
                columns=(
                    Column(key="model", title=""),
                    *(Column(key=name, title=name, form="ratio", heat=True) for name in names),
                ),
                rows=tuple(rows),
                note="Of the edge, probability of long minus short, on the test rows. No outcome enters.",
            ),
        ),
    )


def _ablations(found: Comparison) -> Section | None:
    if not found.ablations:
        return None
    base = found.ablations[0].base
    columns = [Column(key="kind", title="Part"), Column(key="name", title="Left out or changed")]
    columns += _estimates([one.changes for one in found.ablations], "{}, change")
    rows = []
    for one in found.ablations:
        cells = {"kind": KINDS[one.kind], "name": one.what, "chosen": one.result.model}
        rows.append({**cells, **_estimate_cells(one.changes), **_tested_cells(one.result)})
    columns += [Column(key="chosen", title="Then chosen"), *TESTED]
    blocks: list[Block] = [
        Table(
            name="ablations",
            title=f"Changes of {base} over folds, and what is then chosen",
            columns=tuple(columns),
            rows=tuple(rows),
            note=(
                "A change is the mean over folds of the score without the part minus the score with it, and its "
                "standard error: a loss that falls, or an IC that rises, says that the part does harm. Empty: nothing "
                "is fitted again, or the score would be that of another question."
            ),
        )
    ]
    figure = _ablation_figure(found.ablations)
    if figure is not None:
        blocks.insert(0, figure)
    return Section(
        name="ablations",
        title="What each part is worth",
        lead="One group of features, one label setting or one model at a time is left out or changed; the rest stays.",
        blocks=tuple(blocks),
    )


def _ablation_figure(ablations: Sequence[Ablation]) -> Figure | None:
    held = [(one, one.changes["ic"]) for one in ablations if "ic" in one.changes and known(one.changes["ic"].value)]
    if not held:
        return None
    names = [one.what for one, _ in held]
    return Figure(
        name="ablations",
        title=f"Change of the IC of {ablations[0].base} when a part is left out or changed",
        alt="Points with error bars, the change of the information coefficient over folds: "
        + "; ".join(f"{name} {c.value:+.3f} ± {c.error:.3f}" for name, (_, c) in zip(names, held, strict=True)),
        panels=(
            Panel(
                title="Change of the IC ± its standard error",
                marks=(
                    Mark(
                        kind="points",
                        name="Change of the IC",
                        x=names,
                        y=[known(change.value) for _, change in held],
                        error=[known(change.error) for _, change in held],
                        legend=False,
                    ),
                ),
                rules=(Rule(axis="y", value=0.0),),
            ),
        ),
        x_form="text",
        height=340,
        caption="Below 0: the part helps. An error bar that crosses 0 says that the folds cannot tell.",
    )


def _doubts(found: Comparison) -> Section:
    count, effective = found.trials["count"], format_value(found.trials["effective"], "span")
    new = count - found.before
    words = (
        f"The trial ledger of this market counts {count:,} tries ({effective} when alike ones are joined); this "
        f"comparison added {new:,}. Each figure below is held against all of them."
    )
    doubts = [(f"{one.model}", one.doubt) for one in found.models]
    doubts += [(f"{one.result.model}, {one.bars} bars ahead", one.result.doubt) for one in found.horizons]
    doubts += [
        (f"{one.result.model}, {KINDS[one.kind].lower()}: {one.what}", one.result.doubt) for one in found.ablations
    ]
    return Section(
        name="doubt",
        title="How far to believe it",
        lead="The more is tried, the better the luckiest try looks.",
        blocks=(
            Text(text=words),
            doubt_table(doubts, title="Every Sharpe ratio in this comparison, with its doubt"),
        ),
    )


def _interval(interval: Interval, form: str) -> str:
    if math.isnan(interval.low):
        return "not known"
    return f"{format_value(interval.low, form)} to {format_value(interval.high, form)}"


def _with_interval(value: float, interval: Interval, form: str) -> str:
    return f"{format_value(value, form)} ({_interval(interval, form)})"
