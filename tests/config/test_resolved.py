"""Masked values, hashes, and values asked for by key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from gnomon.config.loader import load_config
from gnomon.config.models import DataConfig, PipelineConfig
from gnomon.config.resolved import config_hash, lookup, masked, to_yaml
from gnomon.core.errors import ConfigError


def test_the_masked_configuration_is_a_gnomon_yaml_that_means_the_same(workspace: Path, tmp_path: Path) -> None:
    config = load_config(
        workspace,
        overrides=[
            "execution.max_volume_share=.inf",
            "report.title='a $${literal}'",
            "data.end=2010-01-01T10:00:00+02:00",
        ],
    )
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(config))
    assert load_config(again) == config
    assert to_yaml(load_config(again)) == to_yaml(config)
    assert masked(config)["report"]["title"] == "a $${literal}"
    assert masked(config)["data"]["start"] == "2005-01-01T00:00:00+00:00"


def test_the_hash_is_of_the_meaning(workspace: Path) -> None:
    config = load_config(workspace)
    assert config_hash(config) == config_hash(load_config(workspace))
    other = load_config(workspace, overrides=["executor.workers=1"])
    assert config_hash(config) != config_hash(other)
    assert config_hash(config, "data", "labels") == config_hash(other, "data", "labels")
    assert config_hash(config, "data") != config_hash(config, "labels")
    no_limit = load_config(workspace, overrides=["execution.max_gross=.inf"])
    text = load_config(workspace, overrides=["execution.max_gross='inf'"])
    assert config_hash(no_limit) != config_hash(text)
    with pytest.raises(ConfigError, match="did you mean 'labels'"):
        config_hash(config, "lables")


def test_lookup_by_dotted_key() -> None:
    config = PipelineConfig()
    assert lookup(config, "data.source.kind") == "embedded"
    assert lookup(config, "evaluation.benchmarks.0") == "buy_and_hold"
    assert lookup(config, "model", default="none") == "none"
    assert lookup(config, "model.model_type", default=None) is None
    with pytest.raises(ConfigError, match="unknown key 'thread' at training; did you mean 'threads'"):
        lookup(config, "training.thread")
    with pytest.raises(ConfigError, match="unknown key 'x' at seed"):
        lookup(config, "seed.x")


def test_only_plain_values_can_be_shown() -> None:
    class Odd(BaseModel):
        value: object = None
        word: SecretStr = SecretStr("hunter2hunter2")

    assert masked(Odd()) == {"value": None, "word": "**********"}
    assert masked(Odd(value=(1, 2)))["value"] == [1, 2]
    with pytest.raises(ConfigError, match="plain values, not object"):
        masked(Odd(value=object()))


def test_sections_answer_like_mappings() -> None:
    assert DataConfig()["cache"] is True
    with pytest.raises(KeyError):
        DataConfig()["cash"]
