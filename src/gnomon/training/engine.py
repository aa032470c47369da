"""Training in one call: the configured data to a fitted and stored model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from gnomon.config.manager import ConfigManager
from gnomon.config.models import DataConfig, FeaturesConfig, Section, TrainingConfig
from gnomon.config.models import ModelConfig as ModelSection
from gnomon.core.errors import ConfigError
from gnomon.data.manager import DataManager
from gnomon.models.base import Callback, FitReport, ModelRegistry
from gnomon.models.bundle import TrainedModel
from gnomon.splits.base import SPLITTERS
from gnomon.store.base import ArtifactStore, ArtifactType
from gnomon.training.callbacks import ModelCheckpointCallback
from gnomon.training.fit import fit_model
from gnomon.training.prepare import Prepared, checked_bars, prepare
from gnomon.training.selection import ValidationScore, validation_scores

S = TypeVar("S", bound=Section)

__all__ = ["TrainingEngine", "TrainingResult", "fit_model"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingResult:
    """A fitted model, how its fit went, how it did on the validation rows, and where it is kept."""

    model_id: str
    model_version: str | None
    """Its version in the artifact store; None where there is no store."""
    trained: TrainedModel
    report: FitReport
    validation: ValidationScore | None
    """None where the split makes no validation rows."""


class TrainingEngine:
    """Trains models as a configuration says. Each argument of `train` takes the place of a section of it."""

    def __init__(
        self,
        *,
        model_registry: type[ModelRegistry] | None = None,
        artifact_store: ArtifactStore | None = None,
        data_manager: DataManager | None = None,
        config_manager: ConfigManager | None = None,
        checkpoint_dir: Path | str | None = None,
    ) -> None:
        self.model_registry = model_registry or ModelRegistry
        self.artifact_store = artifact_store
        self.config_manager = config_manager or ConfigManager()
        self.data_manager = data_manager or DataManager(self.config_manager)
        self.checkpoint_dir = None if checkpoint_dir is None else Path(checkpoint_dir)

    def train(
        self,
        *,
        model_config: ModelSection | Mapping[str, Any] | str | None = None,
        data_config: DataConfig | Mapping[str, Any] | None = None,
        training_config: TrainingConfig | Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        prepared: Prepared | None = None,
    ) -> TrainingResult:
        """Fits one model on the training rows; the validation rows only stop it early and say how it did.

        `model_config` may be a section, or the name of a configured model or of a model type; by default the first
        configured one. `prepared`, from `prepare`, saves preparing the data again. With an artifact store the model
        becomes the next version of its name; with a `checkpoint_dir` the best iteration is kept there as it comes.
        """
        section = self.model_section(model_config)
        training = self._section("training", TrainingConfig, training_config)
        data = prepared if prepared is not None else self.prepare(data_config)
        name = section.name or section.model_type
        valid = data.valid
        watching = list(callbacks)
        if self.checkpoint_dir is not None:
            watching.append(ModelCheckpointCallback(self.checkpoint_dir / name, monitor=None))
        train = data.train
        trained, report = fit_model(
            section,
            train,
            valid,
            training=training,
            seed=self.config_manager.get_config("seed"),
            data_version=data.data_version,
            lineage=data.lineage,
            callbacks=watching,
            registry=self.model_registry,
        )
        return TrainingResult(
            model_id=name,
            model_version=self._store(name, trained),
            trained=trained,
            report=report,
            validation=None if valid is None else validation_scores({name: trained}, train, valid)[0],
        )

    def prepare(self, data_config: DataConfig | Mapping[str, Any] | None = None) -> Prepared:
        """The configured data, checked, as samples and a fold; to train several models on."""
        manager = self.data_manager
        if data_config is not None:
            section = self._section("data", DataConfig, data_config)
            manager = replace(manager, config_manager=_OneSection(section))
        split = self.config_manager.get_config("split")
        fraction = getattr(SPLITTERS.from_config(split, where="split"), "train", 1.0)
        bars = checked_bars(manager, train=fraction)
        return prepare(
            bars,
            features=self._section("features", FeaturesConfig, None),
            labels=self.config_manager.get_config("labels"),
            split=split,
            tables=manager.side_tables(),
        )

    def _section(self, key: str, kind: type[S], given: S | Mapping[str, Any] | None) -> S:
        value = self.config_manager.get_config(key) if given is None else given
        return value if isinstance(value, kind) else kind.model_validate(value)

    def model_section(self, given: ModelSection | Mapping[str, Any] | str | None) -> ModelSection:
        """The section of a model: as given, the configured one of that name, else one of that type with its defaults.

        None takes the first that is configured; ConfigError where none is.
        """
        if isinstance(given, ModelSection):
            return given
        if isinstance(given, Mapping):
            return ModelSection.model_validate(given)
        configured = self.config_manager.config.candidates()
        if given is None:
            if not configured:
                raise ConfigError(
                    f"no model is configured and none was given; add `models` to gnomon.yaml or pass model_config, one "
                    f"of {', '.join(self.model_registry.names())}"
                )
            given = next(iter(configured))
        held = configured.get(given)
        return held.model_copy(update={"name": given}) if held is not None else ModelSection(model_type=given)

    def _store(self, name: str, trained: TrainedModel) -> str | None:
        if self.artifact_store is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            trained.save(Path(folder) / "model")
            version = self.artifact_store.put(
                Path(folder) / "model",
                name=name,
                kind=ArtifactType.MODEL,
                metadata={
                    "model_type": trained.meta.model_type,
                    "horizon": trained.meta.horizon,
                    "data_version": trained.meta.data_version,
                },
            )
        return version.version


@dataclass(frozen=True)
class _OneSection:
    """Answers for `data` with a section that was given in the call."""

    section: DataConfig

    def get_config(self, key: str) -> Any:
        """The section, whatever it is asked by."""
        if key != "data":
            raise KeyError(key)
        return self.section
