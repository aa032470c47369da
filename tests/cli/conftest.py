"""One tiny finished workspace for all commands, and a way to say a command line and look at what it answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gnomon.cli.main import main
from gnomon.pipeline.model_pipeline import ModelPipeline

TINY = """\
project: tiny
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2017-06-01", seed: 5}
  frequency: 1d
  calendar: XNYS
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2}
models:
  logistic: {model_type: logistic_regression}
  trees: {model_type: lightgbm, params: {rounds: 5}}
selection: {splitter: {kind: purged_kfold, folds: 2}}
execution: {fee_bps: 1.0}
report: {formats: [md]}
evaluation: {benchmarks: [buy_and_hold, cash]}
executor: {workers: 1}
pipelines: {quick: [ingest]}
"""


@dataclass(frozen=True)
class Said:
    """What a command line answered."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        assert self.out.count("\n") == 1, self.out
        found: dict[str, Any] = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Say = Callable[..., Said]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one finished run; read it, and take `workspace` to change one."""
    folder = tmp_path_factory.mktemp("cli") / "tiny"
    folder.mkdir()
    (folder / "gnomon.yaml").write_text(TINY)
    for layer, text in (("environments/dear.yaml", "execution: {fee_bps: 5.0}\n"), ("experiments/free.yaml", "{}\n")):
        (folder / layer).parent.mkdir()
        (folder / layer).write_text(text)
    ModelPipeline(workspace=folder).run()
    return folder


@pytest.fixture
def workspace(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished workspace, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "tiny"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line in this process; whatever it says, a user sees no traceback and no fault of ours."""

    def run(*words: object, code: int = 0) -> Said:
        capsys.readouterr()
        got = main([str(word) for word in words])
        said = Said(got, *capsys.readouterr())
        assert "Traceback" not in said.out + said.err
        assert "fault in Gnomon" not in said.out + said.err
        assert got == code, said
        return said

    return run
