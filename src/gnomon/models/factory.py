"""Models by configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.models.base import ModelBase, ModelRegistry

FROM_TRAINING = ("horizon", "early_stopping_rounds", "threads")
"""Settings of the training section that a model takes over where it has them and its params do not say otherwise."""


def build_model(
    config: ModelSection,
    *,
    training: TrainingConfig | None = None,
    seed: int | None = None,
    where: str = "model",
    registry: type[ModelRegistry] = ModelRegistry,
) -> ModelBase:
    """An unfitted model from its config section; ConfigError names what is wrong, at `where`.

    `training` and `seed` fill in what the model's params leave open.

    >>> model = build_model(ModelSection(model_type="lightgbm", params={"rounds": 10}), seed=7)
    >>> model.config.rounds, model.config.seed
    (10, 7)
    """
    fields = registry.models.get(config.model_type, where=f"{where}.model_type").Config.model_fields
    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    if training is not None:
        given |= {name: getattr(training, name) for name in FROM_TRAINING}
        # An ensemble hands the whole section on to its members.
        given["training"] = training
    filled = {name: value for name, value in given.items() if name in fields}
    return registry.create(config.model_type, where=f"{where}.params", **{**filled, **config.params})


class ModelFactory:
    """Makes models by type and name; parameters come from the workspace's configuration and from the call.

    `config_manager` is anything with `get_config(key, default=)`; `model_registry` defaults to `ModelRegistry`.
    """

    def __init__(self, config_manager: Any = None, model_registry: type[ModelRegistry] | None = None) -> None:
        self.config_manager = config_manager
        self.model_registry = model_registry or ModelRegistry

    def create_model(self, *, model_type: str | None = None, model_name: str | None = None, **params: Any) -> ModelBase:
        """An unfitted model. `model_name` finds its section in the configuration; `params` win over the section's."""
        section = self._section(model_type, model_name)
        chosen = model_type or (section.model_type if section else model_name)
        if chosen is None:
            raise ValueError("create_model needs a model_type, or the model_name of a configured model")
        held = section.params if section is not None and section.model_type == chosen else {}
        return self.model_registry.create(chosen, where=model_name or chosen, **{**held, **params})

    def _section(self, model_type: str | None, model_name: str | None) -> ModelSection | None:
        if self.config_manager is None:
            return None
        named: dict[str, ModelSection] = {}
        single = self.config_manager.get_config("model", default=None)
        if single:
            parsed = _parse(single)
            named[parsed.name or parsed.model_type] = parsed
        named |= {
            name: _parse(value)
            for name, value in (self.config_manager.get_config("models", default=None) or {}).items()
        }
        if model_name is not None:
            return named.get(model_name)
        return next((section for section in named.values() if section.model_type == model_type), None)


def _parse(section: ModelSection | Mapping[str, Any]) -> ModelSection:
    return section if isinstance(section, ModelSection) else ModelSection.model_validate(section)
