"""Promotion asks for the gates of the run: refused with every figure, let through once nothing fails."""

from __future__ import annotations

import json
from pathlib import Path

OFF = (
    "edge=null",
    "overfitting=null",
    "track_record=false",
    "benchmarks=false",
    "cost_margin=null",
    "calibration_error=null",
    "probes=false",
)


def test_a_model_without_an_edge_is_not_promoted(say, workspace: Path) -> None:
    promote = ("registry", "promote", "tiny.logistic", "latest", "--alias", "challenger", "--workspace", workspace)
    told = say(*promote, code=4)
    assert "did not pass" in told.err
    assert "edge: p = " in told.err
    shown = say("registry", "show", "tiny.logistic", "--workspace", workspace, "--json").object
    assert shown["promotions"] == []


def test_switched_off_gates_are_written_in_the_report_and_let_it_through(say, workspace: Path) -> None:
    switches = [word for gate in OFF for word in ("--set", f"evaluation.gates.{gate}")]
    ran = say("run", *switches, "--workspace", workspace, "--json").object
    folder = Path(ran["folder"])
    gates = json.loads((folder / "metrics.json").read_text())["gates"]["logistic"]
    assert [gate["passed"] for gate in gates] == [None] * 7
    report = (folder / "report.md").read_text()
    assert "Switched off in the configuration: Edge, Overfitting, Track record, Benchmarks" in report
    # The same bytes as the first run's model, judged last by this one.
    say("registry", "promote", "tiny.logistic", "1", "--alias", "challenger", "--workspace", workspace)


def test_a_gain_that_higher_costs_take_away_is_not_promoted(say, workspace: Path) -> None:
    switches = [word for gate in OFF for word in ("--set", f"evaluation.gates.{gate}")]
    say("run", *switches, "--set", "evaluation.gates.cost_margin=1000", "--workspace", workspace)
    told = say(
        *("registry", "promote", "tiny.logistic", "1", "--alias", "challenger", "--workspace", workspace), code=4
    )
    assert "did not pass 1 of 7 gates" in told.err
    assert "cost_margin: the gain over cash is gone at " in told.err
    assert "not above 1000" in told.err


def test_the_studies_tell_what_they_found(say) -> None:
    null = say("honesty", "null", "--markets", "3", "--json").object
    assert null["claims"] <= null["most"] == 2
    assert {row["market"] for row in null["kinds"]} == {"iid", "garch", "signed_blocks"}
    assert "markets without one" in say("honesty", "null", "--markets", "1").out
    broken = say("honesty", "null", "--markets", "6", "--shuffled", "--json", code=4)
    assert "looks ahead" in broken.out + broken.err
    planted = say("honesty", "planted", "--markets", "2", "--json").object
    assert planted["mean_share"] > 0.5
    assert planted["gated"] == 2
