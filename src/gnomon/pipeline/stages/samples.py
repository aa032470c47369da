"""Samples: features, labels and prices as arrays, one row a symbol and moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.core.logging import get_logger
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, FEATURES, LABELS, SAMPLES
from gnomon.pipeline.stages.base import BuiltinStage
from gnomon.samples.assemble import assemble

log = get_logger(__name__)


@STAGES.register(name="samples")
class SampleStage(BuiltinStage):
    """Features and labels to samples."""

    name = "samples"
    reads = (FEATURES, LABELS, BARS)
    writes = (SAMPLES,)

    @property
    def config(self) -> Mapping[str, Any]:
        """Nothing but its inputs decides it."""
        return {}

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Assembles the arrays; rows before warm-up are dropped and counted in the log."""
        assembly = assemble(context[FEATURES], context[LABELS], context[BARS])
        log.info(
            "samples assembled",
            rows=len(assembly.samples),
            cold=sum(assembly.cold.values()),
            undecided=dict(assembly.undecided),
        )
        return {SAMPLES: assembly.samples}
