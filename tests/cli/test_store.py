"""`gnomon store`, `gnomon trials`, `gnomon registry`: what a person and a program see, and the exit codes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from gnomon.cli.main import main
from gnomon.core.files import write_atomic
from gnomon.metrics.significance import sharpe_standard_error
from gnomon.pipeline.workspace import Workspace, open_workspace
from gnomon.store.locks import lock
from gnomon.store.registry import ModelVersions
from gnomon.testing import faults


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "gnomon.yaml").write_text("project: mine\n")
    (tmp_path / "model.txt").write_bytes(b"weights" * 100)
    found = open_workspace(tmp_path)
    found.store.put(tmp_path / "model.txt", name="mine.a", kind="model")
    return found


def said(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str, code: int = 0) -> dict[str, Any]:
    """What a command says to a program, after what it says to a person was looked at too."""
    assert main([*arguments, "--workspace", str(workspace.folder), "--json"]) == code
    out, _ = capsys.readouterr()
    found: dict[str, Any] = json.loads(out)
    return found


def shown(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str, code: int = 0) -> str:
    assert main([*arguments, "--workspace", str(workspace.folder)]) == code
    out, err = capsys.readouterr()
    return out + err


def test_verify_finds_what_was_altered(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, workspace, "store", "verify") == {"ok": True, "versions": 1, "objects": 1, "bytes": 700}
    assert "1 version, 1 object, 700 bytes" in shown(capsys, workspace, "store", "verify")
    (victim,) = [path for path in (workspace.store.folder / "objects").rglob("*") if path.is_file()]
    victim.chmod(0o644)
    victim.write_bytes(b"worse")
    told = said(capsys, workspace, "store", "verify", code=1)["error"]
    assert "1 of what the store keeps is not as it was written" in told
    assert "(in mine.a version 1)" in told


def test_gc_says_what_it_removes_and_spares_what_stages_made(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from gnomon.pipeline.keys import TRIALS

    workspace.products.save("stage", "0" * 64, {TRIALS: {"count": 1}})
    workspace.store.delete("mine.a", "1")
    # What a killed process left beside a run's files: made by a child that is gone by now.
    for action in (
        lambda: write_atomic(workspace.made / "runs" / "a.json", b"12345"),
        lambda: workspace.store.put(tmp_path / "model.txt", name="n", kind="model"),
    ):
        with contextlib.suppress(RuntimeError):
            list(faults.kill_forks(action, most=2))
    expected = {"unfinished": 3, "objects": 1, "checkouts": 0, "bytes": 1405, "deferred": False}
    assert said(capsys, workspace, "store", "gc", "--dry-run") == {"dry_run": True, **expected}
    assert "Removed 3 unfinished writes, 1 object, 0 checkouts: 1.4 kB" in shown(capsys, workspace, "store", "gc")
    assert workspace.products.find("0" * 64) is not None
    with workspace.store.writing("put"):
        assert "its objects were left alone" in shown(capsys, workspace, "store", "gc")
    with lock(workspace.made / "run.lock", "gnomon run x"):
        assert "(gnomon run x)" in shown(capsys, workspace, "store", "gc", code=1)


def test_du_measures(workspace: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(1_500_000))
    workspace.store.put(tmp_path / "large", name="large", kind="data")
    found = said(capsys, workspace, "store", "du")
    assert (found["versions"], found["objects"], found["size"]) == (2, 2, 1_500_700)
    assert found["kinds"] == {"data": 1_500_000, "model": 700}
    assert "2 objects in 1.5 MB" in shown(capsys, workspace, "store", "du")


def test_trials_are_listed_and_verified(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No trials yet" in shown(capsys, workspace, "trials", "list")
    for number in range(3):
        workspace.trials.append(
            dataset="d1", config=f"{number}", name="m", kind="train", returns=[0.1, -0.1, 0.01 * number, 0.02, -0.03]
        )
    found = said(capsys, workspace, "trials", "list")
    assert len(found["trials"]) == 3
    assert found["datasets"][0]["trials"] == 3
    for row in found["trials"]:
        moments = {"n": row["bars"], "skew": row["skew"], "kurtosis": row["kurtosis"]}
        assert row["standard_error"] == pytest.approx(sharpe_standard_error(row["sharpe"], **moments))
    assert said(capsys, workspace, "trials", "list", "--dataset", "d2") == {"trials": [], "datasets": []}
    assert "effective trials" in shown(capsys, workspace, "trials", "list")
    head = said(capsys, workspace, "trials", "verify")
    assert head["count"] == 3
    assert "All right: 3 rows" in shown(
        capsys, workspace, "trials", "verify", "--head", f"3:{head['hash']}", "--head", f"0:{'0' * 64}"
    )
    assert "not the ledger" in shown(capsys, workspace, "trials", "verify", "--head", f"3:{'1' * 64}", code=1)
    assert "is not COUNT:HASH" in shown(capsys, workspace, "trials", "verify", "--head", "x", code=2)
    rows = workspace.trials.path.read_bytes().splitlines(keepends=True)
    workspace.trials.path.write_bytes(rows[0] + rows[2])
    assert "rows were cut off" in shown(capsys, workspace, "trials", "verify", code=1)


def test_versions_are_listed_shown_and_promoted(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No registered models yet" in shown(capsys, workspace, "registry", "list")
    registry = ModelVersions(workspace=workspace.folder)
    registry.register("mine.a", workspace.store.find("mine.a"))
    promote = ("registry", "promote", "mine.a")
    act = said(capsys, workspace, *promote, "latest", "--alias", "mine", "--reason", "first")
    assert (act["old"], act["new"], act["alias"], act["reason"]) == (None, "1", "mine", "first")
    assert "other of mine.a is version 1" in shown(capsys, workspace, *promote, "1", "--alias", "other")
    for alias in ("challenger", "champion"):
        told = shown(capsys, workspace, *promote, "1", "--alias", alias, code=4)
        assert "mine.a 1 has no gates behind it" in told
    assert "other" in shown(capsys, workspace, "registry", "list")
    found = said(capsys, workspace, "registry", "show", "mine.a", "other")
    assert (found["version"]["version"], len(found["promotions"])) == ("1", 2)
    assert "promoted at" in shown(capsys, workspace, "registry", "show", "mine.a")
    told = shown(capsys, workspace, "registry", "show", "mine.b", code=2)
    assert "did you mean 'mine.a'?" in told
