"""Scaling fitted on training rows only, and a record of which rows those were."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from gnomon.core.errors import DataError, IntegrityError
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json, hash_bytes
from gnomon.core.types import Array, Float32
from gnomon.samples.base import Samples

BLOCK = 65_536


@dataclass(frozen=True, kw_only=True)
class ScalerParams:
    """A fitted scaler: (x - center) / scale for each feature, and the rows it was fitted on.

    A feature that is constant, or has no value in training, is only centered. NaN stays NaN.
    """

    kind: str
    feature_names: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    rows: int
    """How many rows it saw."""
    rows_hash: str
    """`rows_hash` of those rows: which moments of which symbols."""
    first_known_at: int
    last_known_at: int
    """The time of the rows it saw (UTC, microseconds)."""

    def apply(self, samples: Samples) -> Samples:
        """The samples with scaled features. Raises DataError when they carry other features than it was fitted on."""
        if samples.feature_names != self.feature_names:
            raise DataError(
                f"the scaler was fitted on the features {list(self.feature_names)}; the samples carry "
                f"{list(samples.feature_names)}"
            )
        return replace(samples, x=self.transform(samples.x))

    def transform(self, x: Float32[Array, "n f"]) -> Float32[Array, "n f"]:
        """Scaled features; each row by itself."""
        if self.kind == "none":
            return x
        center, scale = np.array(self.center), np.array(self.scale)
        out = np.empty(x.shape, np.float32)
        for start in range(0, len(x), BLOCK):
            block = slice(start, start + BLOCK)
            out[block] = (x[block].astype(np.float64) - center) / scale
        return out

    def save(self, path: Path) -> None:
        """Writes it as JSON; the same scaler, the same bytes."""
        write_atomic(path, canonical_json(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The scaler that `save` wrote, equal to the last bit."""
        try:
            fields: dict[str, Any] = json.loads(path.read_bytes())
            for name in ("feature_names", "center", "scale"):
                fields[name] = tuple(fields[name])
            return cls(**fields)
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{path} holds no scaler: {error}") from None


class Params(Protocol):
    """What a transform learned, with the record of the rows that it saw."""

    @property
    def rows(self) -> int:
        """How many rows it saw."""
        ...

    @property
    def rows_hash(self) -> str:
        """Which rows those were."""
        ...

    @property
    def last_known_at(self) -> int:
        """The time of the last of them (UTC, microseconds)."""
        ...

    def apply(self, samples: Samples) -> Samples:
        """The samples, transformed; each row by itself."""
        ...

    def save(self, path: Path) -> None:
        """Writes it; the same values, the same bytes."""
        ...


P = TypeVar("P", bound=Params, covariant=True)


class Transform(Protocol[P]):
    """Something fitted on training rows and applied to all: a scaler, a projection, a selection."""

    def fit(self, train: Samples) -> P:
        """What was learned from the training rows; it knows how to apply itself."""
        ...


@dataclass(frozen=True, kw_only=True)
class StandardScaler:
    """Mean 0, standard deviation 1 on the training rows."""

    def fit(self, train: Samples) -> ScalerParams:
        """Mean and standard deviation of each feature's values; NaN does not count."""
        return _fit("standard", train, _mean_and_deviation)


@dataclass(frozen=True, kw_only=True)
class RobustScaler:
    """Median 0, interquartile range that of a standard normal: outliers do not stretch it."""

    def fit(self, train: Samples) -> ScalerParams:
        """Median and interquartile range / 1.349 of each feature's values; NaN does not count."""
        return _fit("robust", train, _median_and_range)


@dataclass(frozen=True, kw_only=True)
class NoScaler:
    """Leaves the features as they are."""

    def fit(self, train: Samples) -> ScalerParams:
        """Center 0 and scale 1, and the rows it was shown."""
        count = len(train.feature_names)
        return _params("none", train, [0.0] * count, [1.0] * count)


SCALERS: Mapping[str, Transform[ScalerParams]] = {
    "standard": StandardScaler(),
    "robust": RobustScaler(),
    "none": NoScaler(),
}


def rows_hash(samples: Samples) -> str:
    """A hash of which rows these are: their moments and symbols, in order."""
    names = canonical_json([list(samples.symbols)])
    return hash_bytes(names + samples.known_at.astype("<i8").tobytes() + samples.symbol.astype("<i4").tobytes())


def _fit(kind: str, train: Samples, measure: Callable[[Array], tuple[float, float]]) -> ScalerParams:
    center, scale = [], []
    for f, name in enumerate(train.feature_names):
        column = train.x[:, f].astype(np.float64)
        if np.isinf(column).any():
            raise DataError(f"feature {name!r} is infinite in {int(np.isinf(column).sum())} training rows")
        values = column[~np.isnan(column)]
        middle, width = measure(values) if values.size else (0.0, 1.0)
        center.append(middle)
        # Rounding leaves a constant feature a width near zero; dividing by it would blow up what is only noise.
        scale.append(width if width > 1e-12 * max(1.0, abs(middle)) else 1.0)
    return _params(kind, train, center, scale)


def _params(kind: str, train: Samples, center: list[float], scale: list[float]) -> ScalerParams:
    if not len(train):
        raise DataError("a scaler needs training rows, there are none")
    return ScalerParams(
        kind=kind,
        feature_names=train.feature_names,
        center=tuple(center),
        scale=tuple(scale),
        rows=len(train),
        rows_hash=rows_hash(train),
        first_known_at=int(train.known_at.min()),
        last_known_at=int(train.known_at.max()),
    )


def _mean_and_deviation(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std())


def _median_and_range(values: Array) -> tuple[float, float]:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float((high - low) / 1.3489795003921634)
