"""Whether the probabilities keep their word: figures with their doubt, before and after calibration, and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from gnomon.evaluation.base import ForecastQuality
from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Column, Figure, Mark, Panel, Table
from gnomon.reporting.words import format_value, known

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
STAGES = {"forecast": "as used", "uncalibrated": "before calibration"}
STAGE_ROLES = {"forecast": "chosen", "uncalibrated": "other1"}
BINNINGS = {"width": "Bins of equal width", "mass": "Bins of equal mass"}
PROBABILITIES = (
    ("log_loss", "Log loss", "fine"),
    ("brier_score", "Brier", "fine"),
    ("calibration_error_mass", "Error", "percent"),
    ("calibration_error_debiased", "less luck", "percent"),
    ("calibration_error_top", "Likeliest class", "percent"),
)
PARTS = (
    ("brier_reliability", "Reliability", "fine"),
    ("brier_resolution", "Resolution", "fine"),
    ("brier_uncertainty", "Uncertainty", "fine"),
)
SCALES = {"bps": 1e4}
SETS = (
    ("set_coverage", "Hold what came", "percent"),
    ("set_size", "Classes", "ratio"),
    ("singleton_share", "Name one class", "percent"),
    ("singleton_accuracy", "of these right", "percent"),
    ("empty_share", "Empty", "percent"),
)
QUANTILES = (
    ("pinball_loss", "Pinball loss", "bps"),
    ("interval_level", "Interval meant to hold", "percent"),
    ("interval_coverage", "Held", "percent"),
    ("interval_width", "Width", "bps"),
)


def calibration_blocks(content: ReportContent) -> list[Block]:
    """Tables of every candidate, and the figures of the chosen one; nothing where no figures were kept."""
    tables = (
        _table(
            content,
            name="calibration_scores",
            title="Calibration",
            figures=PROBABILITIES,
            note=(
                "Each figure with its standard error, from a bootstrap over blocks of time; all are better low. Error: "
                "how far, on average, a forecast share lies from the share that came, in bins of equal mass. Few rows "
                "make one by luck; the next column takes most of that off. Calibrators are fitted on validation rows: "
                "believe the test rows."
            ),
        ),
        _table(
            content,
            name="brier_parts",
            title="The parts of the Brier score",
            figures=PARTS,
            note=(
                "Brier = reliability - resolution + uncertainty, nearly. Reliability is what calibration can mend "
                "(better low), resolution what the model knows (better high), uncertainty what the market is like."
            ),
        ),
        _table(
            content,
            name="sets",
            title="Sets of classes that could not be ruled out",
            figures=SETS,
            note=(
                "Conformal sets hold what came as often as they were set to where rows are exchangeable. Market rows "
                "are not, so what is shown here was measured."
            ),
        ),
        _table(
            content,
            name="quantiles",
            title="Quantiles of the return",
            figures=QUANTILES,
            note="Pinball loss: lower is better, in basis points of return. Width: of the outer interval.",
        ),
    )
    blocks: list[Block] = [table for table in tables if table is not None]
    quality = judged(content.main.forecast)
    if quality is not None and not quality.reliability.is_empty():
        blocks.append(reliability_figure(content.chosen, quality))
    if quality is not None and not quality.drift.is_empty() and quality.drift["start"].n_unique() > 1:
        blocks.append(drift_figure(content.chosen, quality))
    return blocks


def judged(forecast: Mapping[str, ForecastQuality]) -> ForecastQuality | None:
    """The quality out of sample, else the last one there is."""
    return forecast.get("test") or (list(forecast.values())[-1] if forecast else None)


def _table(
    content: ReportContent, *, name: str, title: str, figures: Sequence[tuple[str, str, str]], note: str
) -> Table | None:
    """A row a candidate, split and stage that has the figures."""
    rows = []
    for candidate, evaluation in content.evaluations.items():
        for split, quality in evaluation.forecast.items():
            for stage, words in STAGES.items():
                found = _scores(quality, stage)
                if not any(key in found for key, _, _ in figures):
                    continue
                cells = {key: _with_error(found.get(key), form) for key, _, form in figures}
                rows.append({"name": candidate, "split": SPLITS.get(split, split), "stage": words, **cells})
    if not rows:
        return None
    staged = any(row["stage"] != STAGES["forecast"] for row in rows)
    return Table(
        name=name,
        title=title,
        columns=(
            Column(key="name", title="Candidate"),
            Column(key="split", title="Rows of"),
            *((Column(key="stage", title="Forecast"),) if staged else ()),
            *(Column(key=key, title=head) for key, head, _ in figures),
        ),
        rows=tuple(rows),
        strong=frozenset(
            i for i, row in enumerate(rows) if row["name"] == content.chosen and row["split"] == SPLITS["test"]
        ),
        note=note,
    )


def _scores(quality: ForecastQuality, stage: str) -> dict[str, tuple[float, float]]:
    if quality.scores.is_empty():
        return {}
    own = quality.scores.filter(pl.col("stage") == stage)
    return {row["figure"]: (row["value"], row["error"]) for row in own.to_dicts()}


def _with_error(found: tuple[float, float] | None, form: str) -> str:
    """The figure and, where it has one, its standard error.

    >>> _with_error((0.125, 0.01), "percent")
    '12.5% ± 1.0%'
    """
    if found is None:
        return format_value(None)
    # Returns are fractions; a basis point is a ten thousandth.
    value, error = (None if (one := known(number)) is None else one * SCALES.get(form, 1.0) for number in found)
    if value is None or not error:
        return format_value(value, form)
    return f"{format_value(value, form)} ± {format_value(error, form)}"


def reliability_figure(name: str, quality: ForecastQuality) -> Figure:
    """The likeliest class: what was said against how often it came, with standard errors, in both kinds of bins."""
    frame, panels = quality.reliability, []
    stages = [stage for stage in STAGES if stage in frame["stage"]]
    for binning, title in BINNINGS.items():
        marks = []
        for stage in reversed(stages):
            own = frame.filter(pl.col("binning") == binning, pl.col("stage") == stage)
            most = max(own["count"].to_list(), default=1)
            marks.append(
                Mark(
                    kind="points",
                    name=STAGES[stage],
                    x=own["forecast"].to_list(),
                    y=own["observed"].to_list(),
                    error=[known(value) for value in own["error"].to_list()],
                    role=STAGE_ROLES[stage],
                    # Points grow with how many forecasts they stand for.
                    widths=[6.0 + 8.0 * (count / most) ** 0.5 for count in own["count"].to_list()],
                    legend=binning == "width" and len(stages) > 1,
                )
            )
        panels.append(Panel(title=title, marks=tuple(marks), form="percent", diagonal=True, square=True))
    found = _scores(quality, "forecast").get("calibration_error_top")
    before = _scores(quality, "uncalibrated").get("calibration_error_top")
    return Figure(
        name="reliability",
        title="Reliability of the likeliest class",
        alt=(
            f"Reliability plots of {name}: the probability of the class that was held likeliest against how often it "
            f"came, in bins of equal width and of equal mass. Mean distance from the diagonal: "
            f"{_with_error(found, 'percent')}"
            + (f"; before calibration {_with_error(before, 'percent')}" if before is not None else "")
        ),
        panels=tuple(panels),
        x_title="Probability of the likeliest class",
        x_form="percent",
        height=340,
        side_by_side=True,
        caption=(
            "Up: how often that class came, with one standard error. Below the diagonal, forecasts are too sure of "
            "themselves; above it, too cautious."
        ),
    )


def drift_figure(name: str, quality: ForecastQuality) -> Figure:
    """The calibration error of each span of time."""
    frame, marks = quality.drift, []
    stages = [stage for stage in STAGES if stage in frame["stage"]]
    for stage in reversed(stages):
        own = frame.filter(pl.col("stage") == stage)
        marks.append(
            Mark(
                kind="line",
                name=STAGES[stage],
                x=own["start"].to_list(),
                y=[known(value) for value in own["debiased"].to_list()],
                error=[known(value) for value in own["error"].to_list()],
                role=STAGE_ROLES[stage],
                legend=len(stages) > 1,
            )
        )
    own = frame.filter(pl.col("stage") == "forecast")
    first, last = (own["debiased"].to_list()[i] for i in (0, -1))
    return Figure(
        name="calibration_drift",
        title="Calibration over time",
        alt=(
            f"Line chart of the calibration error of {name} in {own.height} spans of time, luck taken off: "
            f"{format_value(first, 'percent')} in the first, {format_value(last, 'percent')} in the last"
        ),
        panels=(Panel(title="Calibration error, luck taken off", marks=tuple(marks), form="percent"),),
        x_form="moment",
        height=300,
        caption=(
            "Each point: the rows of a quarter (a month where there is less than a year), with one standard error. A "
            "line that climbs says that the market has left what the model was calibrated on."
        ),
    )
