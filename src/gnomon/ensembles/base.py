"""What a stacker may learn from: forecasts of rows by fits that never saw them. And what a blender is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64, Int64
from gnomon.models.combiners import Combiner
from gnomon.models.supervised import Labels, labels_of
from gnomon.samples.base import Samples
from gnomon.splits.audit import MemberFit, audit_out_of_fold
from gnomon.training.cross_validation import CrossValidation


@dataclass(frozen=True, kw_only=True, eq=False)
class OutOfFold:
    """What each member says of rows that its fit never saw. Rows from which a member abstains are left out.

    samples: those rows. said[k, m, 3]: the probabilities of the members, in their order. fold[m]: which fold tested it.
    """

    members: tuple[str, ...]
    samples: Samples
    said: Float64[Array, "k m 3"]
    fold: Int64[Array, " m"]
    horizon: int

    def __len__(self) -> int:
        return len(self.fold)

    @cached_property
    def labels(self) -> Labels:
        """What came, of the rows where that is decided."""
        return labels_of(self.samples, self.horizon)

    def take(self, rows: Int64[Array, " r"]) -> Self:
        """The given rows (sorted)."""
        return type(self)(
            members=self.members,
            samples=self.samples.take(rows),
            said=np.ascontiguousarray(self.said[:, rows]),
            fold=self.fold[rows],
            horizon=self.horizon,
        )

    @classmethod
    def audited(
        cls,
        *,
        samples: Samples,
        said: Mapping[str, Float64[Array, "m 3"]],
        rows: Int64[Array, " m"],
        fits: Sequence[MemberFit],
        horizon: int,
    ) -> Self:
        """Forecasts of `rows` (sorted) of the samples, by member, once the audit of their fits has passed.

        Raises GateError where one of them is in-sample, or nobody knows which fit it is of.
        """
        if unknown := sorted(set(said) - {fit.member for fit in fits}):
            raise DataError(f"it is not known what the forecasts of {', '.join(unknown)} were fitted on")
        audit_out_of_fold(fits, rows, samples)
        fold = np.full(len(samples), -1, np.int64)
        first = next(iter(said))
        for fit in fits:
            if fit.member == first:
                fold[fit.tested] = fit.fold
        return cls(
            members=tuple(said),
            samples=samples.take(rows),
            said=np.stack(list(said.values())),
            fold=fold[rows],
            horizon=horizon,
        )

    @classmethod
    def of(cls, validation: CrossValidation, samples: Samples) -> Self:
        """The forecasts of a cross-validation, audited. `samples` are the ones that it was made on."""
        forecasts = {name: validation.out_of_fold(name) for name in validation.models}
        horizons = {name: forecast.horizon for name, (_, forecast) in forecasts.items()}
        if len(set(horizons.values())) != 1:
            raise DataError(f"members forecast different horizons, {horizons}: an ensemble is of one horizon")
        rows = next(iter(forecasts.values()))[0]
        spoken = np.ones(len(rows), bool)
        for _, forecast in forecasts.values():
            if forecast.allowed is not None:
                spoken &= forecast.allowed.any(axis=1)
        return cls.audited(
            samples=samples,
            said={name: forecast.probability[spoken] for name, (_, forecast) in forecasts.items()},
            rows=rows[spoken],
            fits=fits_of(validation),
            horizon=next(iter(horizons.values())),
        )


class Blender(Protocol):
    """Learns from out-of-fold forecasts what an ensemble does with its members."""

    def fit(self, known: OutOfFold) -> Combiner:
        """The combiner. Raises DataError for rows that it cannot learn from."""
        ...


def fits_of(validation: CrossValidation) -> tuple[MemberFit, ...]:
    """The record of every fit of a cross-validation."""
    return tuple(
        MemberFit(
            member=result.model,
            fold=result.fold,
            learned=result.learned,
            stopped=result.stopped,
            tested=result.rows,
            rows_hash=result.rows_hash,
        )
        for result in validation.results
    )


def given(known: OutOfFold) -> Float64[Array, "k m"]:
    """What each member gave to what came, of the decided rows; at least 1e-15."""
    labels = known.labels
    return np.asarray(np.maximum(known.said[:, labels.rows, labels.y], 1e-15))
