"""`gnomon run`: what it prints, what it leaves, and every option."""

from __future__ import annotations

import pytest

from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished workspace")


def test_a_finished_run_is_found_done_and_shows_table_verdict_and_report(finished, say):
    said = say("run", "-w", finished)
    assert "1 stage computed" in said.out
    assert "19 found done" in said.out
    for word in ("logistic", "trees", "buy_and_hold", "(chosen)", "Out of sample", "after costs", "report.md"):
        assert word in said.out
    assert "edge" in said.out


def test_the_chosen_one_stands_on_top_and_benchmarks_below(finished, say):
    rows = say("run", "-w", finished, "--json").object["candidates"]
    assert [row["kind"] for row in rows] == ["strategy", "strategy", "benchmark", "benchmark"]
    assert rows[0]["name"].endswith("(chosen)")


def test_json_says_where_everything_is(finished, say):
    found = say("run", "-w", finished, "--json").object
    run = open_workspace(finished).runs.get()
    assert (found["run"], found["folder"]) == (run.id, str(run.folder))
    assert found["reports"] == {"md": str(run.folder / "report.md")}
    assert set(found["stages"].values()) == {"reused", "done"}
    assert isinstance(found["edge"], bool)


def test_a_dry_run_shows_the_plan_and_does_nothing(workspace, say):
    before = sorted(path for path in workspace.rglob("*"))
    said = say("run", "-w", workspace, "--dry-run", "--set", "execution.fee_bps=9")
    assert "Plan default-" in said.out
    assert "train.trees" in said.out
    found = say("run", "-w", workspace, "--dry-run", "--json").object
    assert found["stages"][0] == {"stage": "ingest", "reads": "", "writes": "bars.raw, source"}
    assert sorted(path for path in workspace.rglob("*")) == before


def test_set_environment_and_experiment_make_another_run(workspace, say):
    same = say("run", "-w", workspace, "--dry-run", "--json").object["run"]
    others = [
        say("run", "-w", workspace, "--dry-run", "--json", *words).object["run"]
        for words in (["--env", "dear"], ["--set", "execution.fee_bps=5.0"], ["--experiment", "free"])
    ]
    assert others[0] == others[1] != same
    assert others[2] == same


def test_a_run_of_another_configuration_computes_what_follows_and_counts_it(workspace, say):
    found = say("run", "-w", workspace, "--set", "execution.fee_bps=2.0", "--json").object
    done = {name for name, status in found["stages"].items() if status == "done"}
    assert {"simulate.trees", "trials", "report"} <= done
    assert not {"ingest", "features", "train.trees"} & done
    assert found["trials"] == 4
    assert len(open_workspace(workspace).runs.list()) == 2


def test_from_computes_a_stage_anew_and_all_after_it(workspace, say):
    found = say("run", "-w", workspace, "--from", "evaluate", "--json").object
    done = {name for name, status in found["stages"].items() if status == "done"}
    assert done == {"trials", "evaluate.logistic", "evaluate.trees", "report"}


def test_until_stops_early_and_leaves_the_finished_run_as_it_was(workspace, say):
    run = open_workspace(workspace).runs.get()
    before = (run.manifest(), run.state())
    said = say("run", "-w", workspace, "--until", "features")
    assert "17 left out" in said.out
    assert (run.manifest(), run.state()["status"], run.state()["facts"]) == (
        before[0],
        "completed",
        before[1]["facts"],
    )
    run.verify()


def test_until_in_a_new_workspace_is_a_run_that_has_not_finished(tmp_path, finished, say):
    (tmp_path / "gnomon.yaml").write_text((finished / "gnomon.yaml").read_text())
    found = say("run", "-w", tmp_path, "--until", "check", "--json").object
    assert found["stages"]["check"] == "done"
    assert found["reports"] == {}
    assert "candidates" not in found
    run = open_workspace(tmp_path).runs.get()
    assert run.state()["status"] == "partial"
    assert "has not finished" in say("runs", "reproduce", "-w", tmp_path, code=1).err


def test_a_named_pipeline_and_another_file(tmp_path, finished, say):
    other = tmp_path / "other.yaml"
    other.write_text((finished / "gnomon.yaml").read_text())
    found = say(
        "run", "-w", tmp_path, "--config", other, "--pipeline", "quick", "--json", "-s", "tracking.enabled=false"
    ).object
    assert found["stages"] == {"ingest": "done"}
    assert (tmp_path / ".gnomon" / "runs" / found["run"] / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "seed"], "is not of the form a.b=value"),
        (["--set", "sede=1"], "did you mean 'seed'?"),
        (["--set", "execution.fee_bps=much"], "fee_bps"),
        (["--env", "deer"], "did you mean 'dear'?"),
        (["--experiment", "fre"], "did you mean 'free'?"),
        (["--pipeline", "quik"], "did you mean 'quick'?"),
        (["--from", "evalute"], "did you mean 'evaluate'?"),
        (["--until", "featurs"], "did you mean 'features'?"),
        (["--config", "absent.yaml"], "absent.yaml"),
    ],
)
def test_a_mistake_is_told_with_the_nearest_right_thing_and_changes_nothing(finished, say, words, message):
    before = [(run.id, run.state()) for run in open_workspace(finished).runs.list()]
    said = say("run", "-w", finished, *words, code=2)
    assert message in said.err
    assert said.out == ""
    assert [(run.id, run.state()) for run in open_workspace(finished).runs.list()] == before


def test_refused_data_exit_with_3_and_show_the_rows(workspace, say):
    (workspace / "bars.csv").write_text(
        "timestamp,symbol,open,high,low,close,volume\n"
        + "".join(f"2020-01-{d:02d}T21:00:00Z,A,1,1,1,{-1 if d == 9 else 1},1\n" for d in range(2, 30))
    )
    source = ["--set", "data.source={kind: csv, path: bars.csv, stamp: close}", "--set", "data.calendar=24/7"]
    said = say("run", "-w", workspace, *source, code=3)
    assert said.err.startswith("gnomon: non_positive")
    assert said.err.count("a price is zero or negative") == 1, "a person is told once"
    assert "run failed" in (workspace / ".gnomon" / "logs" / "gnomon.jsonl").read_text()
    assert "2020-01-09" in said.err
    assert "refused_rows.parquet" in said.err
    found = say("run", "-w", workspace, *source, "--json", code=3).object
    assert found["exit_code"] == 3
    assert found["rows"][0]["close"] == -1.0
