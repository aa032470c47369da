"""A run whose artifacts live in an object store: the same bytes as on a disk, and another machine's work is found."""

from __future__ import annotations

import shutil

from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import EVALUATION

CONFIG = """\
project: remote
data:
  source: {kind: synthetic, symbols: 1, start: "2015-01-01", end: "2017-06-01", seed: 5}
  frequency: 1d
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2}
models:
  logistic: {model_type: logistic_regression}
report: {formats: [md]}
evaluation: {benchmarks: [cash]}
tracking: {enabled: false}
"""


def test_a_run_keeps_its_bytes_in_the_object_store(tmp_path):
    for name in ("disk", "remote"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "gnomon.yaml").write_text(CONFIG)
    disk = ModelPipeline(workspace=tmp_path / "disk").run()
    remote = ModelPipeline(
        workspace=open_workspace(tmp_path / "remote", overrides=["store.url='memory://gnomon/pipeline-test'"])
    ).run()
    evaluations = [context.value(EVALUATION.of("logistic")).to_json() for context in (disk, remote)]
    assert evaluations[0] == evaluations[1]
    assert not (tmp_path / "remote" / ".gnomon" / "store").exists()
    # Local copies are a cache: without them everything is read from the store again.
    shutil.rmtree(tmp_path / "remote" / ".gnomon" / "cache")
    again = ModelPipeline(
        workspace=open_workspace(tmp_path / "remote", overrides=["store.url='memory://gnomon/pipeline-test'"])
    ).run()
    assert again.outcome.computed == ["trials"]
    assert again.value(EVALUATION.of("logistic")).to_json() == evaluations[0]
