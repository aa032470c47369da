"""The example runs, and says what it says in its text."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "simulation.py"


def test_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("examples_simulation", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run = module.main()
    assert "fills, costs" in capsys.readouterr().out
    assert set(run.fills["timestamp"].dt.weekday()) == {6}  # decided on Friday's close, filled at the next open
    assert (run.fills["quantity"] % 1.0 == 0.0).all()
    assert (run.fills["fee"] >= 1.0).all()
    assert (run.equity["gross"] <= run.equity["equity"] * 1.1).all()
