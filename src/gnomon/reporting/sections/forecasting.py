"""The models: how the choice was made, how good the forecasts are, what they look at, and how the fit went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from gnomon.evaluation.base import ForecastQuality
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Column, Figure, Mark, Panel, Section, Table, Text
from gnomon.reporting.sections.calibration import SPLITS, calibration_blocks, judged
from gnomon.reporting.sections.ensembles import ensemble_blocks
from gnomon.reporting.words import format_value, known, label, plain

CLASSES = ("short", "flat", "long")
CLASS_ROLES = {"short": "loss", "flat": "benchmark1", "long": "gain"}
FEATURES_SHOWN = 20
DIRECTION = (
    ("accuracy", "Accuracy", "percent"),
    ("base_rate", "Base rate", "percent"),
    ("balanced_accuracy", "Balanced accuracy", "percent"),
    ("auc", "AUC", "rate"),
    ("mcc", "MCC", "rate"),
    ("information_coefficient", "IC", "rate"),
    ("rows", "Rows", "integer"),
)
PROBABILITY = (
    ("log_loss", "Log loss", "fine"),
    ("base_log_loss", "Base log loss", "fine"),
    ("brier_score", "Brier score", "fine"),
    ("calibration_error", "Calibration error", "rate"),
)


def forecast_section(content: ReportContent) -> Section:
    """Forecast quality and calibration, by candidate and split."""
    lead = (
        "How good the forecasts are before any trading. This skill is not an edge: mostly it tells quiet spans "
        "(flat) from lively ones (a barrier is touched), which is volatility, and volatility alone cannot be traded in "
        "one direction."
    )
    if not any(one.forecast for one in content.evaluations.values()):
        words = "There are no forecasts to judge: the positions were given, or no labels were at hand."
        return Section(name="forecasts", title="Forecast quality", lead=lead, blocks=(Text(text=words),))
    blocks: list[Block] = [
        _quality_table(
            content,
            name="forecast_classes",
            title="The class that was forecast, against the label that came",
            figures=DIRECTION,
            note=(
                "Base rate: the accuracy of always saying the commonest class. Balanced accuracy, AUC and MCC of "
                "pure chance are 33.3%, 0.5 and 0. IC: rank correlation of the forecast direction with the return that "
                "came: that, not accuracy, is what a position can earn from."
            ),
        ),
        _quality_table(
            content,
            name="forecast_probabilities",
            title="The probabilities",
            figures=PROBABILITY,
            note=(
                "Lower is better. Base log loss: that of always saying how often each class came. Calibration error: "
                "how far, on average, a forecast share lies from the share that came."
            ),
        ),
    ]
    quality = judged(content.main.forecast)
    if quality is not None:
        blocks += [calibration_figure(content.chosen, quality), _confusion(content.chosen, quality)]
    blocks += calibration_blocks(content)
    return Section(name="forecasts", title="Forecast quality", lead=lead, blocks=tuple(blocks))


def _quality_table(
    content: ReportContent, *, name: str, title: str, figures: Sequence[tuple[str, str, str]], note: str
) -> Table:
    rows = []
    for candidate, evaluation in content.evaluations.items():
        for split, quality in evaluation.forecast.items():
            rows.append({"name": candidate, "split": SPLITS.get(split, split), **quality.metrics})
    return Table(
        name=name,
        title=title,
        columns=(
            Column(key="name", title="Candidate"),
            Column(key="split", title="Rows of"),
            *(Column(key=key, title=head, form=form) for key, head, form in figures),
        ),
        rows=tuple(rows),
        strong=frozenset(
            i for i, row in enumerate(rows) if row["name"] == content.chosen and row["split"] == SPLITS["test"]
        ),
        note=note,
    )


def calibration_figure(name: str, quality: ForecastQuality) -> Figure:
    """A reliability plot for each class: what was forecast against how often it came."""
    frame = quality.calibration
    panels = []
    for one in CLASSES:
        part = frame.filter(pl.col("class") == one) if frame.height else frame
        if part.is_empty():
            continue
        most = max(part["count"].to_list()) or 1
        panels.append(
            Panel(
                title=f"{label(one)} ({sum(part['count'].to_list()):,} forecasts)",
                marks=(
                    Mark(
                        kind="points",
                        name=label(one),
                        x=part["forecast"].to_list(),
                        y=part["observed"].to_list(),
                        role=CLASS_ROLES[one],
                        # Points grow with how many forecasts they stand for.
                        widths=[6.0 + 12.0 * (count / most) ** 0.5 for count in part["count"].to_list()],
                        legend=False,
                    ),
                ),
                form="percent",
                diagonal=True,
                square=True,
            )
        )
    return Figure(
        name="calibration",
        title="Calibration of each class",
        alt=(
            f"Reliability plots of {name}, a panel a class: forecast probability against how often the class came; a "
            "perfect forecast lies on the diagonal. Mean distance from it: "
            f"{format_value(quality.metrics.get('calibration_error'), 'rate')}"
        ),
        panels=tuple(panels),
        x_title="Forecast probability",
        x_form="percent",
        height=340,
        side_by_side=True,
        caption="Up: how often the class came. On the diagonal, forecasts keep their word; large points are many.",
    )


def _confusion(name: str, quality: ForecastQuality) -> Table:
    rows = []
    for row in quality.confusion.to_dicts():
        total = sum(row[one] for one in CLASSES)
        rows.append(
            {
                "actual": f"{row['actual']} came",
                **{one: row[one] for one in CLASSES},
                "hit": row[row["actual"]] / total if total else None,
            }
        )
    return Table(
        name="confusion",
        title=f"What {name} said, and what came",
        columns=(
            Column(key="actual", title=""),
            *(Column(key=one, title=f"said {one}", form="integer") for one in CLASSES),
            Column(key="hit", title="Told right", form="percent"),
        ),
        rows=tuple(rows),
    )


def models_section(content: ReportContent) -> Section | None:
    """How the candidate was chosen, feature importance and training curves."""
    blocks: list[Block] = []
    if content.validation:
        blocks.append(_choice(content))
        if any("fold_log_loss" in values for values in content.validation.values()):
            blocks.append(_folds(content))
    folds = folds_figure(content.fold_scores, content.chosen)
    if folds is not None:
        blocks.append(folds)
    names = [content.chosen, *(name for name in content.fits if name != content.chosen)]
    fits = {name: content.fits[name] for name in names if name in content.fits}
    blocks += [
        figure for place, (name, fit) in enumerate(fits.items(), 1) if (figure := importance_figure(name, fit, place))
    ]
    curves = curves_figure(fits)
    if curves is not None:
        blocks.append(curves)
    if fits:
        blocks.append(_fits_table(fits))
    blocks += ensemble_blocks(content)
    if not blocks:
        return None
    return Section(
        name="models",
        title="Models",
        lead=(
            f"{content.chosen} was chosen by this rule: {content.chosen_by}. No test row took part."
            if len(content.evaluations) > 1
            else f"{content.chosen} is the only candidate: nothing was chosen."
        ),
        blocks=tuple(blocks),
    )


def _choice(content: ReportContent) -> Table:
    rows = [{"name": name, **values} for name, values in content.validation.items()]
    present = {key for row in rows for key in row}
    columns = (
        Column(key="name", title="Candidate"),
        Column(key="log_loss", title="Log loss", form="fine"),
        Column(key="prior_log_loss", title="Base log loss", form="fine"),
        Column(key="skill", title="Skill", form="percent"),
        Column(key="total_return", title="Total return", form="percent"),
        Column(key="max_drawdown", title="Deepest fall", form="percent"),
        Column(key="costs", title="Costs paid", form="percent"),
        Column(key="rows", title="Rows", form="integer"),
    )
    return Table(
        name="validation",
        title="Candidates on validation rows",
        columns=tuple(column for column in columns if column.key in present),
        rows=tuple(rows),
        strong=frozenset(i for i, row in enumerate(rows) if row["name"] == content.chosen),
        note="Skill: the share of the base log loss that the forecasts take away. It is no edge.",
    )


FOLD_SCORES = {
    "log_loss": "Log loss",
    "f1": "F1",
    "ic": "IC",
    "total_return": "Return a fold",
    "drawdown": "Deepest fall",
}


def _folds(content: ReportContent) -> Table:
    """Each candidate's mean over the folds, with its standard error."""
    rows = [{"name": name, **values} for name, values in content.validation.items()]
    present = {key for row in rows for key in row}
    columns = [Column(key="name", title="Candidate")]
    for score, title in FOLD_SCORES.items():
        if f"fold_{score}" in present:
            form = "percent" if score in {"total_return", "drawdown"} else "fine"
            columns += [
                Column(key=f"fold_{score}", title=title, form=form),
                Column(key=f"fold_{score}_error", title="+/-", form=form),
            ]
    return Table(
        name="folds",
        title="Candidates over purged folds",
        columns=tuple(columns),
        rows=tuple(rows),
        strong=frozenset(i for i, row in enumerate(rows) if row["name"] == content.chosen),
        note=(
            "Means over folds of training and validation rows, each with its standard error over folds. Folds share "
            "training rows, so the errors are too small rather than too large."
        ),
    )


def folds_figure(scores: Sequence[Mapping[str, Any]], chosen: str) -> Figure | None:
    """Each candidate's scores fold by fold: whether one is better everywhere, or on one lucky stretch."""
    panels = []
    names = sorted({str(row["model"]) for row in scores}, key=lambda name: (name != chosen, name))
    for score in ("log_loss", "ic"):
        marks = []
        for place, name in enumerate(names):
            own = [row for row in scores if row["model"] == name and known(row.get(score)) is not None]
            if own:
                marks.append(
                    Mark(
                        kind="points",
                        name=name,
                        x=[int(row["fold"]) + 1 for row in own],
                        y=[known(row[score]) for row in own],
                        role="chosen" if name == chosen else f"other{(place - 1) % 4 + 1}",
                    )
                )
        if marks:
            panels.append(Panel(title=FOLD_SCORES[score], marks=tuple(marks), form="number"))
    if not panels:
        return None
    return Figure(
        name="folds",
        title="Candidates fold by fold",
        alt=f"Points, a score on each fold of {', '.join(names)}: " + ", ".join(panel.title for panel in panels),
        panels=tuple(panels),
        x_title="Fold",
        x_form="integer",
        height=300,
        side_by_side=True,
        caption="A model that is better on every fold is better; one that is better on one of them was lucky there.",
    )


def importance_figure(name: str, fit: Mapping[str, Any], place: int = 1) -> Figure | None:
    """The features that the model leans on most. `place`: of the model among those shown, the chosen one first."""
    found = {feature: known(value) for feature, value in (fit.get("importance") or {}).items()}
    ranked = sorted(((v, k) for k, v in found.items() if v is not None), key=lambda pair: (-pair[0], pair[1]))
    ranked = ranked[:FEATURES_SHOWN]
    total = sum(abs(value) for value in found.values() if value is not None)
    if not ranked or total == 0.0:
        return None
    return Figure(
        name="importance" if place == 1 else f"importance_{place}",
        title=f"Feature importance, {name}",
        alt=(
            f"Bar chart of the {len(ranked)} features that {name} uses most; first "
            + ", ".join(f"{feature} {format_value(value / total, 'percent')}" for value, feature in ranked[:3])
        ),
        panels=(
            Panel(
                title="Share",
                marks=(
                    Mark(
                        kind="bars",
                        name="Share",
                        x=[value / total for value, _ in ranked],
                        y=[feature for _, feature in ranked],
                        role="chosen",
                        legend=False,
                    ),
                ),
                flat=True,
            ),
        ),
        x_form="percent",
        height=max(180, 60 + 22 * len(ranked)),
        caption=f"Shares of all {len(found)} features. What a model uses is not what causes returns.",
    )


def curves_figure(fits: Mapping[str, Mapping[str, Any]]) -> Figure | None:
    """Training curves of the candidates that have some: losses in one panel, what else was watched in one each."""
    panels = []
    for name, fit in fits.items():
        told = {curve: [known(value) for value in values] for curve, values in (fit.get("curves") or {}).items()}
        curves = {
            curve: points for curve, points in sorted(told.items()) if sum(point is not None for point in points) > 1
        }
        losses = {curve: points for curve, points in curves.items() if curve.startswith(LOSSES)}
        marks = tuple(_curve(c, points) for c, points in losses.items() if not _twice(c, losses))
        if marks:
            panels.append(Panel(title=name, marks=marks, form="number"))
        for curve, points in curves.items():
            if curve not in losses:
                by = " by step" if curve in BY_STEP else ""
                title = f"{name}: {label(curve).lower()}{by}"
                panels.append(Panel(title=title, marks=(_curve(curve, points, legend=False),), form="number"))
    if not panels:
        return None
    return Figure(
        name="training",
        title="Training curves",
        alt="Line charts of the loss by iteration: " + ", ".join(panel.title for panel in panels),
        panels=tuple(panels),
        x_title="Iteration",
        x_form="integer",
        height=300,
        side_by_side=True,
        caption="A validation loss that rises again is overfitting: the fit is kept where it was lowest.",
    )


LOSSES = ("train_", "valid_")
BY_STEP = ("gradient_norm",)
"""Curves with a point a step, where the others have one an iteration."""


def _twice(curve: str, losses: Mapping[str, Sequence[float | None]]) -> bool:
    """Whether it is what a net trains on and stands there as its log loss too, as it does for plain classes."""
    other = losses.get(curve.replace("_loss", "_log_loss"), ())
    return len(other) > 0 and all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-3))
        for a, b in zip(losses[curve], other, strict=False)
    )


def _curve(name: str, points: list[float | None], *, legend: bool = True) -> Mark:
    role = "other1" if name.startswith("train_") else "chosen"
    return Mark(kind="line", name=label(name), x=list(range(1, len(points) + 1)), y=points, role=role, legend=legend)


def _fits_table(fits: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = []
    for name, fit in fits.items():
        last = {
            label(curve): known(values[-1])
            for curve, values in sorted((fit.get("curves") or {}).items())
            if len(values)
        }
        best = fit.get("best_iteration")
        rows.append(
            {
                "name": name,
                "iterations": fit.get("iterations"),
                "best": "the last" if best is None else format_value(plain(best), "integer"),
                "last": ", ".join(f"{curve} {format_value(value, 'fine')}" for curve, value in last.items())
                or "none kept",
                "notes": " ".join(str(note) for note in fit.get("notes") or ()),
            }
        )
    columns = [
        Column(key="name", title="Candidate"),
        Column(key="iterations", title="Iterations", form="integer"),
        Column(key="best", title="Kept"),
        Column(key="last", title="Curves end at"),
    ]
    if any(row["notes"] for row in rows):
        columns.append(Column(key="notes", title="Notes"))
    return Table(name="fits", title="The fits", columns=tuple(columns), rows=tuple(rows))
