"""`gnomon evaluate`, `gnomon report`, `gnomon trials verify`: a finished run looked at again."""

from __future__ import annotations

import json
import shutil

import pytest

from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished workspace")


def test_evaluate_judges_again_and_gives_reasons(finished, say):
    said = say("evaluate", "-w", finished)
    assert "Out of sample" in said.out
    assert "- " in said.out
    found = say("evaluate", "-w", finished, "--json").object
    assert found["trials"] == 2
    assert found["reasons"]


def test_evaluate_counts_what_was_tried_since(workspace, say):
    first = open_workspace(workspace).runs.get().id
    say("run", "-w", workspace, "--set", "execution.fee_bps=2.5")
    before = open_workspace(workspace).trials.count()
    assert say("evaluate", first, "-w", workspace, "--json").object["trials"] == before == 4
    assert open_workspace(workspace).trials.count() == before


def test_a_gate_that_is_not_passed_exits_with_4_and_one_object(finished, say):
    said = say("evaluate", "-w", finished, "--gate", code=4)
    assert "Out of sample" in said.out
    assert said.err.startswith("gnomon: ")
    found = say("evaluate", "-w", finished, "--gate", "--json", code=4).object
    assert found["edge"] is False
    assert found["exit_code"] == 4
    assert found["error"].lower().startswith("no edge")


def test_report_writes_the_forms_that_are_asked_for(finished, tmp_path, say):
    found = say("report", "-w", finished, "--format", "md", "--out", tmp_path, "--json").object
    assert found["files"] == [str(tmp_path / "report.md")]
    assert (tmp_path / "report.md").read_text().startswith("# ")
    assert str(tmp_path / "report.md") in say("report", "-w", finished, "-f", "md", "--out", tmp_path).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "--format", "htm"], "did you mean 'html'?"),
        (["report", "--export", "jpg"], "did you mean 'png'?"),
    ],
)
def test_an_unknown_form_is_told(finished, say, words, message):
    assert message in say(*words, "-w", finished, code=2).err


def test_report_leaves_the_finished_run_as_it_was(workspace, tmp_path, say):
    run = open_workspace(workspace).runs.get()
    before = run.manifest()
    say("report", "-w", workspace, "--format", "md", "--out", tmp_path / "out")
    assert run.manifest() == before
    run.verify()


def test_trials_are_verified_against_the_heads_that_runs_have_noted(workspace, say):
    found = say("trials", "verify", "-w", workspace, "--json").object
    assert (found["ok"], found["count"], found["anchors"]) == (True, 2, 1)
    assert "1 head noted by runs and reports" in say("trials", "verify", "-w", workspace).out


def test_a_ledger_that_was_replaced_as_a_whole_is_found_by_what_a_run_has_noted(workspace, say, tmp_path):
    """The control: chain and head of the new ledger are whole, only the run remembers the old one."""
    shutil.rmtree(workspace / ".gnomon" / "trials")
    ledger = open_workspace(workspace).trials
    for number in range(3):
        ledger.append(dataset="d", config=str(number), name="m", kind="run", returns=[0.1, -0.1, 0.01 * number])
    assert "trials were removed or rewritten" in say("trials", "verify", "-w", workspace, code=1).err
    state = open_workspace(workspace).runs.get().folder / "state.json"
    noted = json.loads(state.read_bytes())
    noted["facts"].pop("trial_head")
    state.write_text(json.dumps(noted))
    assert say("trials", "verify", "-w", workspace, "--json").object["anchors"] == 0


def test_registry_lists_what_a_run_registered(finished, say):
    versions = say("registry", "list", "-w", finished, "--json").object["versions"]
    assert [version["name"] for version in versions] == ["tiny.logistic", "tiny.trees"]
    assert "tiny.trees" in say("registry", "show", "tiny.trees", "-w", finished).out
    assert "did you mean 'tiny.trees'?" in say("registry", "show", "tiny.tree", "-w", finished, code=2).err


def test_the_store_holds_what_the_run_made(finished, say):
    assert say("store", "verify", "-w", finished, "--json").object["versions"] == 2
    assert say("store", "du", "-w", finished, "--json").object["kinds"].keys() == {"model"}
    assert say("store", "gc", "-w", finished, "--dry-run", "--json").object["objects"] == 0


def test_a_run_of_a_pipeline_that_judges_nothing_is_told_what_it_lacks(workspace, say):
    say("run", "-w", workspace, "--pipeline", "quick")
    for command, key in (("evaluate", "selection"), ("report", "published")):
        said = say(command, "-w", workspace, code=2)
        assert "pipeline 'quick' of run quick-" in said.err
        assert f"no stage that makes '{key}'" in said.err
