"""HPOptimizer: a model's settings searched for over purged folds of the training and validation rows."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.manager import ConfigManager
from gnomon.config.models import DataConfig, RangeConfig, SearchConfig
from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.resolved import config_hash
from gnomon.core.compute import LocalCompute
from gnomon.core.errors import TrainingError
from gnomon.core.hashing import hash_value
from gnomon.core.registry import build
from gnomon.data.calendars import infer_frequency
from gnomon.data.digest import hash_bars
from gnomon.data.side_tables import settlements
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.base import SPLITTERS
from gnomon.store.locks import lock
from gnomon.store.trials import TrialLedger, market_of, trial_ledger
from gnomon.training.cross_validation import FIVE_FOLDS, CrossValidator
from gnomon.training.engine import TrainingEngine
from gnomon.training.prepare import Prepared
from gnomon.training.scores import score_of
from gnomon.training.search.base import Outcome, SearchResult, SearchTrial
from gnomon.training.search.campaign import Campaign, Progress
from gnomon.training.search.evaluate import Ground, score_trial
from gnomon.training.search.record import SearchRecord
from gnomon.training.search.samplers import Pruning, check_search
from gnomon.training.search.space import described, distributions, resolve_space, start_of

DECIDING = ("data", "features", "labels", "split", "training", "sizing", "guardrails", "execution", "seed")
"""Sections that make one try another try."""


class HPOptimizer:
    """Searches for the settings of a model.

    Tries are cross-validated on the training and validation rows of the configured split; no test row, and no bar
    after the last of these rows, is shown to them. Each is a row of the trial ledger, of the kind "tune". Where there
    is a `folder` (by default `.gnomon/search` in the configuration's own), a search that was killed goes on.
    """

    def __init__(
        self,
        training_engine: TrainingEngine | None = None,
        config_manager: ConfigManager | None = None,
        *,
        ledger: TrialLedger | None = None,
        folder: Path | None = None,
    ) -> None:
        if config_manager is None:
            config_manager = training_engine.config_manager if training_engine is not None else ConfigManager()
        self.config_manager = config_manager
        self.engine = training_engine or TrainingEngine(config_manager=config_manager)
        root = self.engine.data_manager.root
        self.ledger = ledger if ledger is not None or root is None else trial_ledger(root)
        self.folder = folder if folder is not None or root is None else root / ".gnomon" / "search"

    def optimize(
        self,
        *,
        model_type: str | None = None,
        search_space_config_key: str | None = None,
        data_config: DataConfig | Mapping[str, Any] | None = None,
        search: SearchConfig | Mapping[str, Any] | None = None,
        prepared: Prepared | None = None,
        progress: Progress | None = None,
        code: str = "",
    ) -> SearchResult:
        """Searches, and gives what was found.

        `model_type` is a configured model's name or a model's type; None takes the first configured one.
        `search_space_config_key` names ranges by setting in the configuration; the default is `search.spaces.MODEL`.
        `search` takes the place of the section of that name, `prepared` saves preparing the data again, and `code`
        marks a version of the code: another one is another study. Raises ConfigError for a search that cannot begin,
        DataError for rows that cannot be divided, TrainingError where no trial gave a figure.
        """
        settings = self._settings(search)
        section = self.engine.model_section(model_type)
        name = section.name or section.model_type
        ranges, where = self._ranges(section, search_space_config_key, settings)
        space = resolve_space(section, ranges, where=where, registry=self.engine.model_registry)
        metrics = tuple(settings.metrics)
        for metric in metrics:
            score_of(metric, where="search.metrics")
        pruner = "none" if len(metrics) > 1 and "pruner" not in settings.model_fields_set else settings.pruner
        check_search(settings.sampler, pruner, metrics)
        folds = dict(settings.splitter or FIVE_FOLDS)
        splitter = SPLITTERS.from_config(folds, where="search.splitter")

        data = prepared if prepared is not None else self.engine.prepare(data_config)
        rows = np.sort(np.concatenate([data.fold.train, data.fold.valid]))
        samples = data.samples.take(rows)
        last = pl.from_epoch(pl.Series([int(samples.known_at.max())]), time_unit="us").dt.replace_time_zone("UTC")[0]
        # Nothing after the last of these rows is shown, so no test bar can enter.
        seen = data.bars.filter(pl.col("timestamp") <= last)
        validator = CrossValidator(
            splitter=splitter,
            training=self.config_manager.config.training,
            seed=self.config_manager.config.seed,
            # Tries are counted by what they would have earned, whatever they are searched by.
            metrics=tuple(dict.fromkeys((*metrics, "sharpe"))),
            workflow=BacktestingWorkflow.from_config(self.config_manager.config),
            registry=self.engine.model_registry,
        )
        work = validator.prepare(
            samples,
            bars=seen,
            funding=settlements(data.tables),
        )
        fixed = {key: value for key, value in section.params.items() if key not in space}
        config = self.config_manager.config
        if data_config is not None:
            given = data_config if isinstance(data_config, DataConfig) else DataConfig.model_validate(data_config)
            config = config.model_copy(update={"data": given})
        deciding = {"config": config_hash(config, *DECIDING), "splitter": folds}
        study = (
            f"{name}-"
            + hash_value(
                {
                    **deciding,
                    "code": code,
                    "seen": {"bars": hash_bars(seen), "rows": len(samples)},
                    "model": {"model_type": section.model_type, "params": section.params},
                    "space": described(space),
                    "start": start_of(section, space, registry=self.engine.model_registry),
                    "search": {"sampler": settings.sampler, "pruner": pruner, "metrics": list(metrics)},
                    "batch": settings.batch,
                }
            )[:12]
        )
        pruning = (
            None if pruner == "none" else Pruning(kind=pruner, metric=metrics[0], folds=len(work.folds), study=study)
        )
        ground = Ground(work=work, section=section, name=name, metrics=metrics, pruning=pruning)
        market = self._market(data.bars, config.data)

        def told(trial: SearchTrial, outcome: Outcome) -> None:
            # A trial that failed was not scored: it is no try that could have been chosen.
            if self.ledger is not None and trial.state != "failed":
                self.ledger.append(
                    dataset=market,
                    config={
                        **deciding,
                        "model": {
                            "model_type": section.model_type,
                            "params": {**section.params, **trial.params},
                        },
                    },
                    name=f"{name} {trial.number}",
                    kind="tune",
                    returns=outcome.returns if outcome.returns.size else None,
                    timestamps=outcome.stamps if outcome.returns.size else None,
                    metrics=dict(trial.values),
                )

        with contextlib.ExitStack() as stack:
            record = None
            if self.folder is not None:
                stack.enter_context(lock(self.folder / f"{study}.lock", f"search {study}"))
                record = SearchRecord(
                    self.folder / study, study=study, metrics=metrics, distributions=distributions(space)
                )
            campaign = Campaign(
                study=study,
                space=space,
                start=start_of(section, space, registry=self.engine.model_registry),
                metrics=metrics,
                sampler=settings.sampler,
                seed=self.config_manager.config.seed,
                trials=settings.trials,
                batch=settings.batch,
                pruned=pruning is not None,
                record=record,
                told=told,
                progress=progress,
                timeout=settings.timeout,
            )
            _search(campaign, ground, settings, threads=validator.training.threads)
        if not any(trial.state == "complete" for trial in campaign.finished):
            raise TrainingError(_no_figure(name, campaign.finished))
        return SearchResult(
            study=study,
            name=name,
            model_type=section.model_type,
            metrics=metrics,
            space=space,
            records=tuple(campaign.finished),
            importance=campaign.importance(),
            fixed=fixed,
            rows=len(samples),
        )

    def _settings(self, given: SearchConfig | Mapping[str, Any] | None) -> SearchConfig:
        held = self.config_manager.get_config("search") if given is None else given
        return held if isinstance(held, SearchConfig) else build(SearchConfig, held, where="search")

    def _ranges(
        self, section: ModelSection, key: str | None, settings: SearchConfig
    ) -> tuple[Mapping[str, RangeConfig | None], str]:
        if key is None:
            for name in (section.name, section.model_type):
                if name is not None and name in settings.spaces:
                    return settings.spaces[name], f"search.spaces.{name}"
            return {}, f"search.spaces.{section.name or section.model_type}"
        held = self.config_manager.get_config(key)
        ranges = {
            name: value if value is None or isinstance(value, RangeConfig) else build(RangeConfig, value, where=key)
            for name, value in held.items()
        }
        return ranges, key

    def _market(self, bars: pl.DataFrame, data: DataConfig) -> str:
        return market_of(bars["symbol"].unique().to_list(), data.frequency or infer_frequency(bars))


HyperparameterOptimizer = HPOptimizer


def _search(campaign: Campaign, ground: Ground, settings: SearchConfig, *, threads: int) -> None:
    if settings.compute == "ray":
        from gnomon.training.search.ray_tune import search_by_tune

        search_by_tune(campaign, ground, address=settings.address, workers=settings.workers, threads=threads)
        return
    compute = LocalCompute(workers=settings.workers, kind=settings.compute)
    while batch := campaign.next():
        campaign.tell(compute.map(score_trial, batch, shared=ground))


def _no_figure(name: str, trials: list[SearchTrial]) -> str:
    if not trials:
        return f"the search for settings of {name} was over before its first trial; raise search.timeout"
    first = next((trial.cause for trial in trials if trial.cause), "all were given up")
    return f"none of {len(trials)} trials of {name} gave a figure; the first failed with: {first}"
