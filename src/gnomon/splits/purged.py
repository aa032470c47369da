"""Purged k-fold: every row is tested once, by what was learned on both sides of it, but from no label that meets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Int64
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits.base import SPLITTERS
from gnomon.splits.ranges import FoldRanges, RangeSplitter, Span, Timeline
from gnomon.splits.times import checked_count


@SPLITTERS.register(name="purged_kfold")
@dataclass(frozen=True, kw_only=True)
class PurgedKFold(RangeSplitter):
    """The history in `folds` groups of timestamps, each tested once by what was learned from the others.

    All symbols are cut at the same moments. A training row is purged when its label's life, from `known_at` to
    `label_end`, meets that of a tested row; after the last tested label has ended, the next `embargo_bars` distinct
    timestamps are left out as well. Rows without a label yet are tested and never trained on; where they are tested
    they count for as long as the longest label that was decided.

    Training rows lie after the test too, so a fold is no trading history: it measures a model, not a strategy.

    Reference: López de Prado 2018, ch. 7.4.

    >>> known_at = np.arange(9)
    >>> [fold.train.tolist() for fold in PurgedKFold(folds=3).split(known_at, known_at + 1)]
    [[4, 5, 6, 7, 8], [0, 1, 7, 8], [0, 1, 2, 3, 4]]
    """

    folds: int = 5
    embargo_bars: int = 0

    def __post_init__(self) -> None:
        checked_count("folds", self.folds, least=2)
        checked_count("embargo_bars", self.embargo_bars, least=0)

    def divide(self, timeline: Timeline) -> Sequence[FoldRanges]:
        """One fold a group."""
        choices = ((group,) for group in range(self.folds))
        return held_out(timeline, folds=self.folds, choices=choices, embargo_bars=self.embargo_bars)


def group_bounds(moments: int, *, rows: int, folds: int) -> Int64[Array, " groups_and_end"]:
    """The moment at which each group begins, and the number of moments at last; sizes differ by one at most.

    Raises DataError when there are fewer moments than groups.
    """
    if moments < folds:
        raise DataError(
            f"{rows} rows at {moments} distinct timestamps cannot be cut into {folds} groups of timestamps; make fewer "
            "folds or bring a longer history"
        )
    return np.arange(folds + 1) * moments // folds


def held_out(
    timeline: Timeline, *, folds: int, choices: Iterable[Sequence[int]], embargo_bars: int
) -> list[FoldRanges]:
    """A fold for each choice of groups (in ascending order): those are tested, what is left of the others trains."""
    bounds = group_bounds(timeline.moments.size, rows=timeline.known_at.size, folds=folds).tolist()
    places = timeline.places[bounds]
    ends = np.maximum.reduceat(timeline.judged_ends, places[:-1]).tolist()
    released = [timeline.released(end, embargo_bars) for end in ends]
    last = timeline.moments.size
    made = []
    for groups in choices:
        train: list[Span] = []
        free = 0
        for group in groups:
            if free < bounds[group]:
                train.append(timeline.until(free, bounds[group], bounds[group]))
            free = max(free, released[group])
        if free < last:
            train.append(timeline.span(free, last, UNKNOWN_END))
        test = tuple(timeline.span(bounds[group], bounds[group + 1]) for group in groups)
        made.append(FoldRanges(timeline=timeline, train=tuple(train), test=test))
    return made
