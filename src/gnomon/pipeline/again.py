"""A finished run, looked at again: its stages are found done, and only what was asked for is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gnomon.config.loader import load_config
from gnomon.core.errors import PlanError
from gnomon.pipeline.base import Key
from gnomon.pipeline.executor import Outcome, PipelineExecutor, StageOutcome
from gnomon.pipeline.plan import make_plan
from gnomon.pipeline.published import PUBLISHED
from gnomon.pipeline.runs import Run
from gnomon.pipeline.workspace import Workspace
from gnomon.store.locks import lock

Progress = Callable[[str, float], None]


def look_again(
    run: Run,
    workspace: Path,
    *,
    key: Key[Any],
    overrides: Sequence[str] = (),
    progress: Progress = lambda _text, _fraction: None,
) -> tuple[Outcome, PipelineExecutor]:
    """Runs the plan of a run's own configuration, with `overrides`, as far as `key` needs it.

    What the workspace has made is not made again. The trial ledger is asked as it stands now, so tries made since then
    count. Nothing of the run's folder is changed. Raises PlanError where no stage of the run's pipeline writes the key.
    """
    config = load_config(run.folder / "config.yaml", overrides=overrides)
    opened = Workspace(workspace.resolve(), config)
    plan = make_plan(opened.setup(), pipeline=run.manifest()["pipeline"])
    writer = plan.writer(key)
    if writer is None:
        raise PlanError(
            f"pipeline {plan.pipeline!r} of run {run.id} has no stage that makes {key.name!r}; "
            f"add one to pipelines.{plan.pipeline} and run it again"
        )

    def watch(stages: dict[str, StageOutcome]) -> None:
        done = sum(stage.status in {"done", "reused", "left out"} for stage in stages.values())
        progress("looking again", done / len(stages))

    with lock(opened.made / "run.lock", f"look again at run {run.id}"):
        executor = PipelineExecutor(plan, opened.products, watch=watch)  # type: ignore[arg-type]
        return executor.run(until=writer.name), executor


def write_published(outcome: Outcome, executor: PipelineExecutor, folder: Path, *, only: str = "") -> list[Path]:
    """Copies the published files whose name begins with `only` into a folder; returns where they are."""
    product = outcome.product(PUBLISHED)
    if product is None:
        raise AssertionError
    return executor.products.copy_out(product, folder, only=only)
