"""Ensembles: one stage each, from its members' models and their forecasts of rows that they never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

from gnomon.config.ensembles import member_names
from gnomon.core.compute import LocalCompute
from gnomon.core.errors import ConfigError
from gnomon.ensembles.fit import blender_of
from gnomon.models.ensemble import EnsembleConfig
from gnomon.models.factory import build_model
from gnomon.pipeline.base import STAGES, Key, PipelineContext, Setup
from gnomon.pipeline.keys import CHECKS, FIT, FOLD, MODEL, SAMPLES
from gnomon.pipeline.stages.base import finite, is_ensemble
from gnomon.pipeline.stages.train import TrainStage
from gnomon.training.calibrate import audit_outputs
from gnomon.training.callbacks import ProgressCallback
from gnomon.training.fit import fit_model


@STAGES.register(name="ensemble")
class EnsembleStage(TrainStage):
    """Members' models, samples and a fold to one ensemble; folds of the training rows are forecast out of fold."""

    @classmethod
    def plan(cls, setup: Setup) -> Sequence[Self]:
        """A stage for each ensemble of the configuration."""
        stages = [cls(setup, name) for name, section in setup.config.candidates().items() if is_ensemble(section)]
        for stage in stages:
            stage.prepare()
        return stages

    @property
    def name(self) -> str:  # type: ignore[override]
        """ensemble.<candidate>."""
        return f"ensemble.{self.candidate}"

    @property
    def named(self) -> list[str]:
        """The members that are candidates themselves."""
        config = self.setup.config
        section = config.models.get(self.candidate) or config.model
        return [] if section is None else member_names(section)

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """Samples and fold, and the model of every member that is a candidate."""
        return (SAMPLES, FOLD, CHECKS, *(MODEL.of(name) for name in self.named))

    def prepare(self) -> None:
        """Builds the ensemble and its members unfitted; ConfigError for members of different horizons."""
        super().prepare()
        config = self.setup.config
        model = build_model(self.section, training=config.training, seed=config.seed, where=self.where)
        settings = model.config
        if not isinstance(settings, EnsembleConfig):
            raise TypeError(f"{self.candidate} is no ensemble")
        if settings.method == "stacking":
            meta = self.section.model_copy(update={"model_type": settings.meta, "params": settings.meta_params})
            build_model(meta, where=f"{self.where}.params.meta")
        blender_of(settings)
        for name, section in settings.sections().items():
            where = f"models.{name}" if name in self.named else f"{self.where}.params.members.{name}"
            member = build_model(section, training=config.training, seed=config.seed, where=where)
            if member.config.horizon != settings.horizon:
                its, ours = (
                    of or "the first horizon of the labels" for of in (member.config.horizon, settings.horizon)
                )
                raise ConfigError(
                    f"{where} forecasts {its}, the ensemble {self.candidate!r} {ours}: an ensemble is of one horizon; "
                    "set params.horizon of both, or leave it to training.horizon"
                )

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Fits members of its own, forecasts folds, and learns from these forecasts."""
        samples, fold, config = context[SAMPLES], context[FOLD], context.config
        trained, report = fit_model(
            self.section,
            samples.take(fold.train),
            samples.take(fold.valid) if len(fold.valid) else None,
            training=config.training,
            seed=config.seed,
            name=self.candidate,
            data_version=context[CHECKS]["version"],
            lineage=self.part("features", "labels", "split"),
            callbacks=(ProgressCallback(context.report),),
            where=self.where,
            members={name: context[MODEL.of(name)] for name in self.named},
            compute=LocalCompute(workers=config.executor.workers),
        )
        audit_outputs(trained, samples.take(fold.test))
        return {MODEL.of(self.candidate): trained, FIT.of(self.candidate): finite(asdict(report))}
