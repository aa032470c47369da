"""What a model is: fit, predict, save, load. One file and one config a model; the house works on it as is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from gnomon.core.extras import require
from gnomon.core.registry import Registry
from gnomon.models.search_space import SearchSpace
from gnomon.samples.base import Forecast, Samples

State = Any
"""Recurrent memory or the account, for models that carry one; None for the others."""


class ModelConfig(BaseModel):
    """The base of every model's own config: fields are its YAML, unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    search_space: ClassVar[SearchSpace] = {}
    """What a search may change, by field; a model that can be searched names its own."""
    tuned: ClassVar[Mapping[str, Any]] = {}
    """The fields that a search over real data gave, and the start of the next search."""

    horizon: int | None = None
    """Bars ahead that it forecasts; None takes the first horizon of the samples."""
    seed: int = 0
    """Where its chance comes from; a pipeline gives it the configuration's seed."""


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What a fit did: iterations run, the best one, curves by name (a value an iteration), feature importance."""

    iterations: int = 1
    best_iteration: int | None = None
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()


class Callback(Protocol):
    """Watches a fit. A model calls these; each method may do nothing."""

    def on_fit_start(self, model: ModelBase, train: Samples, valid: Samples | None) -> None:
        """Before the first iteration."""
        ...

    def on_iteration_end(self, model: ModelBase, iteration: int, metrics: Mapping[str, float]) -> bool:
        """After each iteration or epoch (counted from 0); returns True to stop the fit."""
        ...

    def on_fit_end(self, model: ModelBase, report: FitReport) -> None:
        """After the last iteration."""
        ...


class ModelBase(ABC):
    """A model. Made with its config; fitted once; saved in data-only formats, never pickle."""

    Config: ClassVar[type[ModelConfig]] = ModelConfig
    scaled: ClassVar[bool] = True
    """Whether it wants its features scaled; trees do not care, and rules need the values as they are."""
    raw: ClassVar[bool] = False
    """Whether it wants samples as they are, neither scaled nor projected: its members do both for themselves."""
    baseline: ClassVar[bool] = False
    """Whether it is a rule that others have to beat: it need not find what can be found."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Modules that it imports and that come with an extra of the package."""
    extra: ClassVar[str] = ""
    """The extra that brings them."""
    saves_midway: ClassVar[bool] = True
    """Whether a callback may save it while it is fitted."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        if self.needs:
            require(f"the model {type(self).__name__}", self.needs, extra=self.extra)
        self.config = config if config is not None else self.Config()

    @property
    def context(self) -> int:
        """Rows of the same symbol right before a row that its forecast also reads; 0 where each row stands alone."""
        return 0

    @property
    def parameter_count(self) -> int | None:
        """Numbers that a fit has learned; of trees, their leaves. None where the model does not say."""
        return None

    @abstractmethod
    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Sequence[Callback] = ()) -> FitReport:
        """Learns from `train`; `valid` only stops it early. Raises DataError for samples it cannot learn from."""

    @abstractmethod
    def predict(self, samples: Samples, *, state: State | None = None) -> Forecast:
        """A forecast, one row a sample. A row's forecast does not depend on the other rows of the batch."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the model into an existing empty folder: the same model, the same bytes."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; its forecasts are equal to the last bit."""


M = TypeVar("M", bound=type[ModelBase])


class ModelRegistry:
    """Models by name. `@ModelRegistry.register(name="lightgbm", family="boosting")` adds one."""

    models: ClassVar[Registry[ModelBase]] = Registry("model")

    @classmethod
    def register(cls, *, name: str, family: str) -> Callable[[M], M]:
        """Decorator: adds a model class with its family (boosting, classical, neural, ...)."""
        return cls.models.register(name=name, family=family)

    @classmethod
    def create(cls, name: str, *, where: str = "model", **params: Any) -> ModelBase:
        """An unfitted model; `params` are its config. ConfigError names what is wrong and the nearest right key."""
        from gnomon.core.registry import build

        model = cls.models.get(name, where=where)
        return model(build(model.Config, params, where=where))

    @classmethod
    def names(cls) -> list[str]:
        """All registered models."""
        return cls.models.names()
