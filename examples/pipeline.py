"""A workspace through the whole pipeline from Python, and a stage of one's own at its end."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import gnomon
from gnomon.pipeline import STAGES, Key, PipelineContext, PipelineStage, Setup
from gnomon.pipeline.codecs import JsonCodec
from gnomon.pipeline.keys import EVALUATION

CONFIG = """\
data:
  source: {kind: synthetic, symbols: 2, start: "2014-01-01", end: "2017-01-01"}
  frequency: 1d
labels: {kind: triple_barrier, horizons: [5]}
models:
  logistic: {model_type: logistic_regression}
report: {formats: [md]}
tracking: {enabled: false}
pipelines:
  default: [ingest, check, features, labels, samples, split, train, select, forecast, simulate, trials, evaluate, note]
"""
NOTE: Key[str] = Key("note", JsonCodec())


@STAGES.register(name="note")
class NoteStage(PipelineStage):
    """Writes the verdict down, in one sentence."""

    name = "note"
    reads = (EVALUATION.of("logistic"),)
    writes = (NOTE,)

    @property
    def config(self) -> Mapping[str, Any]:
        """Nothing but its input decides it."""
        return {}

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:  # noqa: ARG003
        """One stage."""
        return [cls()]

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Reads the evaluation, writes a sentence."""
        evaluation = context[EVALUATION.of("logistic")]
        return {NOTE: f"{evaluation.name}, {evaluation.n} bars: {evaluation.verdict.text}"}


def main() -> None:
    """Runs twice: the second time everything is found done."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "gnomon.yaml").write_text(CONFIG)
        first = gnomon.run(folder)
        print(first.value(NOTE))
        second = gnomon.run(folder)
        print(f"computed at first: {len(first.outcome.computed)} stages, then: {second.outcome.computed}")


if __name__ == "__main__":
    main()
