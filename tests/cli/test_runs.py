"""`gnomon runs`: list, show, diff, reproduce."""

from __future__ import annotations

import json

import pytest

from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished workspace")


def test_list_shows_each_run_with_what_it_found(finished, say):
    run = open_workspace(finished).runs.get()
    (row,) = say("runs", "list", "-w", finished, "--json").object["runs"]
    assert (row["run"], row["status"], row["edge"]) == (run.id, "completed", "not shown")
    assert row["chosen"] in {"logistic", "trees"}
    assert (row["annual_sharpe"] is None) == (row["annual_standard_error"] is None)
    assert row["trials"] == 2
    said = say("runs", "list", "-w", finished)
    assert run.id in said.out
    assert row["started_at"] in said.out


def test_list_of_a_new_workspace_says_how_to_make_a_run(tmp_path, say):
    (tmp_path / "gnomon.yaml").write_text("project: new\n")
    assert "`gnomon run` makes one" in say("runs", "list", "-w", tmp_path).out
    assert say("runs", "list", "-w", tmp_path, "--json").object == {"runs": []}
    assert "`gnomon run` makes one" in say("runs", "show", "-w", tmp_path, code=2).err


def test_show_tells_stages_files_and_verdict(finished, say):
    said = say("runs", "show", "-w", finished)
    for word in ("completed", "train.trees", "manifest.json", "candidates/", "Out of sample", "edge"):
        assert word in said.out
    found = say("runs", "show", "latest", "-w", finished, "--json").object
    assert found["status"] == "completed"
    assert found["metrics"]["trials"]["count"] == 2


def test_a_run_is_found_by_the_beginning_of_its_name(finished, say):
    run = open_workspace(finished).runs.get()
    hashed = run.id.rpartition("-")[2]
    for name in (run.id, run.id[:12], hashed):
        assert say("runs", "show", name, "-w", finished, "--json").object["run"] == run.id
    assert "unknown run 'nope'" in say("runs", "show", "nope", "-w", finished, code=2).err


def test_diff_names_keys_and_stages(workspace, say):
    first = open_workspace(workspace).runs.get().id
    second = say("run", "-w", workspace, "--set", "execution.fee_bps=3.5", "--json").object["run"]
    found = say("runs", "diff", first, second, "-w", workspace, "--json").object
    assert found["config"] == [{"key": "execution.fee_bps", "first": 1.0, "second": 3.5}]
    same = {stage["stage"]: stage["same_result"] for stage in found["stages"]}
    assert same["features"]
    assert not same["simulate.trees"]
    assert "execution.fee_bps" in say("runs", "diff", first, second, "-w", workspace).out
    assert "are the same" in say("runs", "diff", first, first, "-w", workspace).out


def test_a_run_reproduces_to_the_last_byte_whatever_was_tried_since(workspace, say):
    first = open_workspace(workspace).runs.get().id
    say("run", "-w", workspace, "--set", "execution.fee_bps=3.5")
    ledger = workspace / ".gnomon" / "trials"
    before = {path: path.read_bytes() for path in ledger.rglob("*") if path.is_file()}
    assert "every byte came out the same" in say("runs", "reproduce", first, "-w", workspace).out
    assert {path: path.read_bytes() for path in ledger.rglob("*") if path.is_file()} == before


def test_a_run_that_comes_out_otherwise_is_a_gate_not_passed(workspace, say):
    """The control: a manifest that claims other bytes is found out, and the stage is named."""
    path = open_workspace(workspace).runs.get().folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    stage = next(s for s in manifest["stages"] if s["stage"] == "features")
    stage["writes"]["features"]["digest"] = "0" * 64
    path.write_text(json.dumps(manifest))
    assert "did not reproduce: features" in say("runs", "reproduce", "-w", workspace, code=4).err
