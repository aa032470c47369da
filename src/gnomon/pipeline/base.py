"""What a pipeline is made of: keys, codecs, stages, and the context that a stage runs in.

A stage reads some keys and writes others; it depends on nothing else but its own part of the configuration and its
code, so that what has been computed once under the same three never is computed again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

from gnomon.config.models import PipelineConfig
from gnomon.core.clock import Clock, SystemClock
from gnomon.core.errors import PlanError, unknown
from gnomon.core.registry import Registry

T = TypeVar("T")

Artifact = Any
"""A value under a key: a frame, samples, a trained model. Its type is the key's."""


class Codec(ABC, Generic[T]):
    """How a value is kept in a folder: the same value, the same bytes; what comes back equals what went in."""

    @abstractmethod
    def save(self, value: T, folder: Path) -> None:
        """Writes the value into an empty folder, in data-only formats."""

    @abstractmethod
    def load(self, folder: Path) -> T:
        """Reads what `save` wrote."""

    def as_loaded(self, value: T) -> T:
        """The value as `load` would give it: what a run hands on must not depend on whether it was killed between.

        Codecs whose values come back in another shape (an order of keys) say so here.
        """
        return value

    @abstractmethod
    def check(self, value: object) -> str | None:
        """What is wrong with the value's type or schema, in words; None when nothing is."""


@dataclass(frozen=True)
class Key(Generic[T]):
    """The name of one product of a pipeline, and how it is kept. Two keys of one name are the same key."""

    name: str
    codec: Codec[T] = field(compare=False, repr=False)

    def of(self, part: str) -> Key[T]:
        """The key of one member of a family: `MODEL.of("lightgbm")` is "model.lightgbm"."""
        return Key(f"{self.name}.{part}", self.codec)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What stages are planned from: the whole configuration and the workspace it stands in."""

    config: PipelineConfig
    workspace: Path
    plugins: tuple[Path, ...] = ()
    """The user's own Python files; they are part of every stage's code."""
    clock: Clock = field(default_factory=SystemClock)
    trials: Path | None = None
    """The trial ledger that tries are recorded in; None takes the workspace's."""


class PipelineContext(Mapping[Key[Any], Any]):
    """What a running stage sees: the artifacts that it declared in `reads`, the setup, two folders, progress.

    `scratch` is empty and gone afterwards. `midway` is of the stage's key: what a stage leaves there is there again
    when it starts once more after a kill, until it is done; it must end in the same bytes with it and without.
    Reading an undeclared key is an error: it would not be part of the stage's key.
    """

    def __init__(
        self,
        *,
        setup: Setup,
        load: Callable[[Key[Any]], Any],
        allowed: Sequence[Key[Any]],
        scratch: Path,
        midway: Path,
        report: Callable[[str, float], None] = lambda _text, _fraction: None,
    ) -> None:
        self.setup = setup
        self.report = report
        self.scratch = scratch
        self.midway = midway
        self._load = load
        self._allowed = {key.name: key for key in allowed}

    @property
    def config(self) -> PipelineConfig:
        """The whole configuration; a stage may use the parts that it declared in `config`."""
        return self.setup.config

    def __getitem__(self, key: Key[T]) -> T:
        if key.name not in self._allowed:
            raise PlanError(unknown("input", key.name, self._allowed) + "; add it to the stage's `reads`")
        value: T = self._load(key)
        return value

    def __iter__(self) -> Iterator[Key[Any]]:
        return iter(self._allowed.values())

    def __len__(self) -> int:
        return len(self._allowed)


class PipelineStage(ABC):
    """One step: reads keys, writes keys. Its result depends on its reads, its `config` and its code alone."""

    name: str
    reads: tuple[Key[Any], ...] = ()
    writes: tuple[Key[Any], ...] = ()
    volatile: ClassVar[bool] = False
    """A stage whose result also depends on a record that grows (the trial ledger): asked every time, so it is quick."""

    @property
    @abstractmethod
    def config(self) -> Mapping[str, Any]:
        """The part of the configuration that it depends on, as plain values with secrets masked."""

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules, beside its own, whose code decides the result: the chosen components'."""
        return ()

    @classmethod
    @abstractmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """The stages that the configuration asks for: one, or one for each model. Raises ConfigError early."""

    @abstractmethod
    def run(self, context: PipelineContext) -> Mapping[Key[Any], Artifact]:
        """Does the work and returns a value for every key in `writes`."""


STAGES: Registry[PipelineStage] = Registry("stage")
"""Stages by the name that pipelines list. `@STAGES.register(name="features")` adds one."""

DEFAULT_PIPELINE: tuple[str, ...] = (
    "ingest",
    "check",
    "side_tables",
    "features",
    "labels",
    "samples",
    "split",
    "scaled",
    "train",
    "ensemble",
    "cross_validate",
    "select",
    "forecast",
    "simulate",
    "trials",
    "evaluate",
    "report",
)
"""Bars to a report: what runs where the configuration names no pipeline."""
