"""Folds as ranges of rows in the order of time: a few numbers a fold, whatever the number of rows.

A range says which labels it takes by one more number, the moment before which they must have ended; so purging costs
nothing until a fold's rows are asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Int64
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits.audit import audit_fold
from gnomon.splits.base import Fold
from gnomon.splits.times import checked_times, in_words

GLANCE = 4_096
"""Rows looked at first when a range is asked whether it holds any."""


@dataclass(frozen=True, slots=True)
class Span:
    """The rows from place `start` up to `stop` of the time order whose label ends before `ends_before`; None: all."""

    start: int
    stop: int
    ends_before: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """Labelled rows in the order of time; all folds of a split share it.

    order: the row at each place, None where rows are in the order of time as they stand. ends: label ends by place.
    judged_ends: the same, where a row without a label counts for as long as the longest label that was decided.
    moments: the distinct timestamps. places: where each moment's rows begin, and the number of rows at last.
    """

    known_at: Int64[Array, " n"]
    label_end: Int64[Array, " n"]
    order: Int64[Array, " n"] | None
    ends: Int64[Array, " n"]
    judged_ends: Int64[Array, " n"]
    moments: Int64[Array, " t"]
    places: Int64[Array, " t_and_end"]

    @classmethod
    def of(cls, known_at: Any, label_end: Any) -> Self:
        """The timeline of rows in any order. Raises DataError for times that do not belong together."""
        known, end = checked_times(known_at, label_end)
        order = None if (known[1:] >= known[:-1]).all() else np.argsort(known, kind="stable")
        starts, ends = (known, end) if order is None else (known[order], end[order])
        fresh = np.flatnonzero(starts[1:] != starts[:-1]) + 1
        places = np.concatenate([[0], fresh, [known.size]])
        judged = ends
        if ends.max() == UNKNOWN_END:
            undecided = ends == UNKNOWN_END
            longest = np.where(undecided, 0, ends - starts).max()
            judged = np.where(undecided, starts + longest, ends)
        return cls(
            known_at=known,
            label_end=end,
            order=order,
            ends=ends,
            judged_ends=judged,
            moments=starts[places[:-1]],
            places=places,
        )

    def span(self, first: int, stop: int, ends_before: int | None = None) -> Span:
        """The rows of the moments from number `first` up to `stop`."""
        return Span(int(self.places[first]), int(self.places[stop]), ends_before)

    def until(self, first: int, stop: int, cut: int) -> Span:
        """The rows of the moments `first` up to `stop` whose label ends before moment number `cut`."""
        return self.span(max(first, 0), max(first, stop, 0), int(self.moments[cut]))

    def released(self, judged_end: int, embargo_bars: int) -> int:
        """The number of the first moment after `judged_end` and `embargo_bars` moments more."""
        after = int(np.searchsorted(self.moments, judged_end, side="right"))
        return min(after + embargo_bars, self.moments.size)

    def holds_any(self, span: Span) -> bool:
        """Whether a span has a row: most often the first few tell."""
        if span.ends_before is None:
            return span.start < span.stop
        width, start = GLANCE, span.start
        while start < span.stop:
            if (self.ends[start : min(start + width, span.stop)] < span.ends_before).any():
                return True
            start, width = start + width, 4 * width
        return False

    def rows(self, spans: Sequence[Span]) -> Int64[Array, " m"]:
        """The row numbers of some spans that share no place, sorted."""
        pieces = [self._places(span) for span in spans]
        places = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
        if self.order is None:
            return places
        # Marking rows and reading the marks is quicker than sorting them.
        marked = np.zeros(self.known_at.size, bool)
        marked[self.order[places]] = True
        return np.flatnonzero(marked)

    def _places(self, span: Span) -> Int64[Array, " m"]:
        if span.ends_before is None:
            return np.arange(span.start, span.stop)
        return np.asarray(np.flatnonzero(self.ends[span.start : span.stop] < span.ends_before) + span.start)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldRanges:
    """One fold in ranges; its arrays are made, and audited, when asked for."""

    timeline: Timeline
    train: tuple[Span, ...]
    test: tuple[Span, ...]
    valid: tuple[Span, ...] = ()

    def fold(self) -> Fold:
        """The fold as row numbers. Raises GateError if the audit finds that labels overlap."""
        fold = self.unaudited()
        audit_fold(fold, self.timeline.known_at, self.timeline.label_end).raise_overlaps()
        return fold

    def unaudited(self) -> Fold:
        """The fold as row numbers, for the benchmark that compares with what audits nothing."""
        rows = self.timeline.rows
        return Fold(train=rows(self.train), valid=rows(self.valid), test=rows(self.test))


class RangeSplitter(ABC):
    """A splitter whose folds are ranges. All folds are checked before the first is handed out."""

    @property
    def several_folds(self) -> bool:
        """Whether it makes more than one fold, as far as is known before there are rows."""
        return True

    @abstractmethod
    def divide(self, timeline: Timeline) -> Sequence[FoldRanges]:
        """The folds. Raises DataError when the history is too short for them."""

    def ranges(self, known_at: Any, label_end: Any) -> list[FoldRanges]:
        """The folds as ranges: cheap, all at once. Raises DataError when one has nothing to train or validate on."""
        timeline = Timeline.of(known_at, label_end)
        folds = list(self.divide(timeline))
        for number, fold in enumerate(folds):
            for part in ("train", "valid"):
                spans: tuple[Span, ...] = getattr(fold, part)
                if (spans or part == "train") and not any(timeline.holds_any(span) for span in spans):
                    _refuse(part, number, fold, len(folds))
        return folds

    def split(self, known_at: Int64[Array, " n"], label_end: Int64[Array, " n"]) -> Iterator[Fold]:
        """The folds as row numbers, each made when it is asked for, and audited.

        Raises DataError when one has nothing to train or validate on, before the first is made.
        """
        return (ranges.fold() for ranges in self.ranges(known_at, label_end))


def _refuse(part: str, number: int, fold: FoldRanges, folds: int) -> None:
    timeline = fold.timeline
    tested = ", ".join(
        f"{in_words(starts[0])} to {in_words(starts[-1])}"
        for starts in (timeline.moments[_moments(timeline, span)] for span in fold.test)
    )
    unknown = timeline.label_end == UNKNOWN_END
    undecided = int(unknown.sum())
    longest = np.where(unknown, 0, timeline.label_end - timeline.known_at).max() / 1e6
    raise DataError(
        f"no row is left in {part} of fold {number + 1} of {folds}, which tests {tested}: of {timeline.known_at.size} "
        f"rows at {timeline.moments.size} distinct timestamps, those outside the test have no label ({undecided} rows "
        f"in all), have one that overlaps a tested one (the longest lives {longest:g} s), or are under the "
        "embargo. Make fewer folds, shorten the label horizons or the embargo, or bring a longer history"
    )


def _moments(timeline: Timeline, span: Span) -> slice:
    first, stop = np.searchsorted(timeline.places, [span.start, span.stop])
    return slice(int(first), int(stop))
