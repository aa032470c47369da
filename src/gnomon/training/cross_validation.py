"""Cross-validation: every model on every fold of a purged splitter, scored by several figures at once.

A fold's scaler, model and early stopping see its training rows alone. What its models forecast on the tested rows is
kept: that is what a stacker may learn from, since no member saw those rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.compute import Compute, LocalCompute
from gnomon.core.errors import ConfigError, GnomonError
from gnomon.core.types import Array, Float64, Int64
from gnomon.models.base import FitReport, ModelRegistry
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples
from gnomon.simulation.base import Simulation
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.audit import audited
from gnomon.splits.base import Fold, Splitter
from gnomon.training.fit import fit_model, origin_of, refuse_knowing
from gnomon.training.scores import SCORES, Judged, judged, score_of

FIVE_FOLDS: Mapping[str, Any] = {"kind": "purged_kfold", "folds": 5}
"""The splitter where a configuration names none."""
DEFAULT_SCORES = ("log_loss", "brier", "f1", "ic")
TRADED_SCORES = ("sharpe", "total_return", "drawdown", "turnover")
"""Added where bars are given to trade on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldResult:
    """One model on one fold: its forecast of the tested rows (numbers among the samples), scores, and its fit."""

    model: str
    fold: int
    rows: Int64[Array, " m"]
    forecast: Forecast
    scores: Mapping[str, float]
    returns: Float64[Array, " t"]
    stamps: Int64[Array, " t"]
    report: FitReport
    train_rows: int
    seconds: float
    learned: Int64[Array, " l"]
    """The rows that its scaler and model were fitted on."""
    stopped: Int64[Array, " v"]
    """The rows that stopped the fit early, and calibrated it."""
    rows_hash: str
    """The scaler's own record of the rows that it saw."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation:
    """Every model on every fold, in the order of the models and folds that were given."""

    results: tuple[FoldResult, ...]
    metrics: tuple[str, ...]
    models: tuple[str, ...]
    folds: int

    def of(self, model: str) -> list[FoldResult]:
        """A model's results, fold by fold. Raises KeyError for a model that was not there."""
        found = [result for result in self.results if result.model == model]
        if not found:
            raise KeyError(f"{model!r} was not cross-validated; these were: {', '.join(self.models)}")
        return found

    @cached_property
    def scores(self) -> pl.DataFrame:
        """One row a model and fold: model, fold, train_rows, test_rows, seconds, and a column a metric."""
        return pl.DataFrame(
            [
                {
                    "model": result.model,
                    "fold": result.fold,
                    "train_rows": result.train_rows,
                    "test_rows": len(result.rows),
                    "seconds": result.seconds,
                    **{name: float(result.scores[name]) for name in self.metrics},
                }
                for result in self.results
            ],
            schema_overrides=dict.fromkeys(self.metrics, pl.Float64),
        )

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row a model and metric: model, metric, mean, standard_error, folds (those with a value).

        The standard error is that of the mean over folds, as if they were independent: they share training rows, so
        it is too small rather than too large (Bengio and Grandvalet 2004). NaN for fewer than two folds.
        """
        return summarised(self.scores, self.metrics)

    def out_of_fold(self, model: str) -> tuple[Int64[Array, " m"], Forecast]:
        """The tested rows, sorted, and the model's forecasts of them, each by a fit that never saw the row.

        A row that several folds test (combinatorial splits) takes the forecast of the first.
        """
        results = self.of(model)
        rows = np.concatenate([result.rows for result in results])
        unique, first = np.unique(rows, return_index=True)
        parts = [result.forecast for result in results]

        def joined(name: str) -> Any:
            values = [getattr(part, name) for part in parts]
            return None if any(value is None for value in values) else np.concatenate(values)[first]

        return unique, replace(
            parts[0], **{name: joined(name) for name in ("probability", "known_at", "symbol", "quantiles", "allowed")}
        )


@dataclass(frozen=True, kw_only=True)
class CrossValidator:
    """Scores models over the folds of a splitter.

    `inner_valid`: where a fold brings no validation rows, this share of its training moments, the last ones, purged by
    label end, stops fits early; 0 stops none. `workflow` and bars add the scores of trading after costs. `compute`
    says where folds are fitted; their number never changes a result.
    """

    splitter: Splitter
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: int = 0
    metrics: Sequence[str] | None = None
    """Names of `gnomon.training.scores.SCORES`; None takes the usual ones."""
    inner_valid: float = 0.15
    workflow: BacktestingWorkflow = field(default_factory=BacktestingWorkflow)
    compute: Compute = field(default_factory=LocalCompute)
    registry: type[ModelRegistry] = ModelRegistry
    origins: Mapping[str, Path] = field(default_factory=dict)
    """Folders of the trained nets that models begin with, by the models' names."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.inner_valid < 0.9:
            raise ConfigError(f"inner_valid must be from 0 to below 0.9, was {self.inner_valid}")
        for name in self.metrics or ():
            score_of(name, where="metrics")

    def run(
        self,
        models: Mapping[str, ModelSection],
        samples: Samples,
        *,
        bars: pl.DataFrame | None = None,
        funding: pl.DataFrame | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> CrossValidation:
        """Fits and scores every model on every fold. `progress(done, of)` is told after each.

        Raises DataError for samples that the splitter cannot divide, ConfigError for a score that trades where there
        are no bars; the error of a fit names its model and fold.
        """
        return self.over(self.prepare(samples, bars=bars, funding=funding), models, progress=progress)

    def over(
        self,
        work: FoldWork,
        models: Mapping[str, ModelSection],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> CrossValidation:
        """`run` on folds that are prepared already."""
        if not models:
            raise ConfigError("there is no model to cross-validate; add `models` to gnomon.yaml")
        items = [(model, section, number) for model, section in models.items() for number in range(len(work.folds))]
        done = None if progress is None else lambda count: progress(count, len(items))
        results = self.compute.map(_one, items, shared=work, done=done)
        return CrossValidation(
            results=tuple(results), metrics=work.metrics, models=tuple(models), folds=len(work.folds)
        )

    def prepare(
        self, samples: Samples, *, bars: pl.DataFrame | None = None, funding: pl.DataFrame | None = None
    ) -> FoldWork:
        """The audited folds with all that fitting and scoring on one of them needs. Raises what `run` raises."""
        names = (
            tuple(self.metrics)
            if self.metrics is not None
            else DEFAULT_SCORES + (TRADED_SCORES if bars is not None else ())
        )
        if bars is None and (traded := [name for name in names if SCORES[name].trades]):
            raise ConfigError(f"the score {traded[0]!r} needs bars to trade on; pass bars, or leave it out")
        return FoldWork(
            samples=samples,
            folds=list(audited(self.splitter).split(samples.known_at, samples.last_label_end)),
            validator=self,
            metrics=names,
            bars=bars,
            funding=funding,
            moments=np.unique(samples.known_at),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldWork:
    """What all folds share."""

    samples: Samples
    folds: Sequence[Fold]
    validator: CrossValidator
    metrics: tuple[str, ...]
    bars: pl.DataFrame | None
    funding: pl.DataFrame | None
    moments: Int64[Array, " t"]


def _one(work: FoldWork, item: tuple[str, ModelSection, int]) -> FoldResult:
    return score_fold(work, *item)


def score_fold(work: FoldWork, name: str, section: ModelSection, number: int) -> FoldResult:
    """One model fitted, judged and traded on one fold. A GnomonError names the model and the fold."""
    began = time.perf_counter()
    fold, validator = work.folds[number], work.validator
    fold = (
        fold if len(fold.valid) or not validator.inner_valid else inner_split(work.samples, fold, validator.inner_valid)
    )
    tested, origin = work.samples.take(fold.test), validator.origins.get(name)
    try:
        origin = origin or origin_of(section, where=f"models.{name}")
        refuse_knowing(origin, tested, what="the rows of a fold")
        trained, report = fit_model(
            section,
            work.samples.take(fold.train),
            work.samples.take(fold.valid) if len(fold.valid) else None,
            training=validator.training,
            seed=validator.seed,
            name=name,
            registry=validator.registry,
            where=f"models.{name}",
            init_from=origin,
        )
        forecast = trained.predict_rows(work.samples, fold.test)
        rows = judge_fold(work, fold.test, forecast)
    except GnomonError as error:
        raise type(error)(f"{name}, fold {number + 1} of {len(work.folds)}: {error}") from error
    return FoldResult(
        model=name,
        fold=number,
        rows=fold.test,
        forecast=forecast,
        scores={metric: SCORES[metric].function(rows) for metric in work.metrics},
        returns=rows.returns,
        stamps=rows.stamps,
        report=report,
        train_rows=len(fold.train),
        seconds=time.perf_counter() - began,
        learned=fold.train,
        stopped=fold.valid,
        rows_hash=trained.scaler.rows_hash,
    )


def judge_fold(work: FoldWork, rows: Int64[Array, " m"], forecast: Forecast) -> Judged:
    """The forecast of a fold's tested rows beside what came, and, where a score asks for it, traded."""
    blocks = _trade(work, forecast) if any(SCORES[metric].trades for metric in work.metrics) else ()
    return judged(work.samples.take(rows), forecast, blocks)


def inner_split(samples: Samples, fold: Fold, share: float) -> Fold:
    """The fold with the last `share` of its training moments as validation rows, the rest purged by label end.

    Where that would leave either side without a row, the fold as it is.
    """
    known = samples.known_at[fold.train]
    moments = np.unique(known)
    begin = moments[min(int(len(moments) * (1.0 - share)), len(moments) - 1)]
    late = known >= begin
    decided = samples.last_label_end[fold.train] != UNKNOWN_END
    train = fold.train[~late & (samples.last_label_end[fold.train] < begin)]
    valid = fold.train[late & decided]
    return replace(fold, train=train, valid=valid) if len(train) and len(valid) else fold


def _trade(work: FoldWork, forecast: Forecast) -> tuple[Simulation, ...]:
    if work.bars is None:
        return ()
    return trade_stretches(forecast, work.moments, work.validator.workflow, bars=work.bars, funding=work.funding)


def trade_stretches(
    forecast: Forecast,
    moments: Int64[Array, " t"],
    workflow: BacktestingWorkflow,
    *,
    bars: pl.DataFrame,
    funding: pl.DataFrame | None = None,
) -> tuple[Simulation, ...]:
    """An account for each stretch of tested moments that follow each other: a hole is not traded through.

    `moments`: all of the samples, in their order.
    """
    place = np.searchsorted(moments, forecast.known_at)
    held = np.unique(place)
    block = np.concatenate([[0], np.cumsum(np.diff(held) > 1)])
    of_row = block[np.searchsorted(held, place)]
    return tuple(
        workflow.run(_rows(forecast, np.flatnonzero(of_row == number)), bars, funding=funding)
        for number in range(int(block[-1]) + 1)
    )


def summarised(scores: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """`CrossValidation.summary` of its `scores`, models in the order in which they come."""
    rows = []
    for model in scores["model"].unique(maintain_order=True):
        of_model = scores.filter(pl.col("model") == model)
        for metric in metrics:
            values = of_model[metric].to_numpy()
            values = values[np.isfinite(values)]
            spread = float(np.std(values, ddof=1) / np.sqrt(values.size)) if values.size > 1 else float("nan")
            mean = float(values.mean()) if values.size else float("nan")
            rows.append((model, metric, mean, spread, int(values.size)))
    return pl.DataFrame(
        rows,
        schema={
            "model": pl.String,
            "metric": pl.String,
            "mean": pl.Float64,
            "standard_error": pl.Float64,
            "folds": pl.Int64,
        },
        orient="row",
    )


def _rows(forecast: Forecast, rows: Int64[Array, " m"]) -> Forecast:
    arrays = {
        name: value[rows]
        for name in ("probability", "known_at", "symbol", "quantiles", "allowed")
        if (value := getattr(forecast, name)) is not None
    }
    return replace(forecast, **arrays)


__all__ = [
    "CrossValidation",
    "CrossValidator",
    "FoldResult",
    "FoldWork",
    "Judged",
    "inner_split",
    "judge_fold",
    "score_fold",
    "summarised",
    "trade_stretches",
]
