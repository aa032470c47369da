"""A search in a workspace: its plug-ins are loaded, its record is kept, and what was found is written down."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gnomon.config.components import locate
from gnomon.config.manager import ConfigManager
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError
from gnomon.core.files import write_atomic
from gnomon.execution.guardrails import GUARDRAILS
from gnomon.execution.sizing import SIZERS
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.code import code_hash
from gnomon.pipeline.stages.base import module_of
from gnomon.pipeline.workspace import open_workspace
from gnomon.reporting.html import to_html
from gnomon.reporting.search import search_document, to_yaml
from gnomon.training.engine import TrainingEngine
from gnomon.training.search.base import SearchResult
from gnomon.training.search.campaign import Progress
from gnomon.training.search.optimizer import HPOptimizer


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What a search found, and the files that say so, by name."""

    result: SearchResult
    files: dict[str, Path]
    yaml: str
    """The best settings as they go into gnomon.yaml."""


def tune(
    folder: Path,
    model: str | None = None,
    *,
    environment: str | None = None,
    experiment: str | None = None,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
) -> Tuned:
    """Searches for a model's settings as the workspace's section `search` says, or goes on with such a search.

    Writes `trials.parquet`, `best.yaml` and `search.html` beside the record, in `.gnomon/search/STUDY`. Another version
    of the code that decides a score begins another study. Raises what `HPOptimizer.optimize` raises.
    """
    workspace = open_workspace(folder, environment=environment, experiment=experiment, overrides=overrides)
    manager = ConfigManager(workspace.folder, environment, experiment, overrides)
    engine = TrainingEngine(config_manager=manager)
    optimizer = HPOptimizer(engine, manager)
    try:
        setup = workspace.setup()
        section = engine.model_section(model)
        if section.init_from is not None:
            raise ConfigError(
                f"{model or section.model_type} begins with the weights of another model (init_from), whose shape a "
                "search would change; search without init_from, and name it in the run"
            )
        modules = search_modules(workspace.config, section.model_type)
        result = optimizer.optimize(model_type=model, progress=progress, code=code_hash(modules, setup.plugins))
    except ConfigError as error:
        if workspace.loaded is None:
            raise
        raise locate(error, workspace.loaded) from None
    assert optimizer.folder is not None
    text = to_yaml(result)
    table = io.BytesIO()
    result.trials.write_parquet(table)
    made = {
        "trials.parquet": table.getvalue(),
        "best.yaml": text.encode(),
        "search.html": to_html(search_document(result)).encode(),
    }
    files = {name: optimizer.folder / result.study / name for name in made}
    for name, path in files.items():
        write_atomic(path, made[name])
    return Tuned(result=result, files=files, yaml=text)


def search_modules(config: PipelineConfig, model_type: str) -> list[str]:
    """What decides a score beside the settings: preparing, folds, fits, trading, and the plug-ins of the sections."""
    return [
        "gnomon.training.engine",
        "gnomon.training.search.evaluate",
        ModelRegistry.models.get(model_type, where="model_type").__module__,
        module_of(SIZERS, config.sizing, where="sizing"),
        *(module_of(GUARDRAILS, g, where=f"guardrails[{i}]") for i, g in enumerate(config.guardrails)),
    ]
