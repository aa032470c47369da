"""A trained model as one value and one folder: all that predicting needs.

    model/            what the model's own `save` wrote
    scaler.json       the scaler, with the hash of the training rows it saw
    projection.json   where vectors became fewer columns: how, with the same hash
    calibration.json  where its probabilities are calibrated: how, and the hash of the validation rows that it saw
    conformal.json    where it makes conformal sets: how, and the hash of the validation rows that they saw
    features.json     the features in their order, and their hash
    meta.json         which model, trained how, on what
    files.json        the hash of each of these files

Equal training gives equal bytes. Loading verifies every hash before a file is parsed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from gnomon.core.errors import ConfigError, DataError, IntegrityError, nearest
from gnomon.core.files import atomic_folder, write_atomic
from gnomon.core.hashing import canonical_json, hash_file, hash_value
from gnomon.core.types import Array, Float32, Float64, Int64
from gnomon.models.base import ModelBase, ModelRegistry, State
from gnomon.models.calibration.calibration import Calibration
from gnomon.models.calibration.conformal import Conformal
from gnomon.models.export import OnnxModel
from gnomon.models.graphs import named_graph, scaled_graph
from gnomon.models.supervised import SupervisedModel
from gnomon.samples.base import Forecast, Samples
from gnomon.samples.projection import ProjectionParams
from gnomon.samples.transforms import ScalerParams
from gnomon.samples.windows import with_context


@dataclass(frozen=True, kw_only=True)
class ModelMeta:
    """What a trained model was made of. `lineage` holds plain values of the caller's: features, labels, split."""

    name: str
    model_type: str
    config: Mapping[str, Any]
    horizon: int
    seed: int
    rows: int
    """Training rows."""
    trained_until: int
    """When the last label it learned from became known (UTC, microseconds): earlier rows are not out of sample."""
    data_version: str | None = None
    lineage: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Kept as they will be read back, so that what was loaded equals what was saved.
        for name in ("config", "lineage"):
            object.__setattr__(self, name, _plain(getattr(self, name)))


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedModel:
    """A fitted model with its scaler and the features it wants; it predicts samples as `build_samples` makes them."""

    model: ModelBase
    scaler: ScalerParams
    feature_names: tuple[str, ...]
    meta: ModelMeta
    calibration: Calibration | None = None
    conformal: Conformal | None = None
    projection: ProjectionParams | None = None

    def predict(self, samples: Samples, *, state: State | None = None) -> Forecast:
        """A forecast, one row a sample. Features are taken by name; DataError names the one that is missing."""
        chosen = select_features(samples, self.feature_names)
        projected = chosen if self.projection is None else self.projection.apply(chosen)
        raw = self.model.predict(self.scaler.apply(projected), state=state)
        return self.finished(raw).checked()

    def row(self, x: Float32[Array, " f"]) -> Float64[Array, " 3"]:
        """Probabilities for one row of raw features, in the order of `feature_names`: the same bits as `predict`.

        For serving: no tables are made. Raises DataError for another number of features or an infinite one, and for a
        model that needs the rows before it, or a projection.
        """
        if not isinstance(self.model, SupervisedModel) or self.model.context or self.projection is not None:
            raise DataError(f"{self.meta.name} has no short way for one row; use predict")
        if x.shape != (len(self.feature_names),):
            raise DataError(f"{self.meta.name} wants {len(self.feature_names)} features, the row has {x.shape}")
        x = np.asarray(x, np.float32)
        if np.isinf(x).any():
            raise DataError(f"feature {self.feature_names[int(np.flatnonzero(np.isinf(x))[0])]!r} is infinite")
        if self._widths is not None:
            center, scale = self._widths
            x = ((x.astype(np.float64) - center) / scale).astype(np.float32)
        probability = self.model.row(x)
        return probability if self.calibration is None else self.calibration.apply(probability[None])[0]

    @cached_property
    def _widths(self) -> tuple[Float64[Array, " f"], Float64[Array, " f"]] | None:
        """The scaler's numbers as arrays; None where it changes nothing."""
        return None if self.scaler.kind == "none" else (np.array(self.scaler.center), np.array(self.scaler.scale))

    def onnx(self) -> OnnxModel:
        """Itself for `export_onnx`, from raw features. Raises ConfigError for parts that ONNX has no words for."""
        if self.projection is not None or self.calibration is not None or self.conformal is not None:
            raise ConfigError(
                f"{self.meta.name} has a projection, a calibration or conformal sets, which are no part of its ONNX "
                "form; export its `model`, or train without them"
            )
        if not isinstance(self.model, SupervisedModel):
            raise ConfigError(f"{type(self.model).__name__} has no ONNX form; save it in its own format instead")
        inner = self.model.onnx()
        plain = list(inner.inputs) == ["x"]
        if self._widths is None and plain:
            # The same name as with a scaler, so that who serves it need not know.
            return replace(inner, graph=named_graph(inner.graph), inputs={"features": inner.inputs["x"]})
        if self._widths is None:
            return inner
        if not plain:
            raise ConfigError(f"{type(self.model).__name__} is exported without its scaler only; export its `model`")
        center, scale = self._widths
        rows = (inner.inputs["x"] * scale + center).astype(np.float32)
        return OnnxModel(
            graph=scaled_graph(inner.graph, center, scale),
            inputs={"features": rows},
            expected=np.stack([self.row(row) for row in rows]),
            tolerance=inner.tolerance,
        )

    def predict_rows(self, samples: Samples, rows: Int64[Array, " m"]) -> Forecast:
        """A forecast of the given rows (sorted) that may read the rows before them, as many as the model looks back.

        What came before a row was known at its time, whatever part of a split it is in: to forecast with it is no leak.
        For a model whose rows stand alone it is `predict` of these rows.
        """
        part, at = with_context(samples, rows, self.model.context)
        return self.predict(part).take(at)

    def finished(self, raw: Forecast) -> Forecast:
        """The model's own forecast, calibrated, and with its conformal sets, where this one has them."""
        forecast = raw
        if self.calibration is not None:
            probability = self.calibration.apply(raw.probability)
            forecast = replace(raw, probability=probability, uncalibrated=raw.probability)
        if self.conformal is not None:
            allowed = self.conformal.allowed(forecast.probability, raw.known_at, raw.symbol, raw.symbols)
            # A row that the model itself abstained from stays without a class.
            forecast = replace(forecast, allowed=allowed if raw.allowed is None else allowed & raw.allowed)
        return forecast

    def save(self, folder: Path) -> None:
        """Writes it as a new folder: whole, or not at all. The folder must not exist."""
        with atomic_folder(folder) as temporary:
            (temporary / "model").mkdir()
            self.model.save(temporary / "model")
            self.scaler.save(temporary / "scaler.json")
            if self.projection is not None:
                self.projection.save(temporary / "projection.json")
            if self.calibration is not None:
                self.calibration.save(temporary / "calibration.json")
            if self.conformal is not None:
                self.conformal.save(temporary / "conformal.json")
            names = list(self.feature_names)
            write_atomic(temporary / "features.json", canonical_json({"names": names, "hash": hash_value(names)}))
            write_atomic(temporary / "meta.json", canonical_json(asdict(self.meta)))
            write_atomic(temporary / "files.json", canonical_json(_hashes(temporary)))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The trained model in a folder; its forecasts are those of the one that was saved, to the last bit.

        Raises IntegrityError for a folder that holds none, or one that was altered.
        """
        try:
            _verify(folder, json.loads((folder / "files.json").read_bytes()))
            meta = ModelMeta(**json.loads((folder / "meta.json").read_bytes()))
            features = json.loads((folder / "features.json").read_bytes())
            names = tuple(features["names"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{folder} holds no trained model: {error}") from error
        model = ModelRegistry.models.get(meta.model_type, where=str(folder / "meta.json")).load(folder / "model")
        projection = folder / "projection.json"
        calibration, conformal = folder / "calibration.json", folder / "conformal.json"
        return cls(
            model=model,
            scaler=ScalerParams.load(folder / "scaler.json"),
            feature_names=names,
            meta=meta,
            calibration=Calibration.load(calibration) if calibration.is_file() else None,
            conformal=Conformal.load(conformal) if conformal.is_file() else None,
            projection=ProjectionParams.load(projection) if projection.is_file() else None,
        )


def _verify(folder: Path, expected: Mapping[str, str]) -> None:
    found = _hashes(folder)
    if found != expected:
        altered = [name for name in sorted({*found, *expected}) if found.get(name) != dict(expected).get(name)]
        raise IntegrityError(f"{folder} is not as it was written: {', '.join(altered)} altered, missing or added")


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in the folder but the list of hashes itself, by relative name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / "files.json")
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


def _plain(value: Any) -> Any:
    """The value as JSON gives it back; what JSON has no word for (infinity, a date) becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def select_features(samples: Samples, names: tuple[str, ...]) -> Samples:
    """The samples with these features in this order. Raises DataError that names what is missing."""
    if samples.feature_names == names:
        return samples
    missing = [name for name in names if name not in samples.feature_names]
    if missing:
        close = nearest(missing[0], samples.feature_names)
        hint = f"; is {missing[0]!r} now {close!r}?" if close else ""
        raise DataError(f"the model wants features that the samples lack: {missing}{hint}")
    columns = [samples.feature_names.index(name) for name in names]
    return replace(samples, x=np.ascontiguousarray(samples.x[:, columns]), feature_names=names)
