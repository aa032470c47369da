"""The plan: which stages run, in which order, checked before any work starts."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gnomon.config.models import StageConfig
from gnomon.core.errors import PlanError, unknown
from gnomon.core.hashing import hash_value
from gnomon.pipeline.base import DEFAULT_PIPELINE, STAGES, Key, PipelineStage, Setup
from gnomon.pipeline.code import code_hash


@dataclass(frozen=True)
class PlannedStage:
    """A stage with what the plan knows of it before it runs."""

    stage: PipelineStage
    group: str
    """The name under which the pipeline lists it: "train" for "train.lightgbm"."""
    retries: int
    code: str

    @property
    def name(self) -> str:
        """The stage's own name."""
        return self.stage.name

    def static_key(self) -> str:
        """Hash of what is known before any input: its name, its part of the config, its code."""
        return self._static_key

    @cached_property
    def _static_key(self) -> str:
        # Asked for by the plan and again by the executor; an ingest stage hashes its source's files for it.
        return hash_value({"stage": self.name, "config": self.stage.config, "code": self.code})


@dataclass(frozen=True)
class Plan:
    """Stages in an order in which every read has been written."""

    pipeline: str
    setup: Setup
    stages: tuple[PlannedStage, ...]

    @cached_property
    def digest(self) -> str:
        """Hash of the whole plan: the same configuration, code and source data, the same digest."""
        return hash_value({"pipeline": self.pipeline, "stages": [stage.static_key() for stage in self.stages]})

    @property
    def run_id(self) -> str:
        """The run's name. A run that was killed and one started again are the same run."""
        return f"{self.pipeline}-{self.digest[:10]}"

    def writer(self, key: Key[Any]) -> PlannedStage | None:
        """The stage that writes a key."""
        return next((planned for planned in self.stages if key in planned.stage.writes), None)

    def until(self, name: str) -> frozenset[str]:
        """Names of the stages needed for `name` (a stage or a group), itself included."""
        wanted = [planned for planned in self.stages if name in (planned.name, planned.group)]
        if not wanted:
            raise PlanError(unknown("stage", name, {p.group for p in self.stages} | {p.name for p in self.stages}))
        needed: set[str] = set()
        while wanted:
            planned = wanted.pop()
            if planned.name not in needed:
                needed.add(planned.name)
                wanted.extend(w for key in planned.stage.reads if (w := self.writer(key)) is not None)
        return frozenset(needed)

    def following(self, name: str) -> frozenset[str]:
        """Names of the stages that depend on `name` (a stage or a group), itself included."""
        after = {planned.name for planned in self.stages if name in (planned.name, planned.group)}
        if not after:
            raise PlanError(unknown("stage", name, {p.group for p in self.stages} | {p.name for p in self.stages}))
        for planned in self.stages:
            writers = {w.name for key in planned.stage.reads if (w := self.writer(key)) is not None}
            if writers & after:
                after.add(planned.name)
        return frozenset(after)


def make_plan(setup: Setup, *, pipeline: str | None = None) -> Plan:
    """Plans the named pipeline (default: the configuration's) and checks it whole.

    Raises PlanError or ConfigError that names an unknown pipeline, stage, component or key, a read that nothing writes,
    a key that two stages write, or stages that wait for each other.
    """
    # They register themselves; imported here because they stand on modules that stand on this one.
    importlib.import_module("gnomon.pipeline.stages")
    config = setup.config
    name = pipeline or config.pipeline
    pipelines: dict[str, Sequence[str | StageConfig]] = {"default": DEFAULT_PIPELINE, **config.pipelines}
    if name not in pipelines:
        raise PlanError(unknown("pipeline", name, pipelines, where="pipeline"))
    planned: list[PlannedStage] = []
    for number, entry in enumerate(pipelines[name]):
        wanted = entry if isinstance(entry, StageConfig) else StageConfig(stage=entry)
        stage_type = STAGES.get(wanted.stage, where=f"pipelines.{name}[{number}]")
        retries = config.executor.retries if wanted.retries is None else wanted.retries
        for stage in stage_type.plan(setup):
            code = code_hash((type(stage).__module__, *stage.modules), setup.plugins)
            planned.append(PlannedStage(stage, wanted.stage, retries, code))
    return Plan(name, setup, _ordered(planned, name))


def _ordered(planned: Sequence[PlannedStage], pipeline: str) -> tuple[PlannedStage, ...]:
    names = [stage.name for stage in planned]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PlanError(f"pipeline {pipeline!r} lists stage {twice!r} twice; remove one")
    writer: dict[str, str] = {}
    for stage in planned:
        for key in stage.stage.writes:
            if key.name in writer:
                raise PlanError(f"stages {writer[key.name]!r} and {stage.name!r} both write {key.name!r}; remove one")
            writer[key.name] = stage.name
    for stage in planned:
        for key in stage.stage.reads:
            if key.name not in writer:
                raise PlanError(
                    f"stage {stage.name!r} reads {key.name!r}, which no stage of pipeline {pipeline!r} writes; "
                    f"add the stage that writes it"
                )
    ordered: list[PlannedStage] = []
    done: set[str] = set()
    waiting = list(planned)
    while waiting:
        ready = [stage for stage in waiting if all(key.name in done for key in stage.stage.reads)]
        if not ready:
            raise PlanError(
                f"stages wait for each other in pipeline {pipeline!r}: {', '.join(s.name for s in waiting)}"
            )
        ordered.extend(ready)
        done.update(key.name for stage in ready for key in stage.stage.writes)
        waiting = [stage for stage in waiting if stage not in ready]
    return tuple(ordered)
