"""Fitting one model: training rows in, a `TrainedModel` and its `FitReport` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import TrainingConfig
from gnomon.core.compute import Compute
from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.models.base import Callback, FitReport, ModelBase, ModelRegistry
from gnomon.models.bundle import ModelMeta, TrainedModel
from gnomon.models.ensemble import Ensemble
from gnomon.models.factory import build_model
from gnomon.models.neural.base import NeuralModel
from gnomon.samples.base import UNKNOWN_END, Samples
from gnomon.samples.projection import PROJECTIONS, ProjectionParams
from gnomon.samples.transforms import SCALERS, Transform
from gnomon.training.calibrate import calibrated, held_out


def fit_model(
    config: ModelSection,
    train: Samples,
    valid: Samples | None = None,
    *,
    training: TrainingConfig | None = None,
    seed: int = 0,
    name: str | None = None,
    data_version: str | None = None,
    lineage: Mapping[str, Any] | None = None,
    callbacks: Sequence[Callback] = (),
    where: str = "model",
    registry: type[ModelRegistry] = ModelRegistry,
    init_from: NeuralModel | TrainedModel | Path | None = None,
    checkpoint: Path | None = None,
    members: Mapping[str, TrainedModel] | None = None,
    compute: Compute | None = None,
) -> tuple[TrainedModel, FitReport]:
    """Fits the scaler and the model of a config section on `train`; `valid` only stops the fit early and calibrates it.

    Nothing here sees a test row. `lineage` (plain values: feature settings, labels, split) and `data_version` are kept
    with the model. Equal samples, configuration and seed give equal bytes. A net may begin with the weights of another
    (`init_from`; without it those of the folder that the section names), and goes on from a `checkpoint` folder after
    a kill; see `NeuralModel.fit`. An ensemble takes `members` that are fitted already, and a place for its other fits
    (`compute`). Raises ConfigError for settings that the model does not know (at `where`), DataError for samples that
    cannot be learned from.
    """
    training = training if training is not None else TrainingConfig()
    model = build_model(config, training=training, seed=seed, where=where, registry=registry)
    if not train.horizons:
        raise DataError("cannot train: the samples carry no labels; build them with labels")
    horizon = train.horizons[0] if model.config.horizon is None else model.config.horizon
    if horizon not in train.horizons:
        raise DataError(
            f"cannot train at horizon {horizon}: the samples are labelled at {list(train.horizons)}; set "
            "training.horizon to one of these, or add it to labels.horizons"
        )
    if not training.use_sample_weights:
        train, valid = _unweighted(train), None if valid is None else _unweighted(valid)
    features = train.feature_names
    projected = training.projection is not None and not model.raw
    projection = projection_of(training, seed=seed).fit(train) if projected else None
    if projection is not None:
        train, valid = projection.apply(train), None if valid is None else projection.apply(valid)
    scaler = SCALERS[training.scaler if model.scaled else "none"].fit(train)
    outputs = training.calibration != "none" or training.conformal is not None
    stopping = calibrating = valid if valid is not None and len(valid) else None
    if outputs and calibrating is not None and training.calibration_share > 0.0:
        stopping, calibrating = held_out(calibrating, training.calibration_share, horizon=horizon)
    origin = origin_of(config, where=where) if init_from is None else init_from
    if isinstance(origin, Path) and (origin / "meta.json").is_file():
        origin = TrainedModel.load(origin)
    begin = _given(model, NeuralModel, "nets", config.model_type, init_from=origin, checkpoint=checkpoint)
    begin |= _given(model, Ensemble, "ensembles", config.model_type, members=members, compute=compute)
    held_out_rows = None if stopping is None else scaler.apply(stopping)
    report = model.fit(scaler.apply(train), held_out_rows, callbacks=callbacks, **begin)
    if isinstance(origin, TrainedModel) and valid is not None and len(valid) and knows(origin, valid):
        told = "the weights it began with were trained or stopped on times of the validation rows: scores there flatter"
        report = replace(report, notes=[*report.notes, told])
    trained = TrainedModel(
        model=model,
        scaler=scaler,
        feature_names=features,
        projection=projection,
        meta=ModelMeta(
            name=name or config.name or config.model_type,
            model_type=config.model_type,
            config=model.config.model_dump(mode="json"),
            horizon=horizon,
            seed=seed,
            rows=len(train),
            trained_until=max(_last_end(part, horizon) for part in (train, valid) if part is not None),
            data_version=data_version,
            lineage=dict(lineage or {}),
        ),
    )
    if not outputs:
        return trained, report
    if calibrating is None:
        if training.conformal is not None:
            raise DataError("conformal sets need validation rows, there are none; give the split some (split.valid)")
        return trained, replace(report, notes=[*report.notes, "not calibrated: there are no validation rows"])
    trained, notes = calibrated(trained, calibrating, training=training, shared=calibrating is stopping)
    return trained, replace(report, notes=[*report.notes, *notes])


def origin_of(config: ModelSection, *, where: str) -> Path | None:
    """The folder that a section's `init_from` names, None where it names none.

    ConfigError where it is no folder with a trained model: names of a store are found by the runs of a workspace.
    """
    if config.init_from is None:
        return None
    folder = Path(config.init_from)
    if not (folder / "meta.json").is_file():
        raise ConfigError(
            f"{where}.init_from = {config.init_from!r} is no folder with a trained model; `name:version` is known to "
            "runs of a workspace alone, give the folder here"
        )
    return folder


def knows(origin: TrainedModel, judged: Samples) -> bool:
    """Whether a model learned from, or was stopped by, what came after the first of the rows that are to judge."""
    return bool(len(judged)) and int(judged.known_at.min()) < origin.meta.trained_until


def refuse_knowing(origin: TrainedModel | Path | None, judged: Samples, *, what: str) -> None:
    """GateError where the weights that a fit would begin with may know the rows that will judge it."""
    if origin is None:
        return
    held = TrainedModel.load(origin) if isinstance(origin, Path) else origin
    if knows(held, judged):
        until, first = (np.datetime64(moment, "us") for moment in (held.meta.trained_until, int(judged.known_at.min())))
        raise GateError(
            f"init_from leaks: {held.meta.name} was trained until {until}, and {what} begin at {first}; begin with a "
            "model that was trained before these, or split later"
        )


def _given(model: ModelBase, kind: type, words: str, called: str, **options: Any) -> dict[str, Any]:
    """The options that were given; ConfigError where the model is not of the kind that knows them."""
    given = {option: value for option, value in options.items() if value is not None}
    if given and not isinstance(model, kind):
        raise ConfigError(f"{' and '.join(given)}: only {words} know these, and {called} is none")
    return given


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """The settings of a fit, kept to fit more than once."""

    config: ModelSection
    training: TrainingConfig = field(default_factory=TrainingConfig)
    seed: int = 0
    callbacks: Sequence[Callback] = ()

    def fit(self, train: Samples, valid: Samples | None = None, **facts: Any) -> tuple[TrainedModel, FitReport]:
        """`fit_model` with these settings; `facts` are its `name`, `data_version`, `lineage`."""
        return fit_model(
            self.config,
            train,
            valid,
            training=self.training,
            seed=self.seed,
            callbacks=self.callbacks,
            **facts,
        )


ModelTrainer = Trainer


def projection_of(training: TrainingConfig, *, seed: int) -> Transform[ProjectionParams]:
    """The configured projection; one that needs chance takes `seed` where its section names none."""
    section = dict(training.projection or {})
    kind = PROJECTIONS.get(str(section["kind"]), where="training.projection")
    if "seed" in getattr(kind, "__dataclass_fields__", {}):
        section.setdefault("seed", seed)
    return PROJECTIONS.from_config(section, where="training.projection")


def _unweighted(samples: Samples) -> Samples:
    return replace(samples, weight=(samples.label_end != UNKNOWN_END).astype(np.float32))


def _last_end(samples: Samples, horizon: int) -> int:
    ends = samples.label_end[:, samples.horizon(horizon)]
    known = ends[ends != UNKNOWN_END]
    return int(known.max()) if known.size else 0
