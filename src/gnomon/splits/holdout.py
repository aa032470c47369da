"""One division in time: train, then validate, then test, with the seams cut out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Bool, Int64
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits.audit import audit_fold
from gnomon.splits.base import SPLITTERS, Fold
from gnomon.splits.times import checked_times, in_words


@SPLITTERS.register(name="holdout")
@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Train, validation and test follow each other; all symbols are cut at the same two moments.

    The fractions are of the distinct timestamps. A row of one span whose label ends at or after the first moment of the
    next is purged, and with it at least the last `purge_bars` timestamps of the span; then the next span leaves out its
    first `embargo_bars` timestamps. Rows whose label is still undecided are neither trained nor validated on, but are
    tested: they have to be traded as well.

    Reference: López de Prado 2018, ch. 7.4.
    """

    train: float = 0.70
    valid: float = 0.15
    test: float = 0.15
    purge_bars: int = 0
    embargo_bars: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be a fraction above 0 and below 1, was {getattr(self, name)}")
        if not 0 <= self.valid < 1:
            raise ValueError(f"valid must be a fraction of at least 0 and below 1, was {self.valid}")
        if abs(self.train + self.valid + self.test - 1.0) > 1e-9:
            raise ValueError(
                f"train, valid and test must add up to 1, were {self.train} + {self.valid} + {self.test} = "
                f"{self.train + self.valid + self.test:g}"
            )
        for name in ("purge_bars", "embargo_bars"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more, was {getattr(self, name)}")

    def split(self, known_at: Int64[Array, " n"], label_end: Int64[Array, " n"]) -> Iterator[Fold]:
        """The one fold, audited. Raises DataError when a span comes out empty, with the numbers and the way out."""
        known_at, label_end = checked_times(known_at, label_end)
        moments = np.unique(known_at)
        count = moments.size
        valid_from = round(self.train * count)
        test_from = round((self.train + self.valid) * count) if self.valid else valid_from
        if not 0 < valid_from <= test_from < count:
            raise DataError(
                f"{known_at.size} rows at {count} distinct timestamps cannot be split {self.train:g} / "
                f"{self.valid:g} / {self.test:g}; bring a longer history"
            )
        moment = np.searchsorted(moments, known_at)
        train = self._until(valid_from, moments, moment, label_end)
        valid = self._until(test_from, moments, moment, label_end) & (moment >= valid_from + self.embargo_bars)
        fold = Fold(
            train=np.flatnonzero(train),
            valid=np.flatnonzero(valid) if self.valid else np.empty(0, np.int64),
            test=np.flatnonzero(moment >= test_from + self.embargo_bars),
        )
        spans = {"train": (0, valid_from), "valid": (valid_from, test_from), "test": (test_from, count)}
        for name, (start, stop) in spans.items():
            if getattr(fold, name).size == 0 and (name != "valid" or self.valid):
                self._refuse(name, start, stop, known_at, label_end, moments, moment)
        audit_fold(fold, known_at, label_end).raise_overlaps()
        yield fold

    def _until(
        self, cut: int, moments: Int64[Array, " t"], moment: Int64[Array, " n"], label_end: Int64[Array, " n"]
    ) -> Bool[Array, " n"]:
        return np.asarray((moment < cut - self.purge_bars) & (label_end < moments[cut]))

    def _refuse(
        self,
        name: str,
        start: int,
        stop: int,
        known_at: Int64[Array, " n"],
        label_end: Int64[Array, " n"],
        moments: Int64[Array, " t"],
        moment: Int64[Array, " n"],
    ) -> None:
        inside = (moment >= start) & (moment < stop)
        undecided = int((inside & (label_end == UNKNOWN_END)).sum())
        late = int((inside & (label_end != UNKNOWN_END) & (label_end >= moments[min(stop, moments.size - 1)])).sum())
        raise DataError(
            f"no row is left in {name}: it spans {stop - start} of {moments.size} timestamps, "
            f"{in_words(moments[start])} to {in_words(moments[stop - 1])}, with {int(inside.sum())} of {known_at.size} "
            f"rows, of which {late} have labels that end in the next span and {undecided} no label yet; purge_bars is "
            f"{self.purge_bars}, embargo_bars {self.embargo_bars}. Give {name} a larger fraction, shorten the label "
            "horizons, or bring a longer history"
        )


@SPLITTERS.register(name="intraday_holdout")
@dataclass(frozen=True, kw_only=True)
class IntradayHoldout(Holdout):
    """The holdout with the seams that bars of minutes want: 60 bars purged, and an embargo of 288.

    288 five-minute bars are one day: what a feature or a volatility remembers from one span has faded when the next
    begins. On daily bars 288 would be more than a year; use `holdout` there.
    """

    purge_bars: int = 60
    embargo_bars: int = 288
