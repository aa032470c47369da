"""A wrong value is refused with file, line, key, value and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.config.loader import load_config
from gnomon.config.validation import dotted, every_path, known_keys, suggestion
from gnomon.core.errors import ConfigError, nearest

ALL = sorted({path for path in every_path() if "*" not in path})


def refused(workspace: Path, text: str) -> str:
    (workspace / "gnomon.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(workspace)
    return str(error.value).replace(str(workspace), "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "training:\n  threds: 2\n",
            "/gnomon.yaml:2:3: unknown key 'threds' at training.threds; did you mean 'threads'?",
        ),
        ("trainin: {}\n", "did you mean 'training'?"),
        ("max_drawdown: 0.1\n", "did you mean evaluation.thresholds.max_drawdown?"),
        ("training: {threads: two}\n", "/gnomon.yaml:1:12: training.threads = 'two': must be a whole number"),
        ("tracking: {enabled: no}\n", "tracking.enabled = 'no': must be true or false"),
        ("seed: 1.5\n", "seed = 1.5: must be a whole number"),
        ("seed: true\n", "seed = true: must be a whole number"),
        ("seed: -1\n", "seed = -1: should be greater than or equal to 0"),
        ("project: 3\n", "project = 3: must be text; quote it"),
        ("report: {formats: html}\n", "report.formats = 'html': must be a list"),
        ("report: {formats: [html, doc]}\n", "report.formats[1] = 'doc': should be 'html', 'md' or 'pdf'"),
        ("evaluation: {significance: .inf}\n", "evaluation.significance = inf: should be a finite number"),
        ("data:\n", "/gnomon.yaml:1:1: data is empty; give it entries or remove the key"),
        ("data: {start: soon}\n", "data.start = 'soon': is not a moment; write 2020-01-31"),
        (
            "data:\n  end: 2020-01-01\n  start: 2021-01-01\n",
            "/gnomon.yaml:2:3: data.end = '2020-01-01': must be later than data.start, 2021-01-01",
        ),
        ("data: {symbols: []}\n", "data.symbols = a list of 0: list should have at least 1 item"),
        ("evaluation: {cost_multiples: [1, -1]}\n", "evaluation.cost_multiples[1] = -1: should be greater than or"),
        ("data: {start: 2020}\n", "data.start = 2020: should be a valid datetime"),
        ("labels: {}\nsplit: [1]\n", "split = a list of 1: must be a section of keys"),
        ("data: {repair: [{name: x}]}\n", "data.repair[0] = a section (name): needs a `kind`"),
        ("models: {a: {params: {}}}\n", "models.a.model_type is missing"),
        (
            "pipelines:\n  p: [ingest, {stge: x}]\n",
            "/gnomon.yaml:2:16: unknown key 'stge' at pipelines.p[1].stge; did you mean 'stage'?",
        ),
        (
            "pipelines: {p: [ingest]}\npipeline: q\n",
            "/gnomon.yaml:2:1: pipeline: unknown pipeline 'q'; known: default, p",
        ),
        ("project: '" + "x" * 200 + "'\nseed: '" + "y" * 200 + "'\n", "..."),
    ],
)
def test_a_fault_says_what_where_and_the_way_out(workspace: Path, text: str, message: str) -> None:
    assert message in refused(workspace, text)


def test_all_faults_are_told_at_once(workspace: Path) -> None:
    told = refused(workspace, "seed: x\ntraining: {threds: 1, threads: 0}\n")
    assert len(told.splitlines()) == 3


def test_the_layer_at_fault_is_named(workspace: Path) -> None:
    (workspace / "experiments" / "bad.yaml").write_text("report:\n  formats: [htm]\n")
    with pytest.raises(ConfigError, match=r"experiments/bad.yaml:2:13: report.formats\[0\] = 'htm'"):
        load_config(workspace, experiment="bad")


def test_known_keys_follow_the_schema() -> None:
    from gnomon.config.models import TrainingConfig

    assert known_keys(("training",)) == list(TrainingConfig.model_fields)
    assert {"horizon", "scaler", "threads"} <= set(known_keys(("training",)) or [])
    assert "model_type" in (known_keys(("models", "any")) or [])
    assert known_keys(("pipelines", "any", 0)) == ["stage", "retries"]
    assert known_keys(("labels",)) is None
    assert known_keys(("nowhere", "at", "all")) is None
    assert dotted(("a", 1, "b")) == "a[1].b"


@given(st.sampled_from(ALL), st.data())
def test_the_nearest_key_is_named_for_a_slip_of_one_letter(path: tuple[str, ...], data: st.DataObject) -> None:
    key = path[-1]
    at = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from("aeiqz_"))
    slip = data.draw(
        st.sampled_from([key[:at] + letter + key[at:], key[:at] + key[at + 1 :], key[:at] + letter + key[at + 1 :]])
    )
    known = known_keys(path[:-1]) or []
    if slip and slip not in {other[-1] for other in every_path()}:
        told = suggestion(slip, (*path[:-1], slip))
        # Where two keys are as near as each other, the other one may be named.
        assert key in told or (nearest(slip, known) or "?") in told
