"""`gnomon compare`."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("finished workspace")

SMALL = (
    *("--set", "compare.themes=[]", "--set", "compare.search_trials=1"),
    *("--set", "selection.splitter={kind: purged_kfold, folds: 2}"),
)


def test_dry_run_lists_what_would_be_fitted(finished, say):
    found = say("compare", "-w", finished, *SMALL, "--dry-run", "--json").object
    assert [one["kind"] for one in found["variants"]] == ["base", *["approach"] * 4, "horizon"]
    assert "sharpe_only" in say("compare", "-w", finished, *SMALL, "--dry-run").out


def test_compare_writes_and_tells(workspace, tmp_path, say):
    said = say("compare", "-w", workspace, *SMALL, "--out", tmp_path / "out")
    for word in ("sharpe_only", "multi_metric", "+/-", "settings tried", "then chosen", "not shown"):
        assert word in said.out
    assert "model_comparison.md" in said.out
    assert (tmp_path / "out" / "model_comparison.html").exists()
    found = say("compare", "-w", workspace, *SMALL, "--json").object
    # The run that stands there, two trials, and the two models with what these found; again, nothing is added.
    assert (found["tries"], found["tries_added"]) == (6, 0)
    assert {one["chosen"].removesuffix(" (searched)") for one in found["approaches"]} <= {"logistic", "trees"}
    assert {one["model"] for one in found["searches"]} == {"logistic", "trees"}


def test_a_wrong_name_is_told_with_the_nearest(finished, say):
    said = say("compare", "-w", finished, "--set", "compare.themes=[trent]", code=2)
    assert "unknown theme 'trent'" in said.err
    assert "trend" in said.err
