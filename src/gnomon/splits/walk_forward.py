"""Walk-forward: train on the past, test what comes next, move on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gnomon.core.errors import DataError
from gnomon.splits.base import SPLITTERS
from gnomon.splits.ranges import FoldRanges, RangeSplitter, Span, Timeline
from gnomon.splits.times import checked_count

FOLDS = 5


@SPLITTERS.register(name="walk_forward")
@dataclass(frozen=True, kw_only=True)
class WalkForward(RangeSplitter):
    """Test spans that follow each other to the end of the history, each after the training that precedes it.

    All lengths are in distinct timestamps, so all symbols are cut at the same moments. The first `train_bars` are never
    tested (1 / (folds + 1) of the history when left out); after them every row is tested once. `test_bars` is the
    length of a test span, the last one as long as what remains; or `folds` (5 when both are left out) spans of equal
    length. Training is rolling, over the last `train_bars` before the test, or `anchored` at the beginning of the
    history. The last `valid_bars` of it are for validation.

    A row whose label ends at or after the first moment of the next part is purged, and the last `embargo_bars` before
    each seam are left out as well: the test keeps every moment. Rows without a label are tested, never learned from.

    Reference: López de Prado 2018, ch. 11.2 and 12.2 (the walk-forward method and what it cannot tell).

    >>> known_at = np.arange(12)
    >>> rolling = WalkForward(train_bars=6, test_bars=3)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in rolling.split(known_at, known_at + 1)]
    [([0, 1, 2, 3, 4], [6, 7, 8]), ([3, 4, 5, 6, 7], [9, 10, 11])]
    """

    folds: int | None = None
    train_bars: int | None = None
    test_bars: int | None = None
    valid_bars: int = 0
    anchored: bool = False
    embargo_bars: int = 0

    def __post_init__(self) -> None:
        for name in ("folds", "train_bars", "test_bars"):
            if getattr(self, name) is not None:
                checked_count(name, getattr(self, name), least=1)
        for name in ("valid_bars", "embargo_bars"):
            checked_count(name, getattr(self, name), least=0)
        if self.test_bars is not None and self.folds is not None:
            raise ValueError(
                f"folds ({self.folds}) and test_bars ({self.test_bars}) both say how long a test is: give one of them"
            )
        if self.test_bars is not None and self.train_bars is None:
            raise ValueError(f"train_bars must be given with test_bars ({self.test_bars})")
        if self.train_bars is not None and self.train_bars <= self._not_trained:
            raise ValueError(
                f"train_bars must be above {self._not_trained}, was {self.train_bars}: valid_bars ({self.valid_bars}) "
                f"and embargo_bars ({self.embargo_bars}, at each seam) are taken from it"
            )

    @property
    def several_folds(self) -> bool:
        """Whether there may be more than one."""
        return self.folds != 1

    @property
    def _not_trained(self) -> int:
        return self.valid_bars + self.embargo_bars * (2 if self.valid_bars else 1)

    def divide(self, timeline: Timeline) -> Sequence[FoldRanges]:
        """One fold a test span, in the order of time."""
        count = timeline.moments.size
        folds = self.folds or FOLDS
        first = count // (folds + 1) if self.train_bars is None else self.train_bars
        spans = folds if self.test_bars is None else 1
        if first <= self._not_trained or count - first < spans:
            raise DataError(
                f"{timeline.known_at.size} rows at {count} distinct timestamps are too few: {first} come before the "
                f"first test, of which {self._not_trained} are for validation and embargo, and the rest must fill "
                f"{spans} test span{'s' if spans > 1 else ''}; make fewer folds, train on less, or bring more history"
            )
        if self.test_bars is None:
            starts = (first + np.arange(folds) * (count - first) // folds).tolist()
        else:
            starts = list(range(first, count, self.test_bars))
        return [
            self._fold(timeline, start, stop, first) for start, stop in zip(starts, [*starts[1:], count], strict=True)
        ]

    def _fold(self, timeline: Timeline, start: int, stop: int, window: int) -> FoldRanges:
        begin = 0 if self.anchored else start - window
        end = start - self.embargo_bars
        valid: tuple[Span, ...] = ()
        seam = start
        if self.valid_bars:
            seam = end - self.valid_bars
            valid = (timeline.until(seam, end, start),)
            end = seam - self.embargo_bars
        return FoldRanges(
            timeline=timeline,
            train=(timeline.until(begin, end, seam),),
            valid=valid,
            test=(timeline.span(start, stop),),
        )
