"""The benchmark runner: targets and the comparison with a baseline."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.__main__ import compare, meets

from benchmarks import __main__ as runner
from benchmarks import full_run
from gnomon.pipeline import open_workspace
from gnomon.pipeline.executor import PipelineExecutor
from gnomon.pipeline.keys import SAMPLES


def test_a_target_is_met_from_the_right_side():
    assert meets({"value": 11.0, "target": 10.0})
    assert not meets({"value": 9.0, "target": 10.0})
    assert meets({"value": 0.1, "target": 0.2, "better": "lower"})
    assert meets({"value": 1.0, "target": None}) is None


def test_only_what_fell_behind_is_shown():
    before = {"a": {"x": {"value": 10.0}, "t": {"value": 1.0, "better": "lower"}}}
    assert compare({"a": {"x": {"value": 9.0}, "t": {"value": 1.1}}}, before) == []
    lines = compare({"a": {"x": {"value": 5.0}, "t": {"value": 2.0}}}, before)
    assert lines == ["a.x: 5, was 10", "a.t: 2, was 1"]


def test_long_benchmarks_run_only_where_they_are_named(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(runner.importlib, "import_module", lambda name: ran.append(name) or Empty)
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    assert runner.main() == 0
    assert "benchmarks.full_run" not in ran
    assert "benchmarks.splits" in ran
    ran.clear()
    monkeypatch.setattr(sys, "argv", ["benchmarks", "full_run"])
    assert runner.main() == 0
    assert ran == ["benchmarks.full_run"]


class Empty:
    """A benchmark that measures nothing."""

    @staticmethod
    def run():
        return {}


def test_the_full_run_is_what_its_page_says(real_data, tmp_path):
    """Its rows are those of the bars less what warms up, its columns 107, and its plan holds."""
    full_run.make_workspace(tmp_path, real_data / full_run.FILE, rows=3_000)
    workspace = open_workspace(tmp_path)
    executor = PipelineExecutor(workspace.plan(), workspace.products)
    executor.run(until="split")
    assert executor.value(SAMPLES).x.shape == (3_000, full_run.FEATURES)
