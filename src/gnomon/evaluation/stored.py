"""Judging models that are kept in a store, on the configured data that they have not learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.manager import ConfigManager
from gnomon.config.models import DataConfig, EvaluationConfig
from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.core.types import Array, Int64
from gnomon.data.manager import DataManager
from gnomon.evaluation.base import Evaluation
from gnomon.evaluation.benchmarks import BENCHMARKS, Benchmark
from gnomon.evaluation.engine import evaluate
from gnomon.models.base import ModelRegistry
from gnomon.models.bundle import TrainedModel
from gnomon.samples.base import Samples
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.base import SPLITTERS
from gnomon.store.base import ArtifactStore
from gnomon.training.prepare import Prepared, checked_bars, prepare

FUNDING = "funding"
"""A side table of this name is what longs pay to shorts."""


@dataclass(frozen=True, kw_only=True)
class ModelEvaluator:
    """Judges one trained model: forecast, sizing, guardrails, ledger, evaluation."""

    workflow: BacktestingWorkflow = field(default_factory=BacktestingWorkflow)
    config: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 7

    def evaluate(
        self,
        trained: TrainedModel,
        samples: Samples,
        *,
        bars: pl.DataFrame,
        name: str | None = None,
        funding: pl.DataFrame | None = None,
        trials: object = None,
        benchmarks: Mapping[str, Benchmark] | None = None,
    ) -> Evaluation:
        """The evaluation on these samples. No edge is claimed where the model learned from labels that end in them."""
        forecast = trained.predict(samples)
        simulation = self.workflow.run(forecast, bars, funding=funding)
        return evaluate(
            simulation,
            bars=bars.filter(pl.col("symbol").is_in(forecast.symbols)),
            name=name or trained.meta.name,
            config=self.config,
            guardrails=self.workflow.guardrails,
            funding=funding,
            forecast=forecast,
            samples=samples,
            trials=trials,
            benchmarks=benchmarks,
            seed=self.seed,
            out_of_sample=bool(samples.known_at.min() > trained.meta.trained_until),
        )


@dataclass(frozen=True, kw_only=True)
class ModelEvaluation:
    """What `EvaluationEngine` says of a stored model: the whole evaluation, and the metrics that were asked for."""

    model_id: str
    model_version: str
    evaluation: Evaluation
    metrics: Mapping[str, float]


class EvaluationEngine:
    """Judges stored models as a configuration says; the arguments of a call take the place of its sections."""

    def __init__(
        self,
        *,
        artifact_store: ArtifactStore,
        config_manager: ConfigManager | None = None,
        model_registry: type[ModelRegistry] | None = None,
        data_manager: DataManager | None = None,
        trials: object = None,
    ) -> None:
        self.artifact_store = artifact_store
        self.config_manager = config_manager or ConfigManager()
        self.model_registry = model_registry or ModelRegistry
        self.data_manager = data_manager or DataManager(self.config_manager)
        self.trials = trials

    def evaluate_model(
        self,
        *,
        model_id: str,
        model_version: str = "latest",
        evaluation_data_config: DataConfig | Mapping[str, Any] | None = None,
        metrics_to_calculate: Sequence[str] | None = None,
        benchmarks_to_compare: Sequence[str] | None = None,
    ) -> ModelEvaluation:
        """Judges a stored model on the configured data, or on those of `evaluation_data_config`.

        Rows that became known after the last label the model learned from are used: all of the data when all of them
        did, else the test rows of the configured split. Unknown metrics and benchmarks are refused before any work. A
        Sharpe ratio is always there, in `evaluation.doubt`. StoreError for a model that is not stored, DataError where
        the data leave nothing to judge on.
        """
        benchmarks = self._benchmarks(benchmarks_to_compare)
        trained = TrainedModel.load(self.artifact_store.get(model_id, model_version))
        manager = self.data_manager
        if evaluation_data_config is not None:
            section = evaluation_data_config
            if not isinstance(section, DataConfig):
                section = DataConfig.model_validate(section)
            manager = replace(manager, config_manager=_Sections(section, self.config_manager))
        config = self.config_manager.config
        splitter = SPLITTERS.from_config(config.split, where="split")
        bars, tables = checked_bars(manager, train=getattr(splitter, "train", 1.0)), manager.side_tables()
        prepared = prepare(bars, features=config.features, labels=config.labels, split=config.split, tables=tables)
        rows = unseen_rows(prepared, trained.meta.trained_until)
        evaluation = ModelEvaluator(
            workflow=BacktestingWorkflow.from_config(config), config=config.evaluation, seed=config.seed
        ).evaluate(
            trained,
            prepared.samples.take(rows),
            bars=bars,
            name=model_id,
            funding=tables.get(FUNDING),
            trials=self.trials,
            benchmarks=benchmarks,
        )
        return ModelEvaluation(
            model_id=model_id,
            model_version=model_version,
            evaluation=evaluation,
            metrics=_chosen(evaluation, metrics_to_calculate),
        )

    def _benchmarks(self, names: Sequence[str] | None) -> dict[str, Benchmark]:
        chosen = self.config_manager.config.evaluation.benchmarks if names is None else names
        return {name: BENCHMARKS.create(name, where="benchmarks_to_compare") for name in chosen}


def unseen_rows(prepared: Prepared, trained_until: int) -> Int64[Array, " n"]:
    """Rows to judge a model on that learned from labels up to `trained_until` (UTC, microseconds)."""
    later = prepared.samples.known_at > trained_until
    rows = np.arange(len(later)) if later.all() else prepared.fold.test[later[prepared.fold.test]]
    if not len(rows):
        raise DataError(
            "every row of these data became known before the last label that the model learned from; give data that go "
            "on after it, or a split with test rows"
        )
    return rows


def _chosen(evaluation: Evaluation, names: Sequence[str] | None) -> dict[str, float]:
    """The metrics asked for, by the names of the evaluation, its doubt and its risk."""
    doubt = {"sharpe_ratio": evaluation.doubt.annual_sharpe, **evaluation.doubt.row()}
    known = {**doubt, **evaluation.risk, **evaluation.metrics}
    if names is None:
        return dict(evaluation.metrics)
    for name in names:
        if name not in known:
            raise ConfigError(unknown("metric", name, known, where="metrics_to_calculate"))
    return {name: float(known[name]) for name in names}


@dataclass(frozen=True)
class _Sections:
    """A configuration whose section `data` is another."""

    data: DataConfig
    rest: ConfigManager

    def get_config(self, key: str) -> Any:
        """The section at a dotted key."""
        return self.data if key == "data" else self.rest.get_config(key)
