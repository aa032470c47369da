"""Component sections are found, and their faults are told with file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gnomon.config.components import check_components, component_sections, locate
from gnomon.config.loader import load, load_config
from gnomon.core.errors import ConfigError, PlanError

Builders = dict[str, Callable[..., object]]


def test_every_component_of_a_configuration_is_found(workspace: Path) -> None:
    config = load_config(
        workspace,
        overrides=[
            "data.repair=[{kind: clip}]",
            "guardrails=[{kind: stop}, {kind: limit}]",
            "data.side_tables.vix={source: {kind: file, path: x}}",
            "data.actions={kind: file, path: y}",
            "model={model_type: tree}",
            "compare.labels.other={kind: barrier}",
        ],
    )
    found = {(section.registry, ".".join(map(str, section.path))) for section in component_sections(config)}
    assert found == {
        ("data source", "data.source"),
        ("repair", "data.repair.0"),
        ("side table", "data.side_tables.vix.source"),
        ("side table", "data.actions"),
        ("labeler", "labels"),
        ("splitter", "split"),
        ("selection rule", "selection.rule"),
        ("selection rule", "compare.rule"),
        ("labeler", "compare.labels.other"),
        ("model", "model"),
        ("model", "models.first"),
        ("sizer", "sizing"),
        ("guardrail", "guardrails.0"),
        ("guardrail", "guardrails.1"),
        ("execution", "execution"),
    }


def test_a_right_configuration_passes(workspace: Path, builders: Builders) -> None:
    check_components(load(workspace), builders)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "labels.horizns=[1]",
            "--set labels.horizns: unknown key 'horizns' at labels.horizns; did you mean 'horizons'?",
        ),
        ("labels.horizons=[0]", "--set labels.horizons: labels = "),
        ("labels.horizons=[1, x]", "--set labels.horizons:1:5: labels.horizons.1 = 'x'"),
        ("models.first.model_type=treee", "did you mean 'tree'?"),
        ("models.first.params.num_leafs=1", "did you mean 'num_leaves'?"),
        ("execution.fee_bps='1'", "execution.fee_bps = '1': should be a number"),
        ("execution.long_only=no", "execution.long_only = 'no': should be a number or true or false"),
        ("execution.latency_bars=true", "execution.latency_bars = True: should be a number"),
        ("sizing.kind=fixd", "did you mean 'fixed'?"),
    ],
)
def test_a_fault_is_told_with_its_place(workspace: Path, builders: Builders, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_components(load(workspace, overrides=[override]), builders)
    assert message in str(error.value)


def test_all_faults_are_told_at_once(workspace: Path, builders: Builders) -> None:
    with pytest.raises(ConfigError) as error:
        check_components(load(workspace, overrides=["labels.x=1", "sizing.y=1", "execution.z=1"]), builders)
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("unknown feature 'x' at features.include; did you mean features.exclude?", "2:12"),
        ("labels = {'horizons': [0]}: horizons must be 1 or more", "3:1"),
        ("labels.horizons[1] = 'x': must be a whole number", "3:46"),
        ("unknown key 'windw' at features.params.rsi.windw; did you mean 'window'?", "2:41"),
        ("training.horizon = 7 is not one of labels.horizons", "1:1"),
        ("stage 'labels' reads 'bars', which no stage writes", None),
    ],
)
def test_a_fault_is_told_with_the_place_of_the_first_key_that_it_names(
    tmp_path: Path, fault: str, place: str | None
) -> None:
    (tmp_path / "gnomon.yaml").write_text(
        "training: {threads: 2}\nfeatures: {include: [a], params: {rsi: {windw: 3}}}\n"
        "labels: {kind: triple_barrier, horizons: [5, 6]}\n"
    )
    found = locate(PlanError(f"{fault}\n{fault}"), load(tmp_path))
    assert isinstance(found, PlanError), "the kind of error stays"
    line = fault if place is None else f"{tmp_path / 'gnomon.yaml'}:{place}: {fault}"
    assert str(found).splitlines() == [line, line]
