"""The classes that users bring."""

from __future__ import annotations

from pathlib import Path

import pytest

import gnomon.config
from gnomon.config import ConfigLoader, ConfigManager, ConfigValidator, TrainingConfig
from gnomon.core.errors import ConfigError


def test_the_calls_that_users_already_write(workspace: Path) -> None:
    manager = ConfigManager(
        workspace, environment="research", experiment_config_path=workspace / "experiments" / "wide.yaml"
    )
    training = manager.get_config("training")
    assert isinstance(training, TrainingConfig)
    assert (training.threads, training["threads"]) == (2, 2)
    assert manager.get_config("model.model_type", default="lightgbm") == "lightgbm"
    assert manager.get_config("labels.upper_multiple") == 3.0
    assert manager.config.logging.level == "debug"
    with pytest.raises(ConfigError, match="did you mean 'training'"):
        manager.get_config("trainig")


def test_overrides_reach_the_manager(workspace: Path) -> None:
    assert ConfigManager(workspace, overrides=["seed=3"]).config.seed == 3
    assert ConfigLoader(workspace).load(environment="research").config.training.threads == 2


def test_the_validator_checks_plain_values() -> None:
    checked = ConfigValidator().validate({"data": {"source": {"kind": "csv", "limit": float("inf")}}})
    assert checked.data.source == {"kind": "csv", "limit": float("inf")}
    assert ConfigValidator().validate({}) == ConfigManager().config
    with pytest.raises(ConfigError, match="did you mean 'seed'"):
        ConfigValidator().validate({"sead": 1})
    with pytest.raises(ConfigError, match="plain values"):
        ConfigValidator().validate({"seed": object()})


def test_every_exported_name_is_there() -> None:
    for name in gnomon.config.__all__:
        assert getattr(gnomon.config, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'ConfigManger'"):
        _ = gnomon.config.ConfigManger
