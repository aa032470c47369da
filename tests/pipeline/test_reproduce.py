"""A run made again in an empty store: every byte, whatever was tried since, and no try is added."""

from __future__ import annotations

import pytest

from gnomon.core.errors import IntegrityError, StoreError
from gnomon.pipeline.model_pipeline import ModelPipeline
from gnomon.pipeline.reproduce import reproduce
from gnomon.pipeline.runs import Run
from gnomon.pipeline.stages.features import FeatureStage
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished pipeline")


def tried_since(folder) -> Run:
    """The first run, after another was made in the same market."""
    run = open_workspace(folder).runs.get()
    ModelPipeline(workspace=open_workspace(folder, overrides=["execution.fee_bps=7.0"])).run(until="trials")
    assert open_workspace(folder).trials.count() == 2
    return run


def test_every_byte_comes_out_the_same_and_the_ledger_is_only_read(copied, tmp_path):
    run = tried_since(copied)
    rows = open_workspace(copied).trials.path.read_bytes()
    found = reproduce(run, copied, tmp_path / "scratch")
    assert found.differing == ()
    assert found.other_code == ()
    assert open_workspace(copied).trials.path.read_bytes() == rows


def test_control_judged_by_the_ledger_as_it_is_now_it_would_differ(copied, tmp_path, monkeypatch):
    """Without the copy as it stood, what was tried since would count, and no run could be reproduced."""
    run = tried_since(copied)
    monkeypatch.setattr("gnomon.pipeline.reproduce._rows_seen", lambda *_: 10**6)
    assert {"trials", "evaluation.logistic", "published"} <= set(reproduce(run, copied, tmp_path / "s").differing)


def test_control_a_stage_that_is_not_deterministic_is_named(copied, tmp_path, monkeypatch):
    honest = FeatureStage.run

    def drifting(self, context):
        return {key: value.with_columns(rsi_14=value["rsi_14"] + 1e-6) for key, value in honest(self, context).items()}

    monkeypatch.setattr(FeatureStage, "run", drifting)
    rows = open_workspace(copied).trials.path.read_bytes()
    found = reproduce(open_workspace(copied).runs.get(), copied, tmp_path / "s")
    assert "features" in found.differing
    assert "bars" not in found.differing
    assert open_workspace(copied).trials.path.read_bytes() == rows, "another result is no try of the user's"


def test_a_run_that_has_not_finished_cannot_be_reproduced(copied, tmp_path):
    other = open_workspace(copied, overrides=["seed=99"])
    run = ModelPipeline(workspace=other).run(until="check").run
    with pytest.raises(StoreError, match="has not finished"):
        reproduce(run, copied, tmp_path / "s")


def test_a_ledger_that_was_cut_is_told(copied, tmp_path):
    run = tried_since(copied)
    path = open_workspace(copied).trials.path
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(IntegrityError):
        reproduce(run, copied, tmp_path / "s")
