"""The names that users bring: ConfigLoader, ConfigValidator and ConfigManager, over the functions of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from gnomon.config import yaml
from gnomon.config.loader import LoadedConfig, load, resolve
from gnomon.config.models import PipelineConfig
from gnomon.config.resolved import lookup
from gnomon.core.errors import ConfigError

_NO_DEFAULT = object()


@dataclass(frozen=True)
class ConfigLoader:
    """Reads the layers of one workspace.

    >>> ConfigLoader().load(overrides=["seed=3"]).config.seed
    3
    """

    workspace: Path | str | None = None

    def load(
        self, *, environment: str | None = None, experiment: str | None = None, overrides: Sequence[str] = ()
    ) -> LoadedConfig:
        """The configuration and the origin of each value; ConfigError for anything wrong."""
        return load(self.workspace, environment=environment, experiment=experiment, overrides=overrides)


class ConfigValidator:
    """Checks values that come from Python, a notebook or an HTTP body, by the rules that files are checked by."""

    def validate(self, values: Mapping[str, Any]) -> PipelineConfig:
        """The checked configuration.

        >>> ConfigValidator().validate({"training": {"threds": 2}})
        Traceback (most recent call last):
            ...
        gnomon.core.errors.ConfigError: <values>:2:3: unknown key 'threds' at training.threds; did you mean 'threads'?
        """
        try:
            text = yaml.dump(dict(values))
        except TypeError as error:
            raise ConfigError(f"<values>: {error}") from None
        node = yaml.parse(text, file="<values>", layer="values")
        return resolve(
            [node if isinstance(node, yaml.Mapping) else yaml.Mapping({}, {}, yaml.Mark("values", ""))]
        ).config


class ConfigManager:
    """One resolved configuration, asked by dotted keys."""

    def __init__(
        self,
        config_dir: Path | str | None = None,
        environment: str | None = None,
        experiment_config_path: Path | str | None = None,
        overrides: Sequence[str] = (),
    ) -> None:
        self.config_dir = None if config_dir is None else Path(config_dir)
        self.environment = environment
        self.experiment = None if experiment_config_path is None else str(experiment_config_path)
        self.overrides = tuple(overrides)
        self._given: PipelineConfig | None = None

    @classmethod
    def of(cls, config: PipelineConfig, *, config_dir: Path | str | None = None) -> ConfigManager:
        """One that answers for a configuration that stands already; nothing is read.

        >>> ConfigManager.of(PipelineConfig(seed=3)).get_config("seed")
        3
        """
        manager = cls(config_dir)
        manager._given = config
        return manager

    @cached_property
    def loaded(self) -> LoadedConfig:
        """The configuration with its origins, read when it is first asked for."""
        return ConfigLoader(self.config_dir).load(
            environment=self.environment, experiment=self.experiment, overrides=self.overrides
        )

    @property
    def config(self) -> PipelineConfig:
        """The whole configuration."""
        return self.loaded.config if self._given is None else self._given

    def get_config(self, key: str, default: Any = _NO_DEFAULT) -> Any:
        """The section or value at a dotted key, `default` where it is absent or null.

        ConfigError names the nearest key when there is none and no default.

        >>> ConfigManager().get_config("training").threads
        1
        >>> ConfigManager().get_config("model.model_type", default="lightgbm")
        'lightgbm'
        """
        if default is _NO_DEFAULT:
            return lookup(self.config, key)
        return lookup(self.config, key, default=default)
