"""Labels: what a model should have known. Behind the wall; nothing that runs live reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.labels.base import LABELERS
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, LABELS
from gnomon.pipeline.stages.base import BuiltinStage, module_of


@STAGES.register(name="labels")
class LabelStage(BuiltinStage):
    """Bars to labels at every horizon."""

    name = "labels"
    reads = (BARS,)
    writes = (LABELS,)

    @property
    def config(self) -> Mapping[str, Any]:
        """The labels' section."""
        return self.part("labels")

    @property
    def modules(self) -> tuple[str, ...]:
        """The labeler's."""
        return (module_of(LABELERS, self.setup.config.labels, where="labels"),)

    def prepare(self) -> None:
        """Builds the labeler."""
        LABELERS.from_config(self.setup.config.labels, where="labels")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Labels every bar."""
        labeler = LABELERS.from_config(context.config.labels, where="labels")
        return {LABELS: labeler.label(context[BARS])}
