"""What a calibrator is, and the record of the rows that it was fitted on.

A calibrator maps a row's probabilities to better ones. It is fitted on rows that the model did not learn from, and
looks at one row at a time: the same row gets the same bits in any batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from gnomon.core.errors import IntegrityError
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.core.types import Array, Float64, Int64
from gnomon.samples.base import UNKNOWN_END, Samples
from gnomon.samples.transforms import rows_hash

SMALLEST = 1e-15
"""A probability below this counts as this, so that its logarithm is a number."""


class Calibrator(Protocol):
    """A fitted map of probabilities: a frozen dataclass whose fields are its JSON."""

    @classmethod
    def fit(cls, probability: Float64[Array, "m 3"], y: Int64[Array, " m"], weight: Float64[Array, " m"]) -> Self:
        """The map that serves these rows best; `y` is the column that came, `weight` has mean 1."""
        ...

    def apply(self, probability: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
        """Calibrated probabilities, each row by itself."""
        ...


@dataclass(frozen=True, kw_only=True)
class FittedOn:
    """The rows that something was fitted on, so that an audit can hold them against training and test rows."""

    rows: int
    rows_hash: str
    """`gnomon.samples.transforms.rows_hash` of those rows."""
    first_known_at: int
    last_known_at: int
    last_label_end: int
    """When the last of their labels became known (UTC, microseconds)."""
    shared: bool
    """Whether the fit could stop by the same rows: what is measured on them is then a little too good."""

    @classmethod
    def of(cls, samples: Samples, horizon: int, *, shared: bool) -> FittedOn:
        """The record of these samples, at least one."""
        ends = samples.label_end[:, samples.horizon(horizon)]
        return cls(
            rows=len(samples),
            rows_hash=rows_hash(samples),
            first_known_at=int(samples.known_at.min()),
            last_known_at=int(samples.known_at.max()),
            last_label_end=int(ends[ends != UNKNOWN_END].max(initial=0)),
            shared=shared,
        )


def softmax(scores: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
    """Probabilities of scores. Column by column, because a sum over rows may depend on how many come together."""
    exponents = np.exp(scores - np.maximum(np.maximum(scores[:, 0], scores[:, 1]), scores[:, 2])[:, None])
    return normalised(exponents)


def normalised(positive: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
    """The rows divided by their sums."""
    return np.asarray(positive / (positive[:, 0] + positive[:, 1] + positive[:, 2])[:, None])


def log_probability(probability: Float64[Array, "n 3"]) -> Float64[Array, "n 3"]:
    """Natural logarithms, none below that of `SMALLEST`."""
    return np.asarray(np.log(np.maximum(probability, SMALLEST)))


def write_record(path: Path, kind: str, fitted: Any, seen: FittedOn) -> None:
    """Writes what was fitted as JSON; the same fit, the same bytes."""
    write_atomic(path, canonical_json({"kind": kind, "fitted": asdict(fitted), "seen": asdict(seen)}))


T = TypeVar("T")


def read_record(path: Path, kinds: Mapping[str, type[T]]) -> tuple[T, FittedOn]:
    """What `write_record` wrote. Raises IntegrityError for a file that holds none of these kinds."""
    try:
        facts = json.loads(path.read_bytes())
        fitted = kinds[facts["kind"]](**{name: _tuples(value) for name, value in facts["fitted"].items()})
        return fitted, FittedOn(**facts["seen"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path} holds no {' or '.join(kinds)}: {error}") from None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
