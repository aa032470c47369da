"""Forecasts of one candidate on the validation and the test rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import FOLD, FORECAST, MODEL, SAMPLES
from gnomon.pipeline.stages.base import CandidateStage, model_modules


@STAGES.register(name="forecast")
class ForecastStage(CandidateStage):
    """A model and samples to forecasts."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """forecast.<candidate>."""
        return f"forecast.{self.candidate}"

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The candidate's model, the samples and the fold."""
        return (MODEL.of(self.candidate), SAMPLES, FOLD)

    @property
    def writes(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The candidate's forecasts."""
        return (FORECAST.of(self.candidate),)

    @property
    def config(self) -> Mapping[str, Any]:
        """Nothing but its inputs decides it."""
        return {"candidate": self.candidate}

    @property
    def modules(self) -> tuple[str, ...]:
        """The model's, or its members'."""
        section = self.setup.config.candidates()[self.candidate]
        return model_modules(section, where=f"models.{self.candidate}")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Predicts the rows that the model was not fitted on; a sequence model reads the rows before an edge too."""
        model, samples, fold = context[MODEL.of(self.candidate)], context[SAMPLES], context[FOLD]
        parts = [
            model.predict_rows(samples, rows).to_frame().with_columns(part=pl.lit(part))
            for part, rows in (("valid", fold.valid), ("test", fold.test))
            if len(rows)
        ]
        return {FORECAST.of(self.candidate): pl.concat(parts)}
