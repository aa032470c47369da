"""The report, and the files that a run shows: what a person opens and what other tools read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.config.resolved import to_yaml
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.evaluation.gates import check_gates
from gnomon.models.base import ModelRegistry
from gnomon.models.ensemble import Ensemble
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.code import library_versions
from gnomon.pipeline.keys import (
    CHECKS,
    CROSS_VALIDATION,
    EVALUATION,
    FIT,
    FORECAST,
    MODEL,
    SELECTION,
    SIMULATION,
    SOURCE,
    SPLIT,
    TRIALS,
    VALIDATION,
)
from gnomon.pipeline.published import PUBLISHED
from gnomon.pipeline.stages.base import BuiltinStage, finite, is_ensemble
from gnomon.pipeline.stages.cross_validate import folds_decide
from gnomon.reporting.base import ReportContent
from gnomon.reporting.write import write_report

LIMITATIONS = (
    "Fills are at the open of the next bar plus the configured costs: a market that moves against large orders, or one "
    "that cannot be traded at its open, would have paid more.",
    "The data is taken as its source gives it: figures that were revised later, and symbols that were left out because "
    "they failed (survivorship), flatter any result, and nothing here can see them.",
    "The test span is judged again with every run. Each try is counted and held against the result, but a person who "
    "looks at the test span and has an idea is a try that no ledger sees.",
)


@STAGES.register(name="report")
class ReportStage(BuiltinStage):
    """Everything that was found to files."""

    name = "report"
    writes = (PUBLISHED,)

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """What was found, for every candidate."""
        families = (EVALUATION, SIMULATION, FORECAST, VALIDATION, FIT)
        candidates = self.setup.config.candidates()
        each = [key.of(name) for name in candidates for key in families]
        ensembles = [MODEL.of(name) for name, section in candidates.items() if is_ensemble(section)]
        folds = (CROSS_VALIDATION,) if folds_decide(self.setup.config) else ()
        return (*each, *ensembles, *folds, SELECTION, SOURCE, CHECKS, SPLIT, TRIALS)

    @property
    def config(self) -> Mapping[str, Any]:
        """The whole configuration: a report shows it."""
        return {"config": finite(self.part(*type(self.setup.config).model_fields))}

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Writes the report in its forms, and the tables of every candidate."""
        folder, content = context.scratch, self.content(context)
        files = write_report(content, folder, config=context.config.report)
        files.update(self.tables(context, content, folder))
        return {PUBLISHED: files}

    def content(self, context: PipelineContext) -> ReportContent:
        """The report's content."""
        config, chosen = context.config, context[SELECTION]
        names = list(config.candidates())
        traded: dict[str, Mapping[str, Any]] = {name: context[VALIDATION.of(name)] for name in names}
        probes = {"overlap_audit": context[SPLIT]["overlaps"] == 0, "features": True}
        return ReportContent(
            title=config.report.title or config.project,
            pipeline=config.pipeline,
            evaluations={name: context[EVALUATION.of(name)] for name in names},
            chosen=chosen["chosen"],
            chosen_by=chosen["by"],
            validation={name: {**chosen["scores"].get(name, {}), **traded[name]} for name in names},
            source=context[SOURCE],
            checks=context[CHECKS],
            split=context[SPLIT],
            fits={name: context[FIT.of(name)] for name in names},
            ensembles={
                name: model.about
                for name, section in config.candidates().items()
                if is_ensemble(section) and isinstance(model := context[MODEL.of(name)].model, Ensemble)
            },
            models={
                name: {
                    "family": str(ModelRegistry.models.entry(section.model_type).facts["family"]),
                    "horizon": int(context[FORECAST.of(name)]["horizon"][0]),
                }
                for name, section in config.candidates().items()
                if context[FORECAST.of(name)].height
            },
            trials=context[TRIALS],
            execution=finite(asdict(context[SIMULATION.of(names[0])].execution)),
            config=to_yaml(config),
            versions=library_versions(),
            # A feature that leaks stops the run before it comes here.
            gates={
                name: [
                    finite(gate.row())
                    for gate in check_gates(context[EVALUATION.of(name)], config.evaluation.gates, probes=probes)
                ]
                for name in names
            },
            fold_scores=finite(context[CROSS_VALIDATION]["scores"].to_dicts())
            if CROSS_VALIDATION in self.reads
            else (),
            limitations=LIMITATIONS,
        )

    def tables(self, context: PipelineContext, content: ReportContent, folder: Path) -> dict[str, Path]:
        """metrics.json, and each candidate's forecasts, targets, fills and equity; the chosen one's stand on top."""
        metrics = {
            "chosen": content.chosen,
            "chosen_by": content.chosen_by,
            "verdict": asdict(content.main.verdict),
            "source": dict(content.source),
            "split": dict(content.split),
            "trials": {name: content.trials[name] for name in ("count", "effective", "variance", "market")},
            "candidates": {name: evaluation.to_json() for name, evaluation in content.evaluations.items()},
            "gates": {name: [dict(gate) for gate in gates] for name, gates in content.gates.items()},
            "validation": {name: dict(value) for name, value in content.validation.items()},
        }
        write_atomic(folder / "metrics.json", canonical_json(finite(metrics)))
        files = {"metrics.json": folder / "metrics.json"}
        for name in content.evaluations:
            simulation = context[SIMULATION.of(name)]
            frames: dict[str, pl.DataFrame] = {
                "predictions": context[FORECAST.of(name)],
                "targets": simulation.targets,
                "fills": simulation.fills,
                "equity": simulation.equity,
            }
            place = "" if name == content.chosen else f"candidates/{name}/"
            for table, frame in frames.items():
                path = folder / f"{place}{table}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                frame.rechunk().write_parquet(path)
                files[f"{place}{table}.parquet"] = path
        return files
