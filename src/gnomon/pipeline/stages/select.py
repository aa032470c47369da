"""Choosing among candidates, on validation rows only: a test row never enters here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import FOLD, MODEL, SAMPLES, SELECTION
from gnomon.pipeline.stages.base import BuiltinStage
from gnomon.training.selection import validation_scores


@STAGES.register(name="select")
class SelectStage(BuiltinStage):
    """Trained candidates to the one whose results count."""

    name = "select"
    writes = (SELECTION,)

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Every candidate's model, the samples and the fold."""
        return (*(MODEL.of(name) for name in self.setup.config.candidates()), SAMPLES, FOLD)

    @property
    def config(self) -> Mapping[str, Any]:
        """The candidates' names."""
        return {"candidates": list(self.setup.config.candidates())}

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Ranks by log loss on the validation rows."""
        samples, fold = context[SAMPLES], context[FOLD]
        names = list(context.config.candidates())
        if len(names) == 1 and not len(fold.valid):
            return {SELECTION: {"chosen": names[0], "by": "it is the only candidate", "scores": {}}}
        candidates = {name: context[MODEL.of(name)] for name in names}
        ranked = validation_scores(candidates, samples.take(fold.train), samples.take(fold.valid))
        scores = {
            score.name: {
                "log_loss": score.log_loss,
                "prior_log_loss": score.prior_log_loss,
                "skill": score.skill,
                "rows": score.rows,
            }
            for score in ranked
        }
        return {SELECTION: {"chosen": ranked[0].name, "by": "lowest log loss on validation rows", "scores": scores}}
