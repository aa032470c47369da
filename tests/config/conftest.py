"""A workspace to break, and the registries that know its components."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gnomon.core.redaction import forget_secrets
from gnomon.core.registry import Registry, build
from gnomon.execution.base import ExecutionConfig

WORKSPACE = """\
# A workspace that uses every kind of section.
project: research
seed: 7
pipeline: default
pipelines:
  quick: [ingest, features, {stage: labels, retries: 2}]
data:
  source:
    kind: file
    path: bars.parquet
    stamp: close
  symbols: [AAA, BBB]
  start: 2005-01-01
  frequency: 1d
  calendar: XNYS
  checks:
    duplicates: error
    stale_bars: 12
    jump_sigmas: 20.0
  cache: true
features:
  set: default
  include: [momentum_20]
labels:
  kind: barrier
  horizons: [5, 10]
  upper_multiple: 1.5
split:
  kind: holdout
  embargo_bars: 20
models:
  first:
    model_type: tree
    params:
      num_leaves: 15
training:
  horizon: 10
  scaler: standard
  early_stopping_rounds: 50
  use_sample_weights: true
  threads: 1
sizing:
  kind: fixed
  fraction: 0.5
execution:
  fee_bps: 1.0
  latency_bars: 1
  long_only: false
evaluation:
  thresholds:
    min_sharpe: 0.5
    max_drawdown: 0.2
  benchmarks: [buy_and_hold, cash]
  significance: 0.05
report:
  title: A report
  formats: [html, md]
store:
  url: .gnomon/store
tracking:
  enabled: true
logging:
  level: info
  max_bytes: 1000000
executor:
  workers: 2
  retry_wait_seconds: 0.5
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class File:
    path: str
    stamp: str = "close"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embedded:
    dataset: str = "daily"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Barrier:
    horizons: list[int]
    upper_multiple: float = 1.0

    def __post_init__(self) -> None:
        if any(horizon < 1 for horizon in self.horizons):
            raise ValueError("horizons must be 1 or more")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Holdout:
    embargo_bars: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fixed:
    fraction: float = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    num_leaves: int = 31


@pytest.fixture(scope="session")
def builders() -> dict[str, Callable[..., object]]:
    """What a higher floor hands to `check_components`."""
    made: dict[str, Callable[..., object]] = {}
    for kind, name, component in (
        ("data source", "file", File),
        ("labeler", "barrier", Barrier),
        ("splitter", "holdout", Holdout),
        ("sizer", "fixed", Fixed),
    ):
        registry: Registry[Any] = Registry(f"test {kind}")
        registry.register(name=name)(component)
        # The kinds of the packaged defaults, which stand wherever a workspace's own `kind` is misspelt.
        for default in ("embedded", "triple_barrier"):
            registry.register(name=default)(Embedded)
        made[kind] = registry.from_config
    models: Registry[Any] = Registry("test model")
    models.register(name="tree")(Tree)

    def model(section: dict[str, Any], *, where: str) -> object:
        chosen = models.get(section["model_type"], where=f"{where}.model_type")
        return build(chosen, section["params"], where=f"{where}.params")

    def execution(section: dict[str, Any], *, where: str) -> object:
        return build(ExecutionConfig, section, where=where)

    return {**made, "model": model, "execution": execution}


@pytest.fixture(scope="session")
def workspace_text() -> str:
    """The text of the workspace's gnomon.yaml."""
    return WORKSPACE


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with the workspace above, an environment and two experiments."""
    (tmp_path / "gnomon.yaml").write_text(WORKSPACE)
    for name, text in {
        "environments/research.yaml": "training: {threads: 2}\nlogging: {level: debug}\n",
        "experiments/wide.yaml": "labels: {upper_multiple: 3.0}\nreport: {formats: [pdf]}\n",
        "experiments/other_labels.yaml": "labels: {kind: horizon, bars: 5}\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_secrets() -> Iterator[None]:
    yield
    forget_secrets()
