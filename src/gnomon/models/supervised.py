"""What supervised models share: which rows can be learned from, and what makes a forecast of their scores.

A family writes three methods on plain arrays (fit, probability, and its own files); this class does the rest: it picks
the decided labels of its horizon, refuses what cannot be learned from, keeps the names of its features, and saves them.
A family whose config is a `TargetConfig` may also learn the forward return; see `gnomon.models.returns`.
"""

from __future__ import annotations

import io
import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from gnomon.core.errors import ConfigError, DataError, IntegrityError, TrainingError, nearest
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json, hash_bytes
from gnomon.core.registry import build
from gnomon.core.types import Array, Bool, Float32, Float64, Int64
from gnomon.models.base import Callback, FitReport, ModelBase, ModelConfig, State
from gnomon.models.export import OnnxModel, trial_rows
from gnomon.models.returns import LEAST_ROWS, ReturnSpread
from gnomon.samples.base import CLASSES, UNKNOWN_END, Forecast, Samples

FACTS = "model.json"
BLOCK = 16_384
GREATEST_RETURN = 1e6
"""A return beyond this, a million times the price, is no return; libraries lose their digits on squares of such."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """What is learned: the class of each row (0 short, 1 flat, 2 long) and its weight, of mean 1.

    future: the forward return, as a fraction.
    """

    y: Int64[Array, " m"]
    weight: Float64[Array, " m"]
    future: Float64[Array, " m"]
    rows: Int64[Array, " m"]
    """Their numbers among the samples."""

    def __len__(self) -> int:
        return len(self.y)

    def only(self, kept: Bool[Array, " m"]) -> Labels:
        """Those that are kept, their weights again of mean 1."""
        weight = self.weight[kept]
        return Labels(
            y=self.y[kept],
            weight=weight / weight.mean() if weight.size else weight,
            future=self.future[kept],
            rows=self.rows[kept],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Target(Labels):
    """Labels with the features of their rows."""

    x: Float32[Array, "m f"]

    def of_classes(self, classes: Array) -> Target | None:
        """The rows of these classes; None where there are none. A class that training lacked cannot be validated on."""
        return self.where(np.isin(self.y, classes))

    def where(self, kept: Bool[Array, " m"]) -> Target | None:
        """The rows that are kept; None where there are none."""
        if kept.all():
            return self
        labels = self.only(kept)
        return Target(**vars(labels), x=self.x[kept]) if len(labels) else None


def target_of(samples: Samples, horizon: int) -> Target:
    """The rows whose label at `horizon` is decided and weighs something. Raises DataError for impossible values."""
    return with_features(labels_of(samples, horizon), samples)


def with_features(labels: Labels, samples: Samples) -> Target:
    """The labels with their features; a copy only where some rows are left out."""
    x = samples.x if len(labels) == len(samples) else samples.x[labels.rows]
    return Target(**vars(labels), x=x)


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
    return Labels(
        y=y + 1,
        weight=kept / kept.mean() if rows.size else kept,
        future=samples.forward_return[rows, column].astype(np.float64),
        rows=rows,
    )


def log_loss(probability: Float64[Array, "m 3"], target: Labels) -> float:
    """Weighted mean of -log of the probability given to what happened (natural log); a zero counts as 1e-15."""
    given = np.clip(probability[np.arange(len(target)), target.y], 1e-15, 1.0)
    return float(np.average(-np.log(given), weights=target.weight))


def rmse(expected: Float64[Array, " m"], target: Target) -> float:
    """Root of the weighted mean squared difference to the forward return."""
    return float(np.sqrt(np.average((expected - target.future) ** 2, weights=target.weight)))


def softmax(scores: Float64[Array, "n k"]) -> Float64[Array, "n k"]:
    """Probabilities from scores, each row by itself: sums are taken column by column, in one order."""
    columns = [np.exp(scores[:, k] - scores.max(axis=1)) for k in range(scores.shape[1])]
    total = columns[0].copy()
    for column in columns[1:]:
        total += column
    return np.stack([column / total for column in columns], axis=1)


def write_weights(folder: Path, name: str, data: bytes) -> dict[str, str]:
    """Writes a file of weights; what it returns goes among the facts of `_save`."""
    write_atomic(folder / name, data)
    return {"file": name, "sha256": hash_bytes(data)}


def read_weights(folder: Path, facts: Mapping[str, Any]) -> bytes:
    """The file that `write_weights` wrote. ValueError when it holds other bytes: some libraries take anything."""
    data = (folder / str(facts["file"])).read_bytes()
    if hash_bytes(data) != facts["sha256"]:
        raise ValueError(f"{facts['file']} is not the file that was written with this model")
    return data


def array_bytes(arrays: Mapping[str, Array]) -> bytes:
    """Arrays as the bytes of an npz file; equal arrays give equal bytes."""
    held = io.BytesIO()
    np.savez(held, allow_pickle=False, **arrays)
    return held.getvalue()


def arrays_of(data: bytes, names: Sequence[str]) -> dict[str, Array]:
    """The arrays of an npz file, by name. Raises ValueError where one is missing, or is no array of numbers."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        return {name: held[name] for name in names}


class SupervisedModel(ModelBase):
    """A model that learns from rows. Families implement `_fit`, `_probability`, `_save` and `_restore`.

    Those that can learn the forward return implement `_expected` too.
    """

    uses_features: ClassVar[bool] = True
    """Whether its forecasts depend on features; those that do are not fitted where no feature varies."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.feature_names: tuple[str, ...] = ()
        self.horizon: int | None = None
        self._spread: ReturnSpread | None = None
        self._fitting: tuple[Target, Target] | None = None

    @property
    def learns_returns(self) -> bool:
        """Whether it learns the forward return instead of the classes."""
        return getattr(self.config, "target", "class") == "return"

    @abstractmethod
    def _fit(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> FitReport:
        """Learns; at least two classes are there. `valid` is None where there is nothing to validate on."""

    @abstractmethod
    def _probability(self, x: Float32[Array, "n f"]) -> Float64[Array, "n 3"]:
        """Probabilities of (short, flat, long), each row by itself."""

    def _expected(self, x: Float32[Array, "n f"]) -> Float64[Array, " n"]:
        """The expected forward return, each row by itself."""
        raise NotImplementedError(f"{type(self).__name__} learns classes only")

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
        target = with_features(labels, train)
        if self.uses_features:
            refuse_constant(target.x, type(self).__name__)
        if self.learns_returns:
            refuse_returns(target, held_out, self._fitted_horizon(), type(self).__name__)
            judge = held_out if held_out is not None and len(held_out) >= LEAST_ROWS else target
            self._spread, self._fitting = None, (target, judge)
        try:
            for callback in callbacks:
                callback.on_fit_start(self, train, valid)
            report = self._fit(target, held_out, callbacks)
            self._refuse_unstable(report)
            if self.learns_returns:
                self._spread = self._measured()
        except BaseException:
            self.horizon = None
            raise
        finally:
            self._fitting = None
        for callback in callbacks:
            callback.on_fit_end(self, report)
        return report

    def _refuse_unstable(self, report: FitReport) -> None:
        for name, curve in report.curves.items():
            wrong = np.flatnonzero(~np.isfinite(np.asarray(curve, np.float64)))
            if wrong.size:
                at = int(wrong[0])
                slower = "lower learning_rate, or " if hasattr(self.config, "learning_rate") else ""
                raise TrainingError(
                    f"the fit of {type(self).__name__} became unstable: {name} is {curve[at]} after iteration {at}, "
                    f"and nothing is kept; {slower}look for extreme values among features, returns and weights"
                )

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
        probability, quantiles = self._said(samples.x) if len(samples) else (np.empty((0, 3)), None)
        return Forecast(
            probability=probability,
            known_at=samples.known_at,
            symbol=samples.symbol,
            symbols=samples.symbols,
            horizon=horizon,
            quantiles=quantiles,
            quantile_levels=self.config.quantiles if quantiles is not None else (),  # type: ignore[attr-defined]
        ).checked()

    def row(self, x: Float32[Array, " f"]) -> Float64[Array, " 3"]:
        """Probabilities for the features of one row, unchecked: `predict` without its tables, for those in a hurry."""
        if not self.learns_returns:
            return np.asarray(self._probability(x[None])[0])
        return np.asarray(self._measured().probability(self._expected(x[None]))[0])

    def _said(self, x: Float32[Array, "n f"]) -> tuple[Float64[Array, "n 3"], Float64[Array, "n q"] | None]:
        quantiles = self._own_quantiles(x)
        if not self.learns_returns:
            return self._probability(x), quantiles
        spread, expected = self._measured(), self._expected(x)
        levels = self.config.quantiles  # type: ignore[attr-defined]
        if quantiles is None and levels:
            quantiles = spread.quantiles(expected, levels)
        return spread.probability(expected), quantiles

    def _own_quantiles(self, x: Float32[Array, "n f"]) -> Float64[Array, "n q"] | None:  # noqa: ARG002
        """Quantiles of the forward return that it has learned, rising; None where they come from the spread, or not."""
        return None

    def _measured(self) -> ReturnSpread:
        """The spread of what it misses; while it is fitted, that of the model there is."""
        if self._spread is not None:
            return self._spread
        if self._fitting is None:
            raise ValueError(f"this {type(self).__name__} was not fitted yet; call fit, or load a saved one")
        target, judge = self._fitting
        return ReturnSpread.fit(
            returns=target.future,
            y=target.y,
            weight=target.weight,
            missed=judge.future - self._expected(judge.x),
            missed_weight=judge.weight,
        )

    def onnx(self) -> OnnxModel:
        """Itself for `export_onnx`. Raises ConfigError where ONNX has no words for it."""
        name = type(self).__name__
        if self.learns_returns:
            raise ConfigError(
                f"the probabilities of a {name} with `target: return` have no ONNX form; use its own format"
            )
        self._fitted_horizon()
        rows = trial_rows(len(self.feature_names))
        return OnnxModel(graph=self._graph(), inputs={"x": rows}, expected=self._probability(rows))

    def _graph(self) -> bytes:
        """An ONNX graph from "x", float32[n, f], to probabilities."""
        raise ConfigError(f"{type(self).__name__} has no ONNX form; save it in its own format instead")

    def _tell(self, train: Target, valid: Target | None, callbacks: Sequence[Callback]) -> dict[str, list[float]]:
        """Tells callbacks how a model did that is fitted in one go; gives the curves of its report."""
        metrics = {}
        for part, target in (("train", train), ("valid", valid)):
            if target is not None and self.learns_returns:
                metrics[f"{part}_rmse"] = rmse(self._expected(target.x), target)
            elif target is not None:
                metrics[f"{part}_log_loss"] = log_loss(self._probability(target.x), target)
        for callback in callbacks:
            callback.on_iteration_end(self, 0, metrics)
        return {name: [value] for name, value in metrics.items()}

    def _reversed(self, target: Target, rows: int = 512) -> Float64[Array, " f"]:
        """What each feature is worth: loss gained when some rows swap its values, first with last. 0 where none is."""
        step = max(1, len(target) // rows)
        some = Target(**{name: values[::step] for name, values in vars(target).items()})

        def loss(x: Array) -> float:
            return rmse(self._expected(x), some) if self.learns_returns else log_loss(self._probability(x), some)

        base, worth = loss(some.x), np.zeros(some.x.shape[1])
        for f in range(some.x.shape[1]):
            x = some.x.copy()
            x[:, f] = x[::-1, f]
            worth[f] = max(0.0, loss(x) - base)
        return worth

    def _shares(self, size: Float64[Array, " f"]) -> dict[str, float]:
        """Importance by feature: sizes as shares of their sum."""
        total = float(size.sum()) or 1.0
        return {name: float(value) / total for name, value in zip(self.feature_names, size, strict=True)}

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
        if self.learns_returns:
            facts["returns"] = self._measured().facts()
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
            if model.learns_returns:
                model._spread = ReturnSpread.from_facts(facts["returns"])
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
    starts = range(0, len(samples), BLOCK)
    if not any(np.isinf(samples.x[start : start + BLOCK]).any() for start in starts):
        return
    for f, name in enumerate(samples.feature_names):
        column = samples.x[:, f]
        if np.isinf(column).any():
            row = int(np.flatnonzero(np.isinf(column))[0])
            raise DataError(
                f"feature {name!r} is infinite in {int(np.isinf(column).sum())} rows, first row {row} "
                f"({samples.symbols[samples.symbol[row]]}); guard its division, or exclude it (features.exclude)"
            )


def refuse_constant(x: Float32[Array, "n f"], model: str) -> None:
    """Raises DataError where no feature varies over these training rows; `model` is named in it."""
    for f in range(x.shape[1]):
        held = x[:, f][~np.isnan(x[:, f])]
        if 0 < held.size < len(x) or (held.size and held.min() < held.max()):
            return
    raise DataError(
        f"{model} cannot learn: none of the {x.shape[1]} features varies in the training rows, each is constant or "
        "missing throughout; look at the features, or let them warm up"
    )


def refuse_returns(train: Target, valid: Target | None, horizon: int, model: str) -> None:
    """Raises DataError for forward returns that nothing can be learned from; `model` is named in it."""
    for part, target in (("training", train), ("validation", valid)):
        if target is None:
            continue
        wrong = int((~np.isfinite(target.future)).sum())
        if wrong:
            raise DataError(f"{model} cannot learn: {wrong} {part} returns at horizon {horizon} are not finite")
        row = int(np.abs(target.future).argmax())
        if abs(target.future[row]) > GREATEST_RETURN:
            raise DataError(
                f"{model} cannot learn: a {part} return at horizon {horizon} is {target.future[row]:g}, row "
                f"{target.rows[row]}; returns are fractions (0.01 is 1%), so look at the prices around it"
            )
    if train.future.min() == train.future.max():
        raise DataError(
            f"{model} cannot learn: all {len(train)} forward returns at horizon {horizon} are {train.future[0]}"
        )
