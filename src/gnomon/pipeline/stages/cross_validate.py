"""Cross-validation of every candidate, where the configuration selects by it: training and validation rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import polars as pl

from gnomon.core.compute import LocalCompute
from gnomon.data.side_tables import settlements
from gnomon.execution.guardrails import GUARDRAILS
from gnomon.execution.sizing import SIZERS
from gnomon.pipeline.base import STAGES, Key, PipelineContext, Setup
from gnomon.pipeline.keys import BARS, CROSS_VALIDATION, FOLD, SAMPLES, SIDE_TABLES
from gnomon.pipeline.origins import Origin, origin_of, section_facts
from gnomon.pipeline.stages.base import BuiltinStage, finite, model_modules, module_of
from gnomon.pipeline.stages.simulate import FUNDING
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.base import SPLITTERS
from gnomon.training.cross_validation import FIVE_FOLDS, CrossValidator


@STAGES.register(name="cross_validate")
class CrossValidateStage(BuiltinStage):
    """Samples, bars and folds of their own to every candidate's scores."""

    name = "cross_validate"
    writes = (CROSS_VALIDATION,)

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """The one stage, or none where validation rows decide."""
        return super().plan(setup) if setup.config.selection.by == "cross_validation" else []

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Samples, the fold whose test rows are kept out, bars, and funding where there is any."""
        funding = (SIDE_TABLES,) if FUNDING in self.setup.config.data.side_tables else ()
        return (SAMPLES, FOLD, BARS, *funding)

    @property
    def config(self) -> Mapping[str, Any]:
        """The candidates, the folds, how a fit is made and how it trades."""
        candidates = self.setup.config.candidates()
        return {
            **self.part("training", "seed", "sizing", "guardrails", "execution"),
            "splitter": dict(self.folds),
            "models": {n: finite(section_facts(section, self.origins[n])) for n, section in candidates.items()},
        }

    @cached_property
    def origins(self) -> dict[str, Origin | None]:
        """The trained nets that candidates begin with."""
        candidates = self.setup.config.candidates()
        return {name: origin_of(self.setup, one, where=f"models.{name}") for name, one in candidates.items()}

    @property
    def folds(self) -> Mapping[str, Any]:
        """The section of the splitter."""
        return self.setup.config.selection.splitter or FIVE_FOLDS

    @property
    def modules(self) -> tuple[str, ...]:
        """The models', the splitter's, the sizer's and the guardrails'."""
        config = self.setup.config
        models = {m for name, s in config.candidates().items() for m in model_modules(s, where=f"models.{name}")}
        guards = {module_of(GUARDRAILS, g, where=f"guardrails[{i}]") for i, g in enumerate(config.guardrails)}
        splitter = module_of(SPLITTERS, self.folds, where="selection.splitter")
        return tuple(sorted({splitter, module_of(SIZERS, config.sizing, where="sizing"), *models, *guards}))

    def prepare(self) -> None:
        """Builds the splitter."""
        SPLITTERS.from_config(self.folds, where="selection.splitter")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fits every candidate on every fold."""
        config, fold = context.config, context[FOLD]
        samples = context[SAMPLES].take(np.sort(np.concatenate([fold.train, fold.valid])))
        last = pl.from_epoch(pl.Series([int(samples.known_at.max())]), time_unit="us").dt.replace_time_zone("UTC")[0]
        validator = CrossValidator(
            splitter=SPLITTERS.from_config(self.folds, where="selection.splitter"),
            training=config.training,
            seed=config.seed,
            workflow=BacktestingWorkflow.from_config(config),
            compute=LocalCompute(workers=config.executor.workers),
            origins={name: origin.folder for name, origin in self.origins.items() if origin is not None},
        )
        result = validator.run(
            config.candidates(),
            samples,
            # Nothing after the last of these rows is shown, so no test bar can enter.
            bars=context[BARS].filter(pl.col("timestamp") <= last),
            funding=settlements(context[SIDE_TABLES]) if SIDE_TABLES in self.reads else None,
            progress=lambda done, of: context.report(f"{done}/{of}", done / of),
        )
        forecasts = [
            result.out_of_fold(name)[1].to_frame().with_columns(model=pl.lit(name)) for name in config.candidates()
        ]
        # Seconds differ from run to run, and products may not.
        frames = {
            "scores": result.scores.drop("seconds"),
            "summary": result.summary,
            "out_of_fold": pl.concat(forecasts),
        }
        return {CROSS_VALIDATION: frames}
