"""Small stages that count how often they run, and a product store in a temporary folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gnomon.config.models import PipelineConfig
from gnomon.pipeline.base import Key, PipelineStage, Setup
from gnomon.pipeline.codecs import JsonCodec
from gnomon.pipeline.model_pipeline import ModelPipeline
from gnomon.pipeline.plan import Plan, PlannedStage
from gnomon.pipeline.products import ProductStore
from gnomon.store.objects import LocalObjects


class Toy(PipelineStage):
    """A stage made of a function from its inputs to its outputs."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        reads: Sequence[str] = (),
        writes: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.reads = tuple(Key(key, JsonCodec()) for key in reads)
        self.writes = tuple(Key(key, JsonCodec()) for key in writes)
        self.settings = dict(config or {})
        self.runs = 0

    @property
    def config(self) -> Mapping[str, Any]:
        return self.settings

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Toy]:
        return []

    def run(self, context: Any) -> Mapping[Key[Any], Any]:
        self.runs += 1
        results = self.function(*(context[key] for key in self.reads))
        return dict(zip(self.writes, results if isinstance(results, tuple) else (results,), strict=False))


class Bench:
    """Plans made of toys over one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.setup = Setup(config=PipelineConfig(), workspace=folder)
        self.products = ProductStore(LocalObjects(folder / "objects"), folder / "stages", folder / "tmp")

    def plan(self, *stages: PipelineStage, retries: int = 0) -> Plan:
        planned = tuple(PlannedStage(s, s.name.split(".")[0], retries, "code") for s in stages)
        return Plan("toy", self.setup, planned)


@pytest.fixture
def toy() -> type[Toy]:
    return Toy


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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
execution: {fee_bps: 1.0}
report: {formats: [md]}
evaluation: {benchmarks: [buy_and_hold, cash]}
tracking: {enabled: false}
executor: {workers: 1}
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one finished run of one model; read it, and take `copied` to change one."""
    folder = tmp_path_factory.mktemp("finished") / "tiny"
    folder.mkdir()
    (folder / "gnomon.yaml").write_text(TINY)
    ModelPipeline(workspace=folder).run()
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished workspace, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "tiny"))
