"""The benchmark runner: targets and the comparison with a baseline."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.__main__ import compare, meets


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
