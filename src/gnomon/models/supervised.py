"""What supervised models share: which rows can be learned from, and what makes a forecast of their scores.

A family writes three methods on plain arrays (fit, probability, and its own files); this class does the rest: it picks
the decided labels of its horizon, refuses what cannot be learned from, keeps the names of its features, and saves them.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from gnomon.core.errors import DataError, IntegrityError, nearest
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.core.registry import build
from gnomon.core.types import Array, Bool, Float32, Float64, Int64
from gnomon.models.base import Callback, FitReport, ModelBase, ModelConfig, State
from gnomon.samples.base import CLASSES, UNKNOWN_END, Forecast, Samples

FACTS = "model.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """What is learned: the class of each row (0 short, 1 flat, 2 long) and its weight, of mean 1."""

    y: Int64[Array, " m"]
    weight: Float64[Array, " m"]
    rows: Int64[Array, " m"]
    """Their numbers among the samples."""

    def __len__(self) -> int:
        return len(self.y)

    def only(self, kept: Bool[Array, " m"]) -> Labels:
        """Those that are kept, their weights again of mean 1."""
        weight = self.weight[kept]
        return Labels(y=self.y[kept], weight=weight / weight.mean() if weight.size else weight, rows=self.rows[kept])


@dataclass(frozen=True, kw_only=True, eq=False)
class Target(Labels):
    """Labels with the features of their rows."""

    x: Float32[Array, "m f"]


def target_of(samples: Samples, horizon: int) -> Target:
    """The rows whose label at `horizon` is decided and weighs something. Raises DataError for impossible values."""
    return with_features(labels_of(samples, horizon), samples)


def with_features(labels: Labels, samples: Samples) -> Target:
    """The labels with their features; a copy only where some rows are left out."""
    x = samples.x if len(labels) == len(samples) else samples.x[labels.rows]
    return Target(x=x, y=labels.y, weight=labels.weight, rows=labels.rows)


def labels_of(samples: Samples, horizon: int) -> Labels:
    """The labels at `horizon` that are decided and weigh something. Raises DataError for impossible values."""
    column = samples.horizon(horizon)
    weight = samples.weight[:, column].astype(np.float64)
    wrong = ~np.isfinite(weight) | (weight < 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{int(wrong.sum())} sample weights are negative or not finite, first {weight[row]} in row {row}"
        )
    rows = np.flatnonzero((samples.label_end[:, column] != UNKNOWN_END) & (weight > 0))
    y = samples.y[rows, column].astype(np.int64)
    if rows.size and not np.isin(y, CLASSES).all():
        strange = sorted(set(np.unique(y).tolist()) - set(CLASSES))
        raise DataError(f"labels at horizon {horizon} must be -1, 0 or 1, found {strange}")
    kept = weight[rows]
    return Labels(y=y + 1, weight=kept / kept.mean() if rows.size else kept, rows=rows)


def log_loss(probability: Float64[Array, "m 3"], target: Labels) -> float:
    """Weighted mean of -log of the probability given to what happened (natural log); a zero counts as 1e-15."""
    given = np.clip(probability[np.arange(len(target)), target.y], 1e-15, 1.0)
    return float(np.average(-np.log(given), weights=target.weight))


class SupervisedModel(ModelBase):
    """A model that learns classes from rows. Families implement `_fit`, `_probability`, `_save` and `_restore`."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.feature_names: tuple[str, ...] = ()
        self.horizon: int | None = None

    @abstractmethod
    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        """Learns; at least two classes are there. `valid` is None where there is nothing to validate on."""

    @abstractmethod
    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        """Probabilities of (short, flat, long), each row by itself."""

    @abstractmethod
    def _save(self, folder: Path) -> Mapping[str, Any]:
        """Writes its own files; the plain values that it returns are kept and handed to `_restore`."""

    @abstractmethod
    def _restore(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Reads what `_save` wrote."""

    def fit(self, train: Samples, valid: Samples | None = None, *, callbacks: Sequence[Callback] = ()) -> FitReport:
        """Learns the labels of its horizon; see `ModelBase.fit`."""
        labels, checked = self._accept(train, valid)
        held_out = with_features(checked, valid) if checked is not None and valid is not None else None
        for callback in callbacks:
            callback.on_fit_start(self, train, valid)
        report = self._fit(with_features(labels, train), held_out, callbacks)
        for callback in callbacks:
            callback.on_fit_end(self, report)
        return report

    def _accept(self, train: Samples, valid: Samples | None) -> tuple[Labels, Labels | None]:
        """What can be learned from, and validated on (None: nothing); notes horizon and features. Raises DataError."""
        name = type(self).__name__
        if not train.horizons:
            raise DataError(f"{name} cannot learn: the samples carry no labels; build them with labels")
        refuse_infinite(train)
        try:
            horizon = train.horizons[0] if self.config.horizon is None else self.config.horizon
            labels = self._labels(train, horizon)
        except ValueError as error:
            raise DataError(f"{name} cannot learn: {error}") from None
        if len(labels) < 2:
            raise DataError(
                f"{name} cannot learn: {len(labels)} of {len(train)} training rows have a decided label with a weight "
                f"at horizon {horizon}; bring a longer history or shorten the horizon"
            )
        counts = np.bincount(labels.y, minlength=3)
        if (counts > 0).sum() < 2:
            only = CLASSES[int(counts.argmax())]
            raise DataError(
                f"{name} cannot learn: all {len(labels)} training labels at horizon {horizon} are {only}; "
                "change the barriers (labels.upper, labels.lower) so that there is something to tell apart"
            )
        checked = None
        if valid is not None and len(valid):
            same_features(valid, train.feature_names, name)
            refuse_infinite(valid)
            checked = self._labels(valid, horizon)
        self.feature_names, self.horizon = train.feature_names, horizon
        return labels, checked if checked is not None and len(checked) else None

    def _labels(self, samples: Samples, horizon: int) -> Labels:
        """The labels that it can learn from, or be validated on."""
        return labels_of(samples, horizon)

    def predict(self, samples: Samples, *, state: State | None = None) -> Forecast:  # noqa: ARG002
        """A forecast, one row a sample; `state` is not used."""
        horizon = self._fitted_horizon()
        same_features(samples, self.feature_names, type(self).__name__)
        refuse_infinite(samples)
        probability = self._probability(samples.x) if len(samples) else np.empty((0, 3))
        return Forecast(
            probability=probability,
            known_at=samples.known_at,
            symbol=samples.symbol,
            symbols=samples.symbols,
            horizon=horizon,
        ).checked()

    def save(self, folder: Path) -> None:
        """Writes the model into an existing empty folder: the same model, the same bytes."""
        horizon = self._fitted_horizon()
        facts = {
            "class": type(self).__name__,
            "config": self.config.model_dump(mode="json"),
            "features": list(self.feature_names),
            "horizon": horizon,
            "fitted": dict(self._save(folder)),
        }
        write_atomic(folder / FACTS, canonical_json(facts))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote. Raises IntegrityError for a folder that holds none of this class."""
        try:
            facts = json.loads((folder / FACTS).read_bytes())
            if facts["class"] != cls.__name__:
                raise IntegrityError(f"{folder} holds a {facts['class']}, not a {cls.__name__}")
            model = cls(build(cls.Config, facts["config"], where=str(folder / FACTS)))
            model.feature_names = tuple(facts["features"])
            model.horizon = int(facts["horizon"])
            model._restore(folder, facts["fitted"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{folder} holds no {cls.__name__}: {error}") from error
        return model

    def _fitted_horizon(self) -> int:
        if self.horizon is None:
            raise ValueError(f"this {type(self).__name__} was not fitted yet; call fit, or load a saved one")
        return self.horizon


def same_features(samples: Samples, names: tuple[str, ...], model: str) -> None:
    """Raises DataError unless the samples carry these features in this order; `model` is named in it."""
    if samples.feature_names == names:
        return
    missing = [name for name in names if name not in samples.feature_names]
    if missing:
        close = nearest(missing[0], samples.feature_names)
        hint = f"; {missing[0]!r} may be {close!r}" if close else ""
        raise DataError(f"{model} was fitted on features that the samples lack: {missing}{hint}")
    raise DataError(
        f"{model} was fitted on the features {list(names)}; the samples carry {list(samples.feature_names)}: "
        "give the same ones in the same order"
    )


def refuse_infinite(samples: Samples) -> None:
    """Raises DataError that names the first feature with an infinite value, and its first row."""
    for f, name in enumerate(samples.feature_names):
        column = samples.x[:, f]
        if np.isinf(column).any():
            row = int(np.flatnonzero(np.isinf(column))[0])
            raise DataError(
                f"feature {name!r} is infinite in {int(np.isinf(column).sum())} rows, first row {row} "
                f"({samples.symbols[samples.symbol[row]]}); guard its division, or exclude it (features.exclude)"
            )
