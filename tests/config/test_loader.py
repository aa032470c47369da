"""Layers, their merge, variables, and where each value came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.config import yaml
from gnomon.config.loader import layers, load, load_config, merge, override, resolve
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError


def tree(values: dict[str, Any]) -> yaml.Mapping:
    node = yaml.parse(yaml.dump(values) if values else "{}")
    assert isinstance(node, yaml.Mapping)
    return node


def test_later_layers_win(workspace: Path) -> None:
    base = load_config(workspace)
    assert (base.seed, base.training.threads, base.logging.level) == (7, 1, "info")
    research = load_config(workspace, environment="research")
    assert (research.training.threads, research.logging.level) == (2, "debug")
    wide = load_config(workspace, environment="research", experiment="wide", overrides=["training.threads=3", "seed=1"])
    assert (wide.labels["upper_multiple"], wide.training.threads, wide.seed) == (3.0, 3, 1)
    assert wide.report.formats == ["pdf"], "lists are replaced"
    assert wide.labels["horizons"] == [5, 10], "sections are merged"


def test_another_kind_starts_its_section_anew(workspace: Path) -> None:
    assert load_config(workspace, experiment="other_labels").labels == {"kind": "horizon", "bars": 5}
    changed = load_config(workspace, overrides=["models.first.model_type=linear"]).models["first"]
    assert changed.params == {}


def test_every_value_knows_its_layer(workspace: Path) -> None:
    loaded = load(workspace, environment="research", experiment="wide", overrides=["executor.workers=1"])
    origin = {key: mark.layer for key, mark in loaded.provenance.items()}
    assert origin["data.source.path"] == "base"
    assert origin["training.threads"] == "environment research"
    assert origin["labels.upper_multiple"] == "experiment wide"
    assert origin["executor.workers"] == "--set"
    assert load().provenance["data.source.kind"].layer == "defaults"
    assert str(loaded.provenance["data.source.path"]) == f"{workspace}/gnomon.yaml:10:11"


def test_the_defaults_alone_are_a_configuration() -> None:
    assert load_config() == PipelineConfig()


def test_a_file_stands_for_its_folder(workspace: Path) -> None:
    assert load_config(workspace / "gnomon.yaml", experiment="wide") == load_config(workspace, experiment="wide")
    by_path = load_config(workspace, experiment="experiments/wide.yaml")
    assert by_path == load_config(workspace, experiment=str(workspace / "experiments/wide.yaml"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"environment": "reserch"}, "did you mean 'research'"),
        ({"experiment": "nowhere.yaml"}, "no experiment file nowhere.yaml"),
        ({"overrides": ["seed"]}, "not of the form a.b=value"),
        ({"overrides": ["a..b=1"]}, "not of the form a.b=value"),
        ({"overrides": ["=1"]}, "not of the form a.b=value"),
        ({"overrides": ["s\u0435ed=1"]}, "looks like a letter of 'seed'"),
        ({"overrides": ["training.threds=1"]}, "--set training.threds: unknown key 'threds'"),
        ({"overrides": ["seed=[1"]}, "--set seed:1"),
        ({"overrides": ["data="]}, "data is empty"),
    ],
)
def test_wrong_names_get_a_word(workspace: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(workspace, **arguments)
    assert message in str(error.value)


def test_a_missing_workspace_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gnomon init"):
        load_config(tmp_path)
    with pytest.raises(ConfigError, match="needs a workspace"):
        load_config(experiment="wide")


def test_a_file_that_is_no_section_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gnomon.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match=r"gnomon.yaml:1:1: a configuration is a section"):
        load_config(tmp_path)
    (tmp_path / "gnomon.yaml").write_text("")
    assert load_config(tmp_path) == PipelineConfig()


def test_variables_are_filled_in_after_the_merge(workspace: Path) -> None:
    (workspace / "gnomon.yaml").write_text(
        "project: ${TEAM}-${DESK:-rates}\nseed: ${SEED}\nreport: {title: 'cost $${x} ${SEED}'}\n"
        "training: {threads: '${SEED}'}\nexecutor:\n  workers: ${NEVER_SET}\n"
    )
    there = {"TEAM": "alpha", "SEED": "12", "DESK": ""}
    loaded = load_config(workspace, overrides=["executor.workers=1", "training.threads=1"], variables=there)
    assert (loaded.project, loaded.seed) == ("alpha-rates", 12)
    assert loaded.report.title == "cost ${x} 12"
    with pytest.raises(
        ConfigError, match=r"gnomon.yaml:6:\d+: executor.workers needs the environment variable NEVER_SET"
    ):
        load_config(workspace, overrides=["training.threads=1"], variables=there)
    with pytest.raises(ConfigError, match=r"training.threads = \$\{SEED\}: must be a whole number"):
        load_config(workspace, overrides=["executor.workers=1"], variables=there)


@pytest.mark.parametrize("text", ["${", "${}", "${a b}", "${A:-${B}}", "x ${1A}"])
def test_a_broken_reference_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="names no variable"):
        load_config(overrides=[f"project='{text}'"], variables={"A": "", "B": "1"})


def test_a_number_from_outside_with_two_meanings_is_refused_without_its_value() -> None:
    with pytest.raises(ConfigError) as error:
        load_config(overrides=["seed=${N}"], variables={"N": "0123456"})
    assert "0123456" not in str(error.value)


def test_an_override_may_quote_a_key_with_a_dot() -> None:
    found = yaml.plain(override('features.params."a.b".window=3'))
    assert found == {"features": {"params": {"a.b": {"window": 3}}}}


SECTIONS = st.recursive(
    st.integers(-9, 9) | st.text("xyz") | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "kind"]), inner, max_size=3),
    max_leaves=8,
)
TREES = st.dictionaries(st.sampled_from(["a", "b", "c"]), SECTIONS, max_size=3)


def merged(under: Any, over: Any) -> Any:
    """The slow twin, on bare values."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    if "kind" in under and "kind" in over and under["kind"] != over["kind"]:
        return over
    return {
        key: merged(under[key], over[key]) if key in under and key in over else {**under, **over}[key]
        for key in under | over
    }


@given(TREES, TREES)
def test_the_merge_is_the_merge_of_bare_values(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert yaml.plain(merge(tree(a), tree(b))) == merged(a, b)


@given(TREES, TREES)
def test_the_merge_laws(a: dict[str, Any], b: dict[str, Any]) -> None:
    one, two, empty = tree(a), tree(b), tree({})
    assert merge(one, empty).entries == one.entries
    assert merge(empty, one).entries == one.entries
    assert yaml.plain(merge(one, one)) == a
    assert yaml.plain(merge(merge(one, two), two)) == yaml.plain(merge(one, two))


def test_layers_can_be_resolved_one_by_one(workspace: Path) -> None:
    found = layers(workspace, experiment="wide")
    assert [layer.mark.layer for layer in found] == ["defaults", "base", "experiment wide"]
    assert resolve(found).config == load_config(workspace, experiment="wide")
