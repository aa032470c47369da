"""Training: one stage a candidate, on training rows; validation rows only stop a fit early and calibrate it.

A net's fit that was killed goes on from its last checkpoint, and ends in the bytes of one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, Self

from gnomon.config.models import ModelConfig
from gnomon.core.errors import ConfigError
from gnomon.labels.base import LABELERS
from gnomon.models.base import Callback, ModelBase, ModelRegistry
from gnomon.models.bundle import TrainedModel
from gnomon.models.factory import build_model
from gnomon.models.neural.base import NeuralModel
from gnomon.pipeline.base import STAGES, Key, PipelineContext, Setup
from gnomon.pipeline.keys import CHECKS, FIT, FOLD, MODEL, SAMPLES
from gnomon.pipeline.origins import Origin, origin_of, section_facts
from gnomon.pipeline.stages.base import CandidateStage, finite, is_ensemble, model_modules
from gnomon.splits.audit import audit_fitted
from gnomon.training.calibrate import audit_outputs
from gnomon.training.callbacks import ProgressCallback
from gnomon.training.fit import fit_model, projection_of, refuse_knowing


@STAGES.register(name="train")
class TrainStage(CandidateStage):
    """Samples and a fold to one trained model."""

    reads = (SAMPLES, FOLD, CHECKS)

    @property
    def name(self) -> str:  # type: ignore[override]
        """train.<candidate>."""
        return f"train.{self.candidate}"

    @property
    def writes(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The model and what its fit did."""
        return (MODEL.of(self.candidate), FIT.of(self.candidate))

    @property
    def section(self) -> ModelConfig:
        """The candidate's section."""
        return self.setup.config.candidates()[self.candidate]

    @property
    def kind(self) -> type[ModelBase]:
        """The candidate's class."""
        return ModelRegistry.models.get(self.section.model_type, where=f"{self.where}.model_type")

    @property
    def where(self) -> str:
        """Where the candidate's section stands, for messages."""
        return f"models.{self.candidate}" if self.candidate in self.setup.config.models else "model"

    @cached_property
    def origin(self) -> Origin | None:
        """The trained net that the candidate begins with."""
        return origin_of(self.setup, self.section, where=self.where)

    @property
    def config(self) -> Mapping[str, Any]:
        """The candidate's section and first weights, the training section, the seed, and what it keeps as lineage."""
        values = self.part("training", "seed", "features", "labels", "split")
        return {**values, "model": finite(section_facts(self.section, self.origin)), "name": self.candidate}

    @property
    def modules(self) -> tuple[str, ...]:
        """The model's."""
        return model_modules(self.section, where=self.where)

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """A stage for each model of the configuration that is not made of others."""
        stages = [cls(setup, name) for name, one in setup.config.candidates().items() if not is_ensemble(one)]
        for stage in stages:
            stage.prepare()
        return stages

    def prepare(self) -> None:
        """Builds the model unfitted, and checks the horizon against the labels'."""
        config = self.setup.config
        build_model(self.section, training=config.training, seed=config.seed, where=self.where)
        _ = self.origin
        if config.training.projection is not None:
            projection_of(config.training, seed=config.seed)
        horizons = getattr(LABELERS.from_config(config.labels, where="labels"), "horizons", None)
        wanted = config.training.horizon
        if wanted is not None and horizons is not None and wanted not in horizons:
            raise ConfigError(f"training.horizon = {wanted} is not one of labels.horizons: {list(horizons)}")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fits the scaler and the model."""
        samples, fold, config = context[SAMPLES], context[FOLD], context.config
        watcher: Callback = ProgressCallback(context.report)
        origin = None if self.origin is None else TrainedModel.load(self.origin.folder)
        refuse_knowing(origin, samples.take(fold.test), what="the test rows")
        trained, report = fit_model(
            self.section,
            samples.take(fold.train),
            samples.take(fold.valid) if len(fold.valid) else None,
            training=config.training,
            seed=config.seed,
            name=self.candidate,
            data_version=context[CHECKS]["version"],
            lineage=self.part("features", "labels", "split"),
            callbacks=(watcher,),
            where=self.where,
            init_from=origin,
            checkpoint=context.midway if issubclass(self.kind, NeuralModel) else None,
        )
        audit_fitted({"scaler": trained.scaler, "projection": trained.projection}, samples, fold)
        audit_outputs(trained, samples.take(fold.test))
        return {MODEL.of(self.candidate): trained, FIT.of(self.candidate): finite(asdict(report))}
