"""What is tracked stands in MLflow as it was given; what cannot be tracked costs a warning and never the run."""

from __future__ import annotations

import logging
import math
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gnomon.core.clock import FixedClock
from gnomon.store.local import LocalArtifactStore
from gnomon.store.mlflow_client import connect, default_uri
from gnomon.store.tracking import ExperimentTracker


def test_a_run_stands_in_mlflow_as_it_was_given(
    workspace: Path, store: LocalArtifactStore, model: Path, clock: FixedClock, capfd: pytest.CaptureFixture[str]
) -> None:
    tracker = ExperimentTracker(workspace=workspace, experiment="spy", clock=clock)
    put = store.put(model, name="model/a", kind="model")
    with tracker.run("first", params={"model": {"depth": 3}, "api_key": "abcdef"}, tags={"who": "me"}) as run:
        run.log_metrics({"sharpe": 0.5, "nothing": None, "endless": math.inf, "odd (name)": 1.0}, step=2)
        run.log_curve("equity", [1.0 + i for i in range(2500)])
        run.log_artifact(put)
        run.log_params({f"p{i}": i for i in range(250)})
        run.set_tags({"long": "x" * 9000})
    assert tracker.problems == []
    client = connect(default_uri(workspace), workspace)
    found = client.get_run(run.id)
    assert (found.info.run_name, found.info.status) == ("first", "FINISHED")
    assert found.info.start_time == 1_704_164_645_000, "time comes from the clock that was handed in"
    assert found.data.params["model.depth"] == "3"
    assert found.data.params["p249"] == "249"
    assert "abcdef" not in str(found.data.params)
    assert found.data.metrics == {"sharpe": 0.5, "odd _name_": 1.0, "equity": 2500.0}
    curve = client.get_metric_history(run.id, "equity")
    assert [(point.step, point.value) for point in curve][::999] == [(0, 1.0), (999, 1000.0), (1998, 1999.0)]
    assert found.data.tags["gnomon.artifact.model/a"] == f"1 sha256:{put.digest}"
    assert found.data.tags["who"] == "me"
    assert client.get_experiment_by_name("spy").artifact_location == (workspace / ".gnomon" / "mlflow").as_uri()
    assert capfd.readouterr() == ("", ""), "MLflow and alembic are silent"


def test_a_run_that_fails_is_marked_so(workspace: Path) -> None:
    tracker = ExperimentTracker(workspace=workspace)
    with pytest.raises(KeyError), tracker.run("broken") as run:
        raise KeyError
    assert connect(default_uri(workspace), workspace).get_run(run.id).info.status == "FAILED"


def test_a_refused_value_spoils_nothing_else(workspace: Path) -> None:
    tracker = ExperimentTracker(workspace=workspace)
    with tracker.run("changed its mind", params={"seed": 1}) as run:
        run.log_params({"seed": 2})
        run.log_metrics({"sharpe": 0.5})
    assert len(tracker.problems) == 1
    assert "could not log parameters" in tracker.problems[0]
    assert connect(default_uri(workspace), workspace).get_run(run.id).data.metrics == {"sharpe": 0.5}


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:secret@127.0.0.1:9", "http://***@127.0.0.1:9"),
        ("sqlite:////proc/nowhere/mlflow.db", "/proc/nowhere"),
        ("nonsense://x", "nonsense"),
    ],
)
def test_a_server_that_is_away_costs_a_warning_and_not_the_run(
    workspace: Path, uri: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    # The fixture has imported MLflow: its import is slow, and not what is timed here.
    tracker = ExperimentTracker(uri, workspace=workspace)
    started = time.perf_counter()
    with caplog.at_level(logging.WARNING, logger="gnomon"), tracker.run("lonely", params={"a": 1}) as run:
        run.log_metrics({"sharpe": 0.5})
        run.set_tags({"a": "b"})
    assert time.perf_counter() - started < 10
    assert run.id is None
    (problem,) = tracker.problems
    assert shown in problem
    assert "secret" not in problem + caplog.text
    assert "the run goes on untracked; check tracking.uri" in problem
    assert "tracking failed" in caplog.text


def test_tracking_that_is_off_does_not_import_mlflow(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from gnomon.store.tracking import ExperimentTracker
class Settings: enabled, uri, experiment = False, None, None
with ExperimentTracker.from_config(Settings, Path({str(tmp_path)!r})).run("a", params={{"b": 1}}) as run:
    run.log_metrics({{"c": 1.0}})
    run.log_curve("d", [1.0, 2.0])
assert run.id is None and "mlflow" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _track(folder: Path) -> None:
    tracker = ExperimentTracker(workspace=folder)
    with tracker.run("a") as run:
        run.log_metrics({"x": 1.0})
    assert tracker.problems == []


def test_several_processes_may_open_it_first(tmp_path: Path, workspace: Path) -> None:
    assert workspace.exists(), "MLflow is imported, so that the children start at once"
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=_track, args=(tmp_path / "new",)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    client = connect(default_uri(tmp_path / "new"), tmp_path / "new")
    found = client.search_runs([client.get_experiment_by_name("gnomon").experiment_id])
    assert [run.data.metrics for run in found] == [{"x": 1.0}] * 3
