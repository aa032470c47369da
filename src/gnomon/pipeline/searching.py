"""Search as one of the ways to choose: every model with the best settings of a search before one of them is chosen.

The search is that of `gnomon tune`, on the samples that the pipeline has made already: purged folds of the training and
validation rows, each try a row of the trial ledger. A search that was made before is gone on with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gnomon.config.manager import ConfigManager
from gnomon.config.models import ModelConfig, PipelineConfig, SearchConfig
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.code import code_hash
from gnomon.pipeline.executor import PipelineExecutor
from gnomon.pipeline.keys import BARS, CHECKS, FOLD, SAMPLES, SIDE_TABLES
from gnomon.pipeline.stages.base import is_ensemble
from gnomon.pipeline.tuning import search_modules
from gnomon.pipeline.workspace import Workspace
from gnomon.training.engine import TrainingEngine
from gnomon.training.prepare import Prepared
from gnomon.training.search.base import SearchResult
from gnomon.training.search.optimizer import HPOptimizer

Watch = Callable[[str, int, int], None]
"""A model, its trials done, of how many."""


def searchable(config: PipelineConfig) -> list[str]:
    """The candidates that have settings to search for.

    What is made of others has none of its own; what begins with trained weights (`init_from`) has to keep its shape.
    """
    found = []
    for name, section in config.candidates().items():
        ranges = config.search.spaces.get(name) or config.search.spaces.get(section.model_type)
        space = ModelRegistry.models.get(section.model_type, where=f"models.{name}.model_type").Config.search_space
        if not is_ensemble(section) and section.init_from is None and (space or ranges):
            found.append(name)
    return found


def search_settings(config: PipelineConfig) -> SearchConfig:
    """The section `search` with the trials of `compare`; where it names no folds, those that models are chosen by."""
    splitter = config.search.splitter or config.selection.splitter
    return config.search.model_copy(update={"trials": config.compare.search_trials, "splitter": splitter})


def search_models(
    workspace: Workspace, executor: PipelineExecutor, *, watch: Watch = lambda _name, _done, _of: None
) -> dict[str, SearchResult]:
    """Searches for settings of each candidate that has some; `executor` has made the samples and the fold.

    Raises what `HPOptimizer.optimize` raises.
    """
    config, setup = workspace.config, executor.plan.setup
    prepared = Prepared(
        samples=executor.value(SAMPLES),
        fold=executor.value(FOLD),
        data_version=executor.value(CHECKS)["version"],
        lineage={},
        bars=executor.value(BARS),
        tables=executor.value(SIDE_TABLES) if config.data.side_tables else {},
    )
    manager = ConfigManager.of(config, config_dir=workspace.folder)
    optimizer = HPOptimizer(TrainingEngine(config_manager=manager), manager, ledger=workspace.trials)
    found = {}
    for name in searchable(config):
        watching = partial(_told, watch, name)
        modules = search_modules(config, config.candidates()[name].model_type)
        found[name] = optimizer.optimize(
            model_type=name,
            search=search_settings(config),
            prepared=prepared,
            code=code_hash(modules, setup.plugins),
            progress=watching,
        )
    return found


def _told(watch: Watch, name: str, done: int, of: int, _best: float) -> None:
    watch(name, done, of)


def with_settings(config: PipelineConfig, found: Mapping[str, Mapping[str, Any]]) -> PipelineConfig:
    """The configuration with these settings of its models, members of ensembles too."""

    def section_of(name: str, section: ModelConfig) -> ModelConfig:
        return section.model_copy(update={"params": {**section.params, **found.get(name, {})}})

    models = {name: section_of(name, section) for name, section in config.models.items()}
    single = None if config.model is None else section_of(config.model.name or config.model.model_type, config.model)
    return config.model_copy(update={"models": models, "model": single})
