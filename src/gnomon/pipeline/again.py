"""A finished run, looked at again: its stages are found done, and only what was asked for is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from gnomon.config.loader import load_config
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
    overrides: Sequence[str] = (),
    until: str | None = None,
    progress: Progress = lambda _text, _fraction: None,
) -> tuple[Outcome, PipelineExecutor]:
    """Runs the plan of a run's own configuration, with `overrides`, against what the workspace has made.

    The trial ledger is asked as it stands now, so tries made since then count. Nothing of the run's folder is changed.
    """
    config = load_config(run.folder / "config.yaml", overrides=overrides)
    opened = Workspace(workspace.resolve(), config)
    plan = make_plan(opened.setup(), pipeline=run.manifest()["pipeline"])

    def watch(stages: dict[str, StageOutcome]) -> None:
        done = sum(stage.status in {"done", "reused", "left out"} for stage in stages.values())
        progress("looking again", done / len(stages))

    with lock(opened.made / "run.lock", f"look again at run {run.id}"):
        executor = PipelineExecutor(plan, opened.products, watch=watch)  # type: ignore[arg-type]
        return executor.run(until=until), executor


def write_published(outcome: Outcome, executor: PipelineExecutor, folder: Path, *, only: str = "") -> list[Path]:
    """Copies the published files whose name begins with `only` into a folder; returns where they are."""
    product = outcome.product(PUBLISHED)
    if product is None:
        raise AssertionError
    return executor.products.copy_out(product, folder, only=only)
