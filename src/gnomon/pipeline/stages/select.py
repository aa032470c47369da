"""Choosing among candidates, on validation rows or folds only: a test row never enters here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.side_tables import settlements
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, CROSS_VALIDATION, FOLD, MODEL, SAMPLES, SELECTION, SIDE_TABLES
from gnomon.pipeline.stages.base import BuiltinStage, module_of
from gnomon.pipeline.stages.cross_validate import folds_decide
from gnomon.pipeline.stages.simulate import FUNDING
from gnomon.samples.base import Samples
from gnomon.simulation.base import Simulation
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.training.choice import SELECTION_RULES
from gnomon.training.cross_validation import DEFAULT_SCORES
from gnomon.training.scores import SCORES, judged
from gnomon.training.selection import validation_scores

ALONE = "it is the only candidate"
ROWS_IN_WORDS = {"validation": "validation rows", "cross_validation": "purged folds of training and validation rows"}


@STAGES.register(name="select")
class SelectStage(BuiltinStage):
    """Trained candidates to the one whose results count."""

    name = "select"
    writes = (SELECTION,)

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Every candidate's model, the samples and the fold; the folds' scores, or bars where trading decides."""
        each = tuple(MODEL.of(name) for name in self.setup.config.candidates())
        if folds_decide(self.setup.config):
            return (*each, SAMPLES, FOLD, CROSS_VALIDATION)
        if not self._trades():
            return (*each, SAMPLES, FOLD)
        funding = (SIDE_TABLES,) if FUNDING in self.setup.config.data.side_tables else ()
        return (*each, SAMPLES, FOLD, BARS, *funding)

    @property
    def config(self) -> Mapping[str, Any]:
        """The candidates' names and the rule; how they trade, where that decides."""
        trading = self.part("sizing", "guardrails", "execution") if self._trades() else {}
        return {"candidates": list(self.setup.config.candidates()), **self.part("selection"), **trading}

    @property
    def modules(self) -> tuple[str, ...]:
        """The rule's."""
        return (module_of(SELECTION_RULES, self.setup.config.selection.rule, where="selection.rule"),)

    def prepare(self) -> None:
        """Builds the rule."""
        SELECTION_RULES.from_config(self.setup.config.selection.rule, where="selection.rule")

    def _trades(self) -> bool:
        rule = SELECTION_RULES.from_config(self.setup.config.selection.rule, where="selection.rule")
        return any(SCORES[name].trades for name in rule.needs)

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Scores every candidate and lets the rule choose."""
        samples, fold, section = context[SAMPLES], context[FOLD], context.config.selection
        names = list(context.config.candidates())
        crossed = folds_decide(context.config)
        scores: dict[str, dict[str, Any]] = {name: {} for name in names}
        if len(fold.valid):
            train, valid = samples.take(fold.train), samples.take(fold.valid)
            for score in validation_scores({name: context[MODEL.of(name)] for name in names}, train, valid):
                scores[score.name] = {
                    "log_loss": score.log_loss,
                    "prior_log_loss": score.prior_log_loss,
                    "skill": score.skill,
                    "rows": score.rows,
                }
        table = context[CROSS_VALIDATION]["summary"] if crossed else None
        if table is None and not len(fold.valid) and len(names) > 1:
            raise DataError(
                f"{len(names)} candidates are to be chosen among by validation rows, and the split makes none; set "
                "split.valid above 0, or selection.by: cross_validation"
            )
        if table is None and len(fold.valid):
            table = self._validate(context, samples.take(fold.valid))
        if table is not None:
            for model, metric, mean, error in table.select("model", "metric", "mean", "standard_error").iter_rows():
                scores[model][f"{'fold_' if crossed else 'valid_'}{metric}"] = mean
                if crossed:
                    scores[model][f"fold_{metric}_error"] = error
        if len(names) == 1 or table is None:
            return {SELECTION: {"chosen": names[0], "by": ALONE, "ranking": names, "scores": scores}}
        rule = SELECTION_RULES.from_config(section.rule, where="selection.rule")
        families = {
            name: str(ModelRegistry.models.entry(model.model_type).facts["family"])
            for name, model in context.config.candidates().items()
        }
        choice = rule.choose(table, families)
        by = f"{choice.why} on {ROWS_IN_WORDS[section.by]}"
        return {SELECTION: {"chosen": choice.chosen, "by": by, "ranking": list(choice.ranking), "scores": scores}}

    def _validate(self, context: PipelineContext, valid: Samples) -> pl.DataFrame:
        """Every candidate's scores on the validation rows, as `CrossValidation.summary` gives those of folds."""
        rule = SELECTION_RULES.from_config(context.config.selection.rule, where="selection.rule")
        names = dict.fromkeys((*DEFAULT_SCORES, *rule.needs))
        bars = funding = None
        if self._trades():
            last = pl.from_epoch(pl.Series([int(valid.known_at.max())]), time_unit="us").dt.replace_time_zone("UTC")[0]
            bars = context[BARS].filter(pl.col("timestamp") <= last)
            funding = settlements(context[SIDE_TABLES]) if SIDE_TABLES in self.reads else None
        rows = []
        for name in context.config.candidates():
            forecast = context[MODEL.of(name)].predict(valid)
            blocks: tuple[Simulation, ...] = ()
            if bars is not None:
                workflow = BacktestingWorkflow.from_config(context.config)
                blocks = (workflow.run(forecast, bars, funding=funding),)
            held = judged(valid, forecast, blocks)
            rows += [(name, metric, SCORES[metric].function(held), float("nan"), 1) for metric in names]
        schema = {
            "model": pl.String,
            "metric": pl.String,
            "mean": pl.Float64,
            "standard_error": pl.Float64,
            "folds": pl.Int64,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")
