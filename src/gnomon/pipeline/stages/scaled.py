"""Scaled tables of the training, validation and test rows, where the configuration asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from gnomon.pipeline.base import STAGES, Key, PipelineContext, Setup
from gnomon.pipeline.keys import FOLD, SAMPLES
from gnomon.pipeline.published import SCALED
from gnomon.pipeline.stages.base import BuiltinStage
from gnomon.samples.export import export_scaled
from gnomon.samples.transforms import SCALERS
from gnomon.training.fit import projection_of


@STAGES.register(name="scaled")
class ScaledStage(BuiltinStage):
    """Samples and a fold to `scaled/` in the run's folder. Without `samples.export_scaled`, it is not in the plan."""

    name = "scaled"
    reads = (SAMPLES, FOLD)
    writes = (SCALED,)

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """One stage where tables are asked for, none where not."""
        return super().plan(setup) if setup.config.samples.export_scaled else []

    @property
    def config(self) -> Mapping[str, Any]:
        """The scaler, the projection, and the seed of one that needs chance."""
        training = self.part("training")["training"]
        return {"scaler": training["scaler"], "projection": training["projection"], **self.part("seed")}

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fits on the training rows, as a model's training does, and writes every part."""
        samples, fold, config = context[SAMPLES], context[FOLD], context.config
        folder = context.scratch / "scaled"
        export_scaled(
            samples,
            folder,
            train=fold.train,
            valid=fold.valid,
            test=fold.test,
            scaler=SCALERS[config.training.scaler],
            projection=projection_of(config.training, seed=config.seed) if config.training.projection else None,
        )
        return {SCALED: {f"scaled/{path.name}": path for path in sorted(folder.iterdir())}}
