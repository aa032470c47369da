"""What an ensemble does with what its members say: each way is a value that was fitted elsewhere, and is kept as files.

A combiner sees the probabilities of every member for a row, and the row itself; never another row.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from gnomon.core.errors import DataError, IntegrityError, unknown
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.core.types import Array, Float32, Float64, Int64
from gnomon.models.bundle import TrainedModel
from gnomon.samples.base import Samples

FACTS = "combiner.json"
FLOOR = 1e-4
"""Probabilities below it say the same: the logarithm of a member that is too sure does not outshout the others."""
ODDS = ("long_against_short", "flat_against_both")


class Combiner(ABC):
    """Probabilities of members to those of the ensemble, each row by itself."""

    kind: ClassVar[str]

    @abstractmethod
    def combine(self, said: Float64[Array, "k n 3"], samples: Samples) -> Float64[Array, "n 3"]:
        """Probabilities of (short, flat, long); `said` holds those of the members, in their order."""

    @abstractmethod
    def readable(self, members: tuple[str, ...]) -> dict[str, Any]:
        """What it does with whom, as plain values: `weights` by member, or by regime and member."""

    @abstractmethod
    def shares(self, members: int) -> Float64[Array, " k"]:
        """How much it listens to each member, as shares that add up to 1."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Its plain values."""

    def save(self, folder: Path) -> None:
        """Writes it into an existing empty folder: the same combiner, the same bytes."""
        write_atomic(folder / FACTS, canonical_json({"kind": self.kind, **self.facts()}))

    @classmethod
    @abstractmethod
    def restored(cls, facts: Mapping[str, Any], folder: Path) -> Self:
        """The combiner that `save` wrote."""


@dataclass(frozen=True, kw_only=True)
class Weighted(Combiner):
    """A convex combination: weights of at least 0 that add up to 1. The plain mean is the one with equal weights."""

    kind = "weighted"
    weights: tuple[float, ...]

    def combine(self, said: Float64[Array, "k n 3"], samples: Samples) -> Float64[Array, "n 3"]:  # noqa: ARG002
        """See `Combiner`."""
        return mixed(said, np.array(self.weights)[:, None])

    def readable(self, members: tuple[str, ...]) -> dict[str, Any]:
        """A weight a member."""
        return {"weights": dict(zip(members, self.weights, strict=True))}

    def shares(self, members: int) -> Float64[Array, " k"]:  # noqa: ARG002
        """The weights."""
        return np.array(self.weights)

    def facts(self) -> dict[str, Any]:
        """The weights."""
        return {"weights": list(self.weights)}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], folder: Path) -> Self:  # noqa: ARG003
        """See `Combiner`."""
        return cls(weights=tuple(facts["weights"]))


@dataclass(frozen=True, kw_only=True)
class Gated(Combiner):
    """Convex weights that depend on a feature of the row: which third of its training values it lies in, say.

    `weights`: a row a regime, from low values to high, and a last one for rows where the feature is missing.
    """

    kind = "gated"
    feature: str
    thresholds: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]

    def combine(self, said: Float64[Array, "k n 3"], samples: Samples) -> Float64[Array, "n 3"]:
        """See `Combiner`. Raises DataError where the samples lack the feature."""
        return mixed(said, np.array(self.weights).T[:, self.regime(samples)])

    def regime(self, samples: Samples) -> Int64[Array, " n"]:
        """The regime of each row: 0 for the lowest values; the last number for a missing one."""
        return regime_of(column_of(samples, self.feature), self.thresholds)

    def readable(self, members: tuple[str, ...]) -> dict[str, Any]:
        """The mean weight a member, and the weights in each regime."""
        names = regime_names(self.feature, self.thresholds)
        return {
            "weights": dict(zip(members, self.shares(len(members)).tolist(), strict=True)),
            "regimes": {
                name: dict(zip(members, row, strict=True)) for name, row in zip(names, self.weights, strict=True)
            },
        }

    def shares(self, members: int) -> Float64[Array, " k"]:  # noqa: ARG002
        """The mean weight over the regimes."""
        return np.asarray(np.array(self.weights)[:-1].mean(axis=0))

    def facts(self) -> dict[str, Any]:
        """The feature, where regimes part, and the weights."""
        return {
            "feature": self.feature,
            "thresholds": list(self.thresholds),
            "weights": [list(row) for row in self.weights],
        }

    @classmethod
    def restored(cls, facts: Mapping[str, Any], folder: Path) -> Self:  # noqa: ARG003
        """See `Combiner`."""
        weights = tuple(tuple(row) for row in facts["weights"])
        return cls(feature=facts["feature"], thresholds=tuple(facts["thresholds"]), weights=weights)


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned(Combiner):
    """A model over what the members say. Beside it, for reading, the share of each member in what it listens to."""

    meta: TrainedModel
    share: tuple[float, ...]

    @abstractmethod
    def inputs(self, said: Float64[Array, "k n 3"]) -> tuple[Float32[Array, "n f"], tuple[str, ...]]:
        """What the model sees of each row, and how its columns are called."""

    def combine(self, said: Float64[Array, "k n 3"], samples: Samples) -> Float64[Array, "n 3"]:
        """See `Combiner`."""
        x, names = self.inputs(said)
        return self.meta.predict(stacked(samples, x, names)).probability

    def readable(self, members: tuple[str, ...]) -> dict[str, Any]:
        """The share a member."""
        return {"weights": dict(zip(members, self.share, strict=True))}

    def shares(self, members: int) -> Float64[Array, " k"]:  # noqa: ARG002
        """As it was given."""
        return np.array(self.share)

    def save(self, folder: Path) -> None:
        """See `Combiner`; the model stands in a folder of its own."""
        super().save(folder)
        self.meta.save(folder / "meta")


@dataclass(frozen=True, kw_only=True, eq=False)
class Stacked(Learned):
    """A model over the log odds of the members; a linear one gives each member an exponent.

    Reference: Wolpert 1992, "Stacked generalization"; Genest and Zidek 1986 on logarithmic pools.
    """

    kind = "stacked"

    def inputs(self, said: Float64[Array, "k n 3"]) -> tuple[Float32[Array, "n f"], tuple[str, ...]]:
        """Two columns a member, numbered as the members are."""
        return log_odds(said)

    def facts(self) -> dict[str, Any]:
        """The shares; the rest is the model's."""
        return {"share": list(self.share)}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], folder: Path) -> Self:
        """See `Combiner`."""
        return cls(meta=TrainedModel.load(folder / "meta"), share=tuple(facts["share"]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranked(Learned):
    """The average rank of the members' edges, each among its own edges in training; so one row is enough to rank it.

    A rank says an order and no probability: a logistic regression on it and its square says how often what came.
    `edges[k]`: some hundred quantiles of a member's edge on training rows.
    """

    kind = "ranked"
    edges: Float64[Array, "k q"]

    def inputs(self, said: Float64[Array, "k n 3"]) -> tuple[Float32[Array, "n f"], tuple[str, ...]]:
        """The average rank, from -1 to 1, and its square."""
        return rank_inputs(said, self.edges)

    def facts(self) -> dict[str, Any]:
        """The shares and the quantiles."""
        return {"share": list(self.share), "edges": self.edges.tolist()}

    @classmethod
    def restored(cls, facts: Mapping[str, Any], folder: Path) -> Self:
        """See `Combiner`."""
        meta = TrainedModel.load(folder / "meta")
        return cls(meta=meta, share=tuple(facts["share"]), edges=np.array(facts["edges"], np.float64))


COMBINERS: dict[str, type[Combiner]] = {kind.kind: kind for kind in (Weighted, Gated, Stacked, Ranked)}


def load_combiner(folder: Path) -> Combiner:
    """The combiner in a folder. Raises IntegrityError for a folder that holds none."""
    try:
        facts = json.loads((folder / FACTS).read_bytes())
        return COMBINERS[facts["kind"]].restored(facts, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{folder} holds no combiner: {error}") from error


def mixed(said: Float64[Array, "k n 3"], weights: Float64[Array, "k n"]) -> Float64[Array, "n 3"]:
    """The weighted sum over members, in their order, so that a row's bits never depend on the batch."""
    total = weights[0][:, None] * said[0]
    for member in range(1, len(said)):
        total = total + weights[member][:, None] * said[member]
    whole = total[:, 0] + total[:, 1] + total[:, 2]
    return np.asarray(total / whole[:, None])


def edge_of(said: Float64[Array, "k n 3"]) -> Float64[Array, "k n"]:
    """Probability of long minus short, by member."""
    return np.asarray(said[:, :, 2] - said[:, :, 0])


def log_odds(said: Float64[Array, "k n 3"]) -> tuple[Float32[Array, "n f"], tuple[str, ...]]:
    """Two columns a member: the log odds of long against short, and of flat against those two (their mean)."""
    short, flat, long = np.moveaxis(np.log(np.clip(said, FLOOR, 1.0)), 2, 0)
    columns = np.stack([long - short, flat - 0.5 * (long + short)], axis=2)
    names = tuple(f"{member}.{name}" for member in range(len(said)) for name in ODDS)
    return np.ascontiguousarray(np.moveaxis(columns, 0, 1).reshape(said.shape[1], -1).astype(np.float32)), names


def rank_inputs(
    said: Float64[Array, "k n 3"], edges: Float64[Array, "k q"]
) -> tuple[Float32[Array, "n f"], tuple[str, ...]]:
    """The average rank of the edges among `edges`, from -1 to 1 (ties in the middle), and its square."""
    total = np.zeros(said.shape[1])
    for edge, known in zip(edge_of(said), edges, strict=True):
        total += np.searchsorted(known, edge, side="left") + np.searchsorted(known, edge, side="right")
    rank = total / (len(said) * edges.shape[1]) - 1.0
    return np.stack([rank, rank * rank], axis=1).astype(np.float32), ("rank", "rank_squared")


def stacked(samples: Samples, x: Float32[Array, "n f"], names: tuple[str, ...]) -> Samples:
    """The samples with what the members say in place of their features."""
    return replace(samples, x=x, feature_names=names)


def column_of(samples: Samples, feature: str) -> Float32[Array, " n"]:
    """A feature by name; DataError names the nearest one."""
    if feature not in samples.feature_names:
        raise DataError(unknown("feature", feature, samples.feature_names, where="the regime of an ensemble"))
    return samples.x[:, samples.feature_names.index(feature)]


def regime_of(values: Float32[Array, " n"], thresholds: tuple[float, ...]) -> Int64[Array, " n"]:
    """How many thresholds a value lies above; one more than there are for a value that is missing.

    >>> regime_of(np.array([0.1, 0.5, 2.0, np.nan]), (0.2, 1.0)).tolist()
    [0, 1, 2, 3]
    """
    place = np.searchsorted(np.array(thresholds), values.astype(np.float64), side="left")
    return np.asarray(np.where(np.isnan(values), len(thresholds) + 1, place))


def regime_names(feature: str, thresholds: tuple[float, ...]) -> list[str]:
    """What each regime is called.

    >>> regime_names("volatility", (0.2, 1.0))
    ['volatility up to 0.2', 'volatility up to 1', 'volatility above 1', 'volatility missing']
    """
    named = [f"{feature} up to {threshold:.4g}" for threshold in thresholds]
    return [*named, f"{feature} above {thresholds[-1]:.4g}", f"{feature} missing"]
