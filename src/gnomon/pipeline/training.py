"""Training alone: the pipeline up to the choice, and what each model leaves for a person to look at and to take away.

Nothing is traded, and no test row is judged: no try is counted. `gnomon run` goes on where this stops.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gnomon.config.models import PipelineConfig
from gnomon.core.clock import Clock
from gnomon.core.errors import ConfigError, unknown
from gnomon.core.files import atomic_path, write_atomic
from gnomon.pipeline.keys import FIT, FORECAST, MODEL, SELECTION, SPLIT
from gnomon.pipeline.model_pipeline import ModelPipeline, Progress
from gnomon.pipeline.stages.base import finite
from gnomon.pipeline.tracked import keep_models
from gnomon.pipeline.workspace import Workspace
from gnomon.reporting.document import Callout, Document, Section
from gnomon.reporting.html import to_html
from gnomon.reporting.sections.forecasting import curves_figure
from gnomon.reporting.static import to_picture
from gnomon.reporting.words import format_value


@dataclass(frozen=True, kw_only=True)
class TrainedCandidate:
    """A fitted model: what its fit did, how it did on validation rows (or folds), and where everything is.

    `folder` holds trained/ (weights and all that a forecast needs), predictions.parquet (validation and test rows),
    training.json, and learning_curve.png, .svg and .html where the fit has a curve. `version`: in the artifact store.
    """

    name: str
    model_type: str
    rows: int
    valid_rows: int
    iterations: int
    best_iteration: int | None
    scores: Mapping[str, Any]
    notes: Sequence[str]
    chosen: bool
    version: str
    folder: Path
    files: Sequence[str]


def only(config: PipelineConfig, names: Sequence[str]) -> PipelineConfig:
    """The configuration with these models and no others, all where none is named. ConfigError names the nearest."""
    candidates = config.candidates()
    if not candidates:
        raise ConfigError("there is no model to train; add `models` to gnomon.yaml")
    for name in names:
        if name not in candidates:
            raise ConfigError(unknown("model", name, candidates))
    if not names or set(names) == set(candidates):
        return config
    return config.model_copy(update={"model": None, "models": {n: m for n, m in candidates.items() if n in names}})


def train_models(
    workspace: Workspace,
    names: Sequence[str] = (),
    *,
    clock: Clock | None = None,
    progress: Progress = lambda _text, _fraction: None,
) -> list[TrainedCandidate]:
    """Fits the models (all where none is named), scores them for the choice, and keeps what each of them left."""
    chosen_few = replace(workspace, config=only(workspace.config, names))
    pipeline = ModelPipeline(workspace=chosen_few, clock=clock)
    selected = pipeline.run(until="select", progress=progress)
    # The model of each candidate, and its forecasts of the rows that it was not fitted on.
    context = pipeline.run(until="forecast", progress=progress)
    versions = keep_models(chosen_few, context.run, context.outcome)
    selection, split = selected.value(SELECTION), selected.value(SPLIT)
    found = []
    for name, section in chosen_few.config.candidates().items():
        fit, scores = context.value(FIT.of(name)), selection["scores"].get(name, {})
        folder = context.run.folder / "candidates" / name
        product = context.outcome.product(MODEL.of(name))
        if product is None:
            raise AssertionError
        written = chosen_few.products.copy_out(product, folder)
        with atomic_path(folder / "predictions.parquet") as temporary:
            context.value(FORECAST.of(name)).rechunk().write_parquet(temporary)
        made = {
            "training.json": json.dumps(
                finite({"model": section.model_dump(mode="json"), "fit": fit, "scores": scores}), indent=1
            ).encode(),
            **learning_curve(name, fit),
        }
        for file, content in made.items():
            write_atomic(folder / file, content)
        files = [path.relative_to(folder).as_posix() for path in written]
        found.append(
            TrainedCandidate(
                name=name,
                model_type=section.model_type,
                rows=split["train"]["rows"],
                valid_rows=split["valid"]["rows"],
                iterations=fit["iterations"],
                best_iteration=fit.get("best_iteration"),
                scores=scores,
                notes=tuple(fit.get("notes") or ()),
                chosen=name == selection["chosen"],
                version=f"{versions[name].name}:{versions[name].version}",
                folder=folder,
                files=tuple(sorted([*files, "predictions.parquet", *made])),
            )
        )
    return found


def learning_curve(name: str, fit: Mapping[str, Any]) -> dict[str, bytes]:
    """The curve of a fit as PNG, SVG and a page, by file name; nothing for a fit without iterations."""
    figure = curves_figure({name: fit})
    if figure is None:
        return {}
    best = format_value(fit.get("best_iteration"), "integer")
    kept = "the last" if fit.get("best_iteration") is None else best
    words = f"{format_value(fit['iterations'], 'integer')} iterations; kept: {kept}."
    page = Document(
        title=f"{name}: learning curve",
        subtitle=(),
        verdict=Callout(tone="note", heading="How the fit went", text=words, items=tuple(fit.get("notes") or ())),
        sections=(Section(name="curve", title="Learning curve", lead=figure.caption, blocks=(figure,)),),
    )
    return {
        "learning_curve.png": to_picture(figure, "png"),
        "learning_curve.svg": to_picture(figure, "svg"),
        "learning_curve.html": to_html(page).encode(),
    }
