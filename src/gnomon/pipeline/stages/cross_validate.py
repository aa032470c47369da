"""Cross-validation of every candidate, where folds decide among several: training and validation rows only.

A stage a candidate fits, so that another one in the configuration costs its own folds alone; one stage trades what they
forecast, so that other costs fit nothing, and joins their scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.ensembles import member_names
from gnomon.config.models import PipelineConfig
from gnomon.core.compute import LocalCompute
from gnomon.core.errors import DataError, GateError, StageError
from gnomon.data.side_tables import settlements
from gnomon.ensembles.crossed import cross_fitted
from gnomon.execution.guardrails import GUARDRAILS
from gnomon.execution.sizing import SIZERS
from gnomon.models.base import FitReport
from gnomon.pipeline.base import STAGES, Key, PipelineContext, PipelineStage, Setup
from gnomon.pipeline.keys import BARS, CROSS_VALIDATION, FOLD, SAMPLES, SIDE_TABLES
from gnomon.pipeline.origins import Origin, origin_of, section_facts
from gnomon.pipeline.stages.base import BuiltinStage, CandidateStage, finite, model_modules, module_of
from gnomon.pipeline.stages.simulate import FUNDING
from gnomon.samples.base import Forecast, Samples
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.base import SPLITTERS
from gnomon.training.cross_validation import (
    DEFAULT_SCORES,
    FIVE_FOLDS,
    TRADED_SCORES,
    CrossValidation,
    CrossValidator,
    FoldResult,
    summarised,
    trade_stretches,
)
from gnomon.training.scores import account_scores


def folds_decide(config: PipelineConfig) -> bool:
    """Whether candidates are cross-validated: folds decide, and there is something to choose or `always` asks."""
    section = config.selection
    return section.by == "cross_validation" and (len(config.candidates()) > 1 or section.always)


@STAGES.register(name="cross_validate")
class CrossValidateStage(BuiltinStage):
    """The folds of each candidate to one table of scores."""

    name = "cross_validate"
    writes = (CROSS_VALIDATION,)

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[PipelineStage]:  # type: ignore[override]
        """A stage for each candidate and this one; none where folds do not decide."""
        if not folds_decide(setup.config):
            return []
        later = cross_fitted_ensembles(setup.config)
        each = [
            CrossFittedStage(setup, name) if name in later else FoldStage(setup, name)
            for name in setup.config.candidates()
        ]
        for stage in each:
            stage.prepare()
        return [*each, *super().plan(setup)]

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Every candidate's folds, what they are traded on, and the fold whose test rows are kept out."""
        funding = (SIDE_TABLES,) if FUNDING in self.setup.config.data.side_tables else ()
        each = tuple(CROSS_VALIDATION.of(name) for name in self.setup.config.candidates())
        return (*each, SAMPLES, FOLD, BARS, *funding)

    @property
    def config(self) -> Mapping[str, Any]:
        """The candidates, in their order, and how they trade."""
        return {"candidates": list(self.setup.config.candidates()), **self.part("sizing", "guardrails", "execution")}

    @property
    def modules(self) -> tuple[str, ...]:
        """The sizer's and the guardrails'."""
        config = self.setup.config
        guards = {module_of(GUARDRAILS, g, where=f"guardrails[{i}]") for i, g in enumerate(config.guardrails)}
        return tuple(sorted({module_of(SIZERS, config.sizing, where="sizing"), *guards}))

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Trades what was forecast on each fold, and puts all scores under each other."""
        samples, last = seen(context)
        moments, workflow = np.unique(samples.known_at), BacktestingWorkflow.from_config(context.config)
        # Nothing after the last of these rows is shown, so no test bar can enter.
        bars = context[BARS].filter(pl.col("timestamp") <= last)
        funding = settlements(context[SIDE_TABLES]) if SIDE_TABLES in self.reads else None
        scores, forecasts = [], []
        names = list(context.config.candidates())
        for number, name in enumerate(names):
            context.report(name, number / len(names))
            frames = context[CROSS_VALIDATION.of(name)]
            rows = frames["scores"].to_dicts()
            for row in rows:
                own = frames["forecasts"].filter(pl.col("fold") == row["fold"]).drop("fold")
                blocks = trade_stretches(Forecast.from_frame(own), moments, workflow, bars=bars, funding=funding)
                row |= account_scores(blocks)
            scores += rows
            # A row that several folds test takes the forecast of the first.
            first = frames["forecasts"].unique(["timestamp", "symbol"], keep="first", maintain_order=True)
            forecasts.append(first.drop("fold").sort("timestamp", "symbol").with_columns(model=pl.lit(name)))
        table = pl.DataFrame(scores, schema_overrides=dict.fromkeys(TRADED_SCORES, pl.Float64))
        frames = {
            "scores": table,
            "summary": summarised(table, (*DEFAULT_SCORES, *TRADED_SCORES)),
            "out_of_fold": pl.concat(forecasts, how="diagonal"),
        }
        return {CROSS_VALIDATION: frames}


def cross_fitted_ensembles(config: PipelineConfig) -> dict[str, list[str]]:
    """The ensembles that are scored by the forecasts of their members, all of which are candidates, and these."""
    if config.selection.ensembles == "nested":
        return {}
    single = {config.model.name or config.model.model_type: config.model} if config.model else {}
    return {name: named for name, one in {**single, **config.models}.items() if (named := member_names(one))}


def seen(context: PipelineContext) -> tuple[Samples, datetime]:
    """The training and validation rows, and the moment of the last of them."""
    fold = context[FOLD]
    samples = context[SAMPLES].take(np.sort(np.concatenate([fold.train, fold.valid])))
    last = pl.from_epoch(pl.Series([int(samples.known_at.max())]), time_unit="us").dt.replace_time_zone("UTC")[0]
    return samples, last


@dataclass(frozen=True)
class FoldStage(CandidateStage):
    """Samples, bars and folds of their own to one candidate's scores."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """cross_validate.<candidate>."""
        return f"cross_validate.{self.candidate}"

    reads = (SAMPLES, FOLD)

    @property
    def writes(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The candidate's scores and its forecasts of tested rows, fold by fold."""
        return (CROSS_VALIDATION.of(self.candidate),)

    @property
    def config(self) -> Mapping[str, Any]:
        """The candidate and its first weights, the folds, and how a fit is made."""
        section = self.setup.config.candidates()[self.candidate]
        return {
            **self.part("training", "seed"),
            "splitter": dict(self.folds),
            "model": finite(section_facts(section, self.origin)),
        }

    @cached_property
    def origin(self) -> Origin | None:
        """The trained net that the candidate begins with."""
        return origin_of(self.setup, self.setup.config.candidates()[self.candidate], where=f"models.{self.candidate}")

    @property
    def folds(self) -> Mapping[str, Any]:
        """The section of the splitter."""
        return self.setup.config.selection.splitter or FIVE_FOLDS

    @property
    def modules(self) -> tuple[str, ...]:
        """The model's and the splitter's."""
        section = self.setup.config.candidates()[self.candidate]
        splitter = module_of(SPLITTERS, self.folds, where="selection.splitter")
        return tuple(sorted({splitter, *model_modules(section, where=f"models.{self.candidate}")}))

    def prepare(self) -> None:
        """Builds the splitter."""
        SPLITTERS.from_config(self.folds, where="selection.splitter")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fits the candidate on every fold. DataError, with the way out, where the rows do not make the folds."""
        config = context.config
        samples, _ = seen(context)
        validator = CrossValidator(
            splitter=SPLITTERS.from_config(self.folds, where="selection.splitter"),
            training=config.training,
            seed=config.seed,
            # Candidates are fitted beside each other already.
            compute=LocalCompute(workers=max(1, config.executor.workers // len(config.candidates()))),
            origins={} if self.origin is None else {self.candidate: self.origin.folder},
        )
        try:
            result = validator.run(
                {self.candidate: config.candidates()[self.candidate]},
                samples,
                progress=lambda done, of: context.report(f"{done}/{of}", done / of),
            )
        except GateError as error:
            raise GateError(f"{error}; or choose by the validation rows alone (selection.by: validation)") from error
        except DataError as error:
            raise DataError(
                f"{error}\nCandidates are chosen by folds over the {len(samples)} training and validation rows; fewer "
                "folds (selection.splitter: {kind: purged_kfold, folds: 3}) or the validation rows alone "
                "(selection.by: validation) need less"
            ) from error
        return {CROSS_VALIDATION.of(self.candidate): as_frames(result)}


@dataclass(frozen=True)
class CrossFittedStage(FoldStage):
    """An ensemble's scores from what its members said of the folds; nothing is fitted but the combiner."""

    @property
    def members(self) -> list[str]:
        """The candidates that it is made of."""
        return cross_fitted_ensembles(self.setup.config)[self.candidate]

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The folds of its members."""
        return (SAMPLES, FOLD, *(CROSS_VALIDATION.of(name) for name in self.members))

    @property
    def config(self) -> Mapping[str, Any]:
        """As any candidate's, and that the combiner alone is fitted."""
        return {**super().config, "ensembles": self.setup.config.selection.ensembles}

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fits the combiner on the other folds of each. GateError where a member's forecast would be in-sample."""
        config = context.config
        samples, _ = seen(context)
        validator = CrossValidator(
            splitter=SPLITTERS.from_config(self.folds, where="selection.splitter"),
            training=config.training,
            seed=config.seed,
        )
        work = validator.prepare(samples)
        told = [one for name in self.members for one in from_frames(name, context[CROSS_VALIDATION.of(name)], samples)]
        crossed = CrossValidation(
            results=tuple(told), metrics=work.metrics, models=tuple(self.members), folds=len(work.folds)
        )
        made = cross_fitted({self.candidate: config.candidates()[self.candidate]}, crossed, work)
        result = replace(crossed, results=made, models=(self.candidate,))
        return {CROSS_VALIDATION.of(self.candidate): as_frames(result)}


def as_frames(result: CrossValidation) -> dict[str, pl.DataFrame]:
    """A candidate's folds as tables: scores, forecasts, and the rows that a fit learned from, was stopped by, forecast.

    Rows are numbers among the training and validation rows together.
    """
    forecasts = [one.forecast.to_frame().with_columns(fold=pl.lit(one.fold)) for one in result.results]
    fits = [
        {
            "fold": one.fold,
            "learned": one.learned.tolist(),
            "stopped": one.stopped.tolist(),
            "tested": one.rows.tolist(),
            "rows_hash": one.rows_hash,
        }
        for one in result.results
    ]
    rows = pl.List(pl.Int64)
    return {
        # Seconds differ from run to run, and products may not.
        "scores": result.scores.drop("seconds"),
        "forecasts": pl.concat(forecasts, how="diagonal"),
        "fits": pl.DataFrame(fits, schema_overrides={"learned": rows, "stopped": rows, "tested": rows}),
    }


def from_frames(name: str, frames: Mapping[str, pl.DataFrame], samples: Samples) -> list[FoldResult]:
    """What `as_frames` wrote of a candidate, fold by fold; without what became of it in trading."""
    results = []
    for fit in frames["fits"].iter_rows(named=True):
        told = Forecast.from_frame(frames["forecasts"].filter(pl.col("fold") == fit["fold"]).drop("fold"))
        tested = np.array(fit["tested"], np.int64)
        # A table knows the symbols that stand in it; among all they may have another number.
        forecast = replace(told, symbol=samples.symbol[tested], symbols=samples.symbols)
        if not np.array_equal(forecast.known_at, samples.known_at[tested]):
            raise StageError(f"the forecasts of {name}, fold {fit['fold'] + 1}, are not those of the rows it tested")
        results.append(
            FoldResult(
                model=name,
                fold=fit["fold"],
                rows=tested,
                forecast=forecast,
                scores={},
                returns=np.empty(0),
                stamps=np.empty(0, np.int64),
                report=FitReport(),
                train_rows=len(fit["learned"]),
                seconds=0.0,
                learned=np.array(fit["learned"], np.int64),
                stopped=np.array(fit["stopped"], np.int64),
                rows_hash=fit["rows_hash"],
            )
        )
    return results
