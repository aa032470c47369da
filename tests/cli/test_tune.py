"""`gnomon tune`: the table, the settings to paste, every try counted for the run that uses them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gnomon.config import ConfigManager
from gnomon.pipeline.model_pipeline import ModelPipeline
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished workspace")

FAST = ("--set", "search.splitter={kind: purged_kfold, folds: 2}")


def test_the_settings_that_are_printed_can_be_pasted(workspace, say, tmp_path):
    said = say("tune", "logistic", "--trials", "3", "-w", workspace, *FAST)
    assert "3 trials of logistic (0 given up early, 0 failed)" in said.out
    assert "What mattered" in said.out
    fragment = said.out.split("In gnomon.yaml:\n")[1].split("\n\n")[0]
    (tmp_path / "pasted").mkdir()
    (tmp_path / "pasted" / "gnomon.yaml").write_text(fragment)
    pasted = ConfigManager(tmp_path / "pasted").config.models["logistic"]

    # Called again it has nothing left to do, and says the same.
    found = say("tune", "logistic", "--trials", "3", "--workers", "2", "-w", workspace, *FAST, "--json").object
    assert found["best_params"] == pasted.params
    assert found["states"] == {"complete": 3, "pruned": 0, "failed": 0}
    assert Path(found["files"]["best.yaml"]).read_text() == fragment + "\n"
    trials = pl.read_parquet(found["files"]["trials.parquet"])
    assert trials["log_loss"].min() == found["values"]["log_loss"]
    assert "parallel_coordinates" in Path(found["files"]["search.html"]).read_text()


def test_a_run_knows_every_try_of_the_search(workspace, say):
    before = open_workspace(workspace).trials.count()
    say(
        "tune",
        "trees",
        "--trials",
        "3",
        "-w",
        workspace,
        *FAST,
        "--set",
        "search.spaces.trees.rounds={low: 2, high: 5}",
    )
    ledger = open_workspace(workspace).trials
    assert ledger.count() == before + 3
    assert len({trial.dataset for trial in ledger.trials()}) == 1
    summary = ModelPipeline(workspace=workspace).run().summary()
    assert summary["trials"] == before + 3


def test_what_is_wrong_names_its_line(workspace, say):
    text = (workspace / "gnomon.yaml").read_text()
    spaces = "search:\n  spaces:\n    trees:\n      leaves: {low: 2, high: 8}\n"
    (workspace / "gnomon.yaml").write_text(text + spaces)
    said = say("tune", "trees", "-w", workspace, code=2)
    line = (text + spaces).splitlines().index("      leaves: {low: 2, high: 8}") + 1
    assert f"gnomon.yaml:{line}" in said.err
    assert "unknown setting of lightgbm 'leaves'" in said.err
    assert "did you mean" in say("tune", "logistics", "-w", workspace, code=2).err
