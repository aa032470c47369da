"""Few columns made of many: vectors projected on directions that were learned from the training rows alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

import numpy as np

from gnomon.core.errors import ConfigError, DataError, IntegrityError, nearest
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.core.registry import Registry
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float32, Float64
from gnomon.samples.base import Samples
from gnomon.samples.transforms import BLOCK, Transform, rows_hash


@dataclass(frozen=True, kw_only=True)
class ProjectionParams:
    """A fitted projection: the columns it takes, and what it makes of them, (x - center) @ matrix.

    The new columns stand behind those that are left alone. A row with a value missing among the columns is NaN in all
    that is made of them.
    """

    kind: str
    feature_names: tuple[str, ...]
    """Of the samples that it takes."""
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    center: tuple[float, ...]
    matrix: tuple[tuple[float, ...], ...]
    """A row a column, a number an output."""
    explained: float | None
    """The share of the columns' variance in training that the outputs hold; None where it was not measured."""
    rows: int
    """How many rows it saw."""
    rows_hash: str
    """`rows_hash` of those rows: which moments of which symbols."""
    first_known_at: int
    last_known_at: int
    """The time of the rows it saw (UTC, microseconds)."""

    def apply(self, samples: Samples) -> Samples:
        """The samples with the columns projected. Raises DataError for other features than it was fitted on."""
        if samples.feature_names != self.feature_names:
            raise DataError(
                f"the projection was fitted on the features {list(self.feature_names)}; the samples carry "
                f"{list(samples.feature_names)}"
            )
        taken = [samples.feature_names.index(name) for name in self.columns]
        left = [f for f in range(len(samples.feature_names)) if f not in set(taken)]
        names = tuple(samples.feature_names[f] for f in left) + self.outputs
        x = np.empty((len(samples), len(names)), np.float32)
        x[:, : len(left)] = samples.x[:, left]
        for start in range(0, len(x), BLOCK):
            block = slice(start, start + BLOCK)
            x[block, len(left) :] = self._project(samples.x[block][:, taken])
        return replace(samples, x=x, feature_names=names)

    def _project(self, x: Float32[Array, "n d"]) -> Float64[Array, "n k"]:
        out = np.zeros((len(x), len(self.outputs)))
        # Column by column: a matrix product gives other bits for another number of rows, and live there is one.
        for j, (center, weights) in enumerate(zip(self.center, self.matrix, strict=True)):
            out += (x[:, j : j + 1].astype(np.float64) - center) * np.array(weights)
        return out

    def save(self, path: Path) -> None:
        """Writes it as JSON; the same projection, the same bytes."""
        write_atomic(path, canonical_json(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """The projection that `save` wrote, equal to the last bit."""
        try:
            fields: dict[str, Any] = json.loads(path.read_bytes())
            for name in ("feature_names", "columns", "outputs", "center"):
                fields[name] = tuple(fields[name])
            fields["matrix"] = tuple(tuple(row) for row in fields["matrix"])
            return cls(**fields)
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{path} holds no projection: {error}") from None


PROJECTIONS: Registry[Transform[ProjectionParams]] = Registry("projection")
"""Projections by the `kind` of `training.projection`."""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """What projections share: which columns, and to how many."""

    columns: str | tuple[str, ...]
    """Names of features, or patterns of them: "news_*"."""
    components: int = 8

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"components must be 1 or more, was {self.components}")
        if not self.patterns:
            raise ValueError("columns must name a feature or a pattern, was empty")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns, whether one was given or several."""
        return (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)

    def chosen(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The features that the patterns mean, in their order. ConfigError for a pattern that means none."""
        for pattern in self.patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                close = nearest(pattern, names)
                hint = f"; did you mean {close!r}?" if close else ""
                raise ConfigError(f"training.projection.columns: no feature is called {pattern!r}{hint}")
        return tuple(name for name in names if any(fnmatchcase(name, pattern) for pattern in self.patterns))


@PROJECTIONS.register(name="pca")
@dataclass(frozen=True, kw_only=True)
class PrincipalComponents(Projection):
    """The directions in which the training rows differ most (Jolliffe 2002)."""

    def fit(self, train: Samples) -> ProjectionParams:
        """Principal components of the rows that are whole, by scikit-learn, in float64."""
        from sklearn.decomposition import PCA

        def directions(x: Float64[Array, "n d"]) -> tuple[Float64[Array, "d k"], float | None]:
            fitted = PCA(self.components, svd_solver="covariance_eigh").fit(x)
            share = float(fitted.explained_variance_ratio_.sum())
            return fitted.components_.T, share if np.isfinite(share) else 0.0

        return _fit("pca", self, train, directions)


@PROJECTIONS.register(name="random")
@dataclass(frozen=True, kw_only=True)
class RandomProjection(Projection):
    """Random directions, which keep distances roughly (Johnson and Lindenstrauss 1984): nothing to overfit."""

    seed: int = 0

    def fit(self, train: Samples) -> ProjectionParams:
        """Gaussian directions from the seed; from the training rows only the center."""

        def directions(x: Float64[Array, "n d"]) -> tuple[Float64[Array, "d k"], float | None]:
            chance = generator(self.seed, "projection", "random")
            return chance.normal(0.0, self.components**-0.5, (x.shape[1], self.components)), None

        return _fit("random", self, train, directions)


def _fit(
    kind: str,
    projection: Projection,
    train: Samples,
    directions: Callable[[Float64[Array, "n d"]], tuple[Float64[Array, "d k"], float | None]],
) -> ProjectionParams:
    if not len(train):
        raise DataError("a projection needs training rows, there are none")
    columns = projection.chosen(train.feature_names)
    if projection.components > len(columns):
        raise ConfigError(
            f"training.projection.components is {projection.components}, but {list(projection.patterns)} are only "
            f"{len(columns)} features; ask for fewer"
        )
    x = train.x[:, [train.feature_names.index(name) for name in columns]].astype(np.float64)
    if np.isinf(x).any():
        raise DataError(f"the features to project are infinite in {int(np.isinf(x).any(axis=1).sum())} training rows")
    whole = x[~np.isnan(x).any(axis=1)]
    if len(whole) <= projection.components:
        raise DataError(
            f"{len(whole)} of {len(x)} training rows have a value of each of the {len(columns)} features to project; "
            f"{projection.components} components need more rows than that"
        )
    matrix, explained = directions(whole)
    stem = projection.patterns[0].replace("*", "").replace("?", "").strip("_") or "all"
    outputs = tuple(f"{stem}_{kind}_{k}" for k in range(projection.components))
    left = set(train.feature_names) - set(columns)
    if clash := sorted(left & set(outputs)):
        raise ConfigError(
            f"training.projection makes {clash}, and features are called so already; rename or exclude them"
        )
    return ProjectionParams(
        kind=kind,
        feature_names=train.feature_names,
        columns=columns,
        outputs=outputs,
        center=tuple(whole.mean(axis=0).tolist()),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        explained=explained,
        rows=len(train),
        rows_hash=rows_hash(train),
        first_known_at=int(train.known_at.min()),
        last_known_at=int(train.known_at.max()),
    )
