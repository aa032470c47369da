"""`ModelPipeline`: a workspace's pipeline as one call, and the context that it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from gnomon.config.manager import ConfigManager
from gnomon.config.resolved import to_yaml
from gnomon.core.clock import Clock, SystemClock
from gnomon.core.errors import DataError, GnomonError
from gnomon.core.files import atomic_path, write_atomic
from gnomon.core.logging import bound, configure_logging, get_logger
from gnomon.pipeline.base import Key
from gnomon.pipeline.executor import Outcome, PipelineExecutor, StageOutcome
from gnomon.pipeline.keys import SOURCE
from gnomon.pipeline.plan import Plan
from gnomon.pipeline.runs import CONFIG, Run, publish, restore_state, write_state
from gnomon.pipeline.summary import summarise
from gnomon.pipeline.workspace import Workspace, open_workspace
from gnomon.store.locks import lock

T = TypeVar("T")
Progress = Callable[[str, float], None]
log = get_logger(__name__)


class RunContext:
    """A finished run: its folder, its values, and facts about it by name."""

    def __init__(self, run: Run, outcome: Outcome, executor: PipelineExecutor, metadata: Mapping[str, Any]) -> None:
        self.run = run
        self.outcome = outcome
        self._executor = executor
        self._metadata = dict(metadata)

    def get_metadata(self, name: str, default: Any = None) -> Any:
        """A fact about the run: pipeline_status, pipeline_name, run_id, run_folder, stages, source.

        pipeline_status is "completed", or "partial" where `until` left stages out.
        """
        return self._metadata.get(name, default)

    def value(self, key: Key[T]) -> T:
        """What a stage made, by its key (`gnomon.pipeline.keys`)."""
        return self._executor.value(key)

    def summary(self) -> dict[str, Any]:
        """The run in a few plain values: status, folder, reports, the candidates and the verdict."""
        return summarise(self.run, self.outcome)


class ModelPipeline:
    """Runs a named pipeline of a workspace.

    >>> ModelPipeline(pipeline_name="default", config_manager=manager).run()  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        pipeline_name: str | None = None,
        config_manager: ConfigManager | None = None,
        workspace: Workspace | Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(workspace, Workspace):
            self.workspace = workspace
        elif config_manager is not None:
            self.workspace = Workspace(Path(config_manager.config_dir or ".").resolve(), config_manager.config)
        else:
            self.workspace = open_workspace(workspace or Path())
        self.pipeline_name = pipeline_name
        self.clock = clock or SystemClock()

    @cached_property
    def plan(self) -> Plan:
        """The plan, checked. Raises ConfigError or PlanError before any work."""
        return self.workspace.plan(self.pipeline_name)

    def run(
        self,
        *,
        until: str | None = None,
        again_from: str | None = None,
        progress: Progress = lambda _text, _fraction: None,
    ) -> RunContext:
        """Runs what is not done yet. What fails is written into the run's state and raised; what was done stays done.

        Raises LockedError, which names the owner, when another process runs in this workspace.
        """
        workspace = self.workspace
        settings = workspace.config.logging
        configure_logging(
            level=settings.level,
            terminal=settings.terminal,
            format=settings.format,
            file=workspace.folder / settings.file if settings.file else None,
            max_bytes=settings.max_bytes,
            backups=settings.backups,
            clock=self.clock,
        )
        plan = self.plan
        for name in (until, again_from):
            if name is not None:
                # A stage that is not there is told before anything is noted as begun.
                plan.following(name)
        with (
            lock(workspace.made / "run.lock", f"gnomon run {plan.run_id}"),
            bound(run_id=plan.run_id),
        ):
            return self._locked(plan, until, again_from, progress)

    def _locked(self, plan: Plan, until: str | None, again_from: str | None, progress: Progress) -> RunContext:
        workspace = self.workspace
        products = workspace.products
        run = workspace.runs.open(plan.run_id)
        before = run.state()
        started = self.clock.now()
        shown: dict[str, StageOutcome] = {}
        statuses: dict[str, str] = {}

        def watch(stages: Mapping[str, StageOutcome]) -> None:
            shown.update(stages)
            now = {name: stage.status for name, stage in stages.items()}
            if now != statuses:
                statuses.update(now)
                self._note(run, "running", started, stages)
            progress(*_progress(stages))

        config_yaml = to_yaml(workspace.config)
        if not (run.folder / CONFIG).exists():
            write_atomic(run.folder / CONFIG, config_yaml.encode())
        executor = PipelineExecutor(plan, products, watch=watch)
        log.info("run started", pipeline=plan.pipeline, stages=len(plan.stages))
        try:
            outcome = executor.run(until=until, again_from=again_from)
        except BaseException as error:
            self._note(run, "failed", started, shown, error=f"{type(error).__name__}: {error}")
            if isinstance(error, DataError) and error.rows is not None and len(error.rows):
                _keep_rows(run, error)
            if isinstance(error, GnomonError):
                # For the log file: whoever called is told by the exception, and a terminal not twice.
                log.info("run failed", error=str(error))
            raise
        if outcome.whole:
            status = "completed"
            publish(run, outcome, products, config_yaml=config_yaml)
            facts = self._keep(run, before, outcome, executor)
            self._note(run, status, started, outcome.stages, facts=facts)
        elif before.get("status") == "completed":
            # The whole run stands: its plan is this one, so these stages made nothing else.
            status = "partial"
            restore_state(run, before)
        else:
            status = "partial"
            self._note(run, status, started, outcome.stages)
        log.info("run ended", status=status, computed=len(outcome.computed))
        metadata = {
            "pipeline_status": status,
            "pipeline_name": plan.pipeline,
            "run_id": plan.run_id,
            "run_folder": run.folder,
            "stages": {name: stage.status for name, stage in outcome.stages.items()},
        }
        if outcome.product(SOURCE) is not None:
            metadata["source"] = executor.value(SOURCE)
        return RunContext(run, outcome, executor, metadata)

    def _keep(
        self, run: Run, before: Mapping[str, Any], outcome: Outcome, executor: PipelineExecutor
    ) -> dict[str, Any]:
        """Model versions, the tracker's run and the ledger's head; what an unchanged run has noted before stays."""
        workspace = self.workspace
        volatile = {planned.name for planned in outcome.plan.stages if planned.stage.volatile}
        if before.get("status") == "completed" and before.get("facts") and set(outcome.computed) <= volatile:
            return dict(before["facts"])
        from gnomon.pipeline.tracked import keep_models, track

        models = keep_models(workspace, run, outcome)
        head = workspace.trials.head
        facts: dict[str, Any] = {
            "models": {name: f"{version.name}:{version.version}" for name, version in models.items()},
            "trial_head": {"count": head.count, "hash": head.hash},
        }
        if workspace.config.tracking.enabled:
            facts["tracking_problems"] = track(workspace, run, outcome, executor, models, clock=self.clock)
        return facts

    def _note(
        self,
        run: Run,
        status: str,
        started: datetime,
        stages: Mapping[str, StageOutcome],
        *,
        error: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        now = self.clock.now()
        write_state(run, status=status, started_at=started, now=now, stages=stages, error=error, facts=facts or {})


def _keep_rows(run: Run, error: DataError) -> None:
    """Writes the rows that were refused beside the run, so that a person can look at all of them."""
    rows = error.rows
    if rows is None:
        raise AssertionError
    path = run.folder / "refused_rows.parquet"
    with atomic_path(path) as temporary:
        rows.write_parquet(temporary)
    error.add_note(f"the rows are in {path}")


def _progress(stages: Mapping[str, StageOutcome]) -> tuple[str, float]:
    counted = [stage for stage in stages.values() if stage.status != "left out"]
    running = {name: stage for name, stage in stages.items() if stage.status == "running"}
    done = sum(stage.status in {"done", "reused"} for stage in counted)
    part = sum(stage.fraction for stage in running.values())
    between = "done" if done == len(counted) else "going on"
    text = ", ".join(f"{name} {stage.text}".strip() for name, stage in running.items()) or between
    return text, (done + part) / max(len(counted), 1)


def run(
    workspace: Path | str = ".",
    *,
    pipeline: str | None = None,
    environment: str | None = None,
    experiment: str | None = None,
    overrides: Sequence[str] = (),
) -> RunContext:
    """Runs a workspace's pipeline, as `gnomon run` does; what is done already is not done again."""
    opened = open_workspace(Path(workspace), environment=environment, experiment=experiment, overrides=overrides)
    return ModelPipeline(pipeline_name=pipeline, workspace=opened).run()
