"""A run's folder: state at any time, the manifest last, runs found by name."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pytest

from gnomon.core.errors import IntegrityError, StoreError
from gnomon.core.hashing import hash_file
from gnomon.pipeline.executor import StageOutcome
from gnomon.pipeline.runs import MANIFEST, Run, RunFolders, restore_state, write_state
from gnomon.pipeline.workspace import open_workspace

pytestmark = pytest.mark.xdist_group("finished pipeline")
NOW = datetime(2024, 1, 2, tzinfo=UTC)


def noted(folders: RunFolders, run_id: str, day: int, **facts: object) -> Run:
    run = folders.open(run_id)
    stages = {"ingest": StageOutcome(status="done", key="k", seconds=1.23456)}
    started = datetime(2024, 1, day, tzinfo=UTC)
    write_state(run, status="running", started_at=started, now=NOW, stages=stages, error=None, facts=facts)
    return run


def test_the_newest_run_is_the_first_and_the_latest(tmp_path):
    folders = RunFolders(tmp_path)
    for run_id, day in (("default-aaa1", 3), ("default-bbb2", 9), ("other-ccc3", 5)):
        noted(folders, run_id, day)
    assert [run.id for run in folders.list()] == ["default-bbb2", "other-ccc3", "default-aaa1"]
    assert folders.get().id == "default-bbb2"
    for name, found in (("other-ccc3", "other-ccc3"), ("oth", "other-ccc3"), ("aaa1", "default-aaa1")):
        assert folders.get(name).id == found
    with pytest.raises(StoreError, match="could be default-bbb2, default-aaa1; write more of it"):
        folders.get("default")
    with pytest.raises(StoreError, match="did you mean 'other-ccc3'"):
        folders.get("othr-ccc3")


def test_an_empty_workspace_says_how_to_make_a_run(tmp_path):
    assert RunFolders(tmp_path / "none").list() == []
    with pytest.raises(StoreError, match="`gnomon run` makes one"):
        RunFolders(tmp_path / "none").get()


def test_a_state_says_how_far_it_is_and_comes_back(tmp_path):
    run = noted(RunFolders(tmp_path), "r-1", 2, trial_head={"count": 3, "hash": "a" * 64})
    state = run.state()
    assert state["stages"] == {"ingest": {"status": "done", "seconds": 1.235, "key": "k"}}
    assert (run.trial_head().count, run.trial_head().hash) == (3, "a" * 64)
    restore_state(run, {**state, "status": "completed"})
    assert run.state() == {**state, "status": "completed"}
    assert noted(RunFolders(tmp_path), "r-2", 2).trial_head() is None
    assert Run("none", tmp_path / "none").state() == {}


def test_a_run_without_a_manifest_has_not_finished(tmp_path):
    run = noted(RunFolders(tmp_path), "r-1", 2)
    with pytest.raises(StoreError, match="has not finished; run it again and it goes on"):
        run.verify()


def test_the_manifest_names_every_file_with_its_hash(finished):
    run = open_workspace(finished).runs.get()
    manifest = run.manifest()
    assert manifest["files"] == {
        path.relative_to(run.folder).as_posix(): hash_file(path)
        for path in run.folder.rglob("*")
        if path.is_file() and path.name not in {MANIFEST, "state.json"}
    }
    run.verify()


@pytest.mark.parametrize("damage", ["a file edited", "a file gone", "the manifest edited"])
def test_damage_is_found(finished, tmp_path, damage):
    run = open_workspace(finished).runs.get()
    copy = Run(run.id, tmp_path / run.id)
    shutil.copytree(run.folder, copy.folder)
    copy.verify()
    if damage == "a file edited":
        with (copy.folder / "metrics.json").open("ab") as file:
            file.write(b" ")
    elif damage == "a file gone":
        (copy.folder / "equity.parquet").unlink()
    else:
        manifest = json.loads((copy.folder / MANIFEST).read_bytes())
        (copy.folder / MANIFEST).write_text(json.dumps({**manifest, "plan": "0" * 64}))
    with pytest.raises(IntegrityError, match=r"altered after|missing or was altered"):
        copy.verify()
