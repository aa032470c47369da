"""What the built-in stages share: a stage is a frozen dataclass over the setup it was planned from."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from gnomon.config.ensembles import ENSEMBLE
from gnomon.config.models import ModelConfig
from gnomon.config.resolved import masked
from gnomon.core.hashing import hash_value
from gnomon.core.registry import Registry
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.base import PipelineStage, Setup


@dataclass(frozen=True)
class BuiltinStage(PipelineStage, ABC):
    """One stage a pipeline, planned from the whole configuration."""

    setup: Setup

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """The one stage."""
        stage = cls(setup)
        stage.prepare()
        return [stage]

    def prepare(self) -> None:
        """Builds the components that the stage will use, so that a wrong name or key is found before any work."""

    def part(self, *keys: str) -> dict[str, Any]:
        """The top-level sections that the stage depends on, plain and with secrets masked."""
        values = masked(self.setup.config)
        return {key: finite(values[key]) for key in keys}


@dataclass(frozen=True)
class CandidateStage(BuiltinStage, ABC):
    """One stage a candidate model."""

    candidate: str

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """A stage for each model of the configuration."""
        stages = [cls(setup, name) for name in setup.config.candidates()]
        for stage in stages:
            stage.prepare()
        return stages


def is_ensemble(section: ModelConfig) -> bool:
    """Whether a candidate is made of others."""
    return section.model_type == ENSEMBLE


def model_modules(section: ModelConfig, *, where: str) -> tuple[str, ...]:
    """The module of a model, whose code is part of a stage's key; of an ensemble, those of its members too."""
    found = {ModelRegistry.models.get(section.model_type, where=f"{where}.model_type").__module__}
    if is_ensemble(section):
        for name, member in section.params["members"].items():
            place = f"{where}.params.members.{name}"
            found |= {ModelRegistry.models.get(member["model_type"], where=f"{place}.model_type").__module__}
        # What fits it, and the learner that stacks.
        meta = str(section.params.get("meta", "logistic_regression"))
        found |= {"gnomon.ensembles.fit", ModelRegistry.models.get(meta, where=f"{where}.params.meta").__module__}
    return tuple(sorted(found))


def module_of(registry: Registry[Any], section: Mapping[str, Any], *, where: str) -> str:
    """The module of a component, whose code is part of the stage's key."""
    return registry.get(section["kind"], where=where).__module__


def finite(value: Any) -> Any:
    """Plain values without infinity or NaN, which canonical JSON does not know: they become their names."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and value - value != 0.0:
        return {"float": repr(value)}
    return value


def fingerprint(*parts: object) -> str:
    """A hash over plain parts."""
    return hash_value([finite(part) for part in parts])
