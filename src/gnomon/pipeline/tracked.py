"""What a finished run leaves outside its folder: model versions in the artifact store, and a run in the tracker.

Both are views. A tracker that fails costs a warning and never the run.
"""

from __future__ import annotations

import math
from typing import Any

from gnomon.config.resolved import masked
from gnomon.core.clock import Clock
from gnomon.pipeline.executor import Outcome, PipelineExecutor
from gnomon.pipeline.keys import EVALUATION, FIT, MODEL, SELECTION
from gnomon.pipeline.runs import Run
from gnomon.pipeline.workspace import Workspace
from gnomon.store.base import ArtifactType, ArtifactVersion
from gnomon.store.registry import ModelVersions
from gnomon.store.tracking import ExperimentTracker


def keep_models(workspace: Workspace, run: Run, outcome: Outcome) -> dict[str, ArtifactVersion]:
    """Puts every trained model of a run into the artifact store; the same bytes keep the version that they have."""
    store, products = workspace.store, workspace.products
    kept = {}
    for name, section in workspace.config.candidates().items():
        product = outcome.product(MODEL.of(name))
        if product is None:
            continue
        artifact = artifact_name(workspace, name)
        tags = {"run": run.id, "stage_digest": product.digest}
        held = [v for v in store.list(name=artifact) if v.tags.get("stage_digest") == product.digest]
        if held:
            kept[name] = held[-1]
            continue
        with products.workbench() as folder:
            products.materialise(product, folder)
            kept[name] = store.put(
                folder / "trained",
                name=artifact,
                kind=ArtifactType.MODEL,
                metadata={"model_type": section.model_type, "run": run.id, "candidate": name},
                tags=tags,
            )
    return kept


def artifact_name(workspace: Workspace, candidate: str) -> str:
    """What a candidate's model is called in the store and the registry."""
    return f"{workspace.config.project}.{candidate}"


def track(
    workspace: Workspace,
    run: Run,
    outcome: Outcome,
    executor: PipelineExecutor,
    models: dict[str, ArtifactVersion],
    *,
    clock: Clock,
) -> list[str]:
    """Writes the run into the experiment tracker and registers its models; returns what went wrong, in words."""
    config = workspace.config
    tracker = ExperimentTracker.from_config(config.tracking, workspace.folder, project=config.project, clock=clock)
    tags = {"gnomon.run": run.id, "gnomon.plan": outcome.plan.digest, "gnomon.pipeline": outcome.plan.pipeline}
    with tracker.run(run.id, params=_settings(workspace), tags=tags) as tracked:
        if outcome.product(SELECTION) is not None:
            tracked.set_tags({"gnomon.chosen": executor.value(SELECTION)["chosen"]})
        for name in config.candidates():
            if outcome.product(EVALUATION.of(name)) is not None:
                evaluation = executor.value(EVALUATION.of(name))
                figures = {**evaluation.metrics, **evaluation.doubt.row()}
                tracked.log_metrics({f"{name}.{k}": v for k, v in figures.items() if math.isfinite(v)})
            if outcome.product(FIT.of(name)) is not None:
                for curve, values in executor.value(FIT.of(name))["curves"].items():
                    tracked.log_curve(f"{name}.{curve}", values)
        for version in models.values():
            tracked.log_artifact(version)
    if tracked.id is not None and not tracker.problems:
        registry = ModelVersions(config.tracking.uri, workspace=workspace.folder, clock=clock)
        for version in models.values():
            registry.register(version.name, version, run_id=tracked.id, tags={"run": run.id})
    return tracker.problems


def _settings(workspace: Workspace) -> dict[str, Any]:
    values = masked(workspace.config)
    chosen = ("seed", "data", "features", "labels", "split", "models", "model", "training", "sizing", "execution")
    return {name: values[name] for name in chosen if values.get(name)}
