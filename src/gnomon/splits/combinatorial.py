"""Combinatorial purged k-fold: every choice of test groups, and the paths through history that they add up to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Int64
from gnomon.splits.base import SPLITTERS
from gnomon.splits.purged import group_bounds, held_out
from gnomon.splits.ranges import FoldRanges, RangeSplitter, Timeline
from gnomon.splits.times import checked_count, checked_times

MOST_SPLITS = 100_000
"""Each split is a model to fit; a number beyond this is a slip of the pen."""


@SPLITTERS.register(name="combinatorial_purged_kfold")
@dataclass(frozen=True, kw_only=True)
class CombinatorialPurgedKFold(RangeSplitter):
    """The history in `folds` groups of timestamps; each choice of `test_folds` of them is tested by the rest.

    That makes C(folds, test_folds) splits. Each group is tested by C(folds - 1, test_folds - 1) of them, so their
    forecasts add up to as many paths through the whole history, each by models that never saw what they are judged by:
    a distribution of results in place of one. Purging and embargo are those of `PurgedKFold`, around every test group.

    Reference: López de Prado 2018, ch. 12.

    >>> cv = CombinatorialPurgedKFold(folds=6, test_folds=2)
    >>> cv.n_splits, cv.n_paths
    (15, 5)
    """

    folds: int = 6
    test_folds: int = 2
    embargo_bars: int = 0

    def __post_init__(self) -> None:
        checked_count("folds", self.folds, least=2)
        checked_count("test_folds", self.test_folds, least=1)
        checked_count("embargo_bars", self.embargo_bars, least=0)
        if self.test_folds >= self.folds:
            raise ValueError(
                f"test_folds must be below folds ({self.folds}), was {self.test_folds}: nothing is left to train on"
            )
        if self.n_splits > MOST_SPLITS:
            raise ValueError(
                f"folds {self.folds} and test_folds {self.test_folds} make {self.n_splits:,} splits, each a model to "
                f"fit; at most {MOST_SPLITS:,}"
            )

    @property
    def n_splits(self) -> int:
        """How many splits there are."""
        return math.comb(self.folds, self.test_folds)

    @property
    def n_paths(self) -> int:
        """How many paths they add up to."""
        return math.comb(self.folds - 1, self.test_folds - 1)

    def test_groups(self) -> list[tuple[int, ...]]:
        """The groups that each split tests, in the order of the splits."""
        return list(itertools.combinations(range(self.folds), self.test_folds))

    def paths(self) -> Int64[Array, "paths folds"]:
        """At [p, g] the number of the split whose test of group g belongs to path p; each is used once for each group.

        >>> CombinatorialPurgedKFold(folds=4, test_folds=2).paths().tolist()
        [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
        """
        chosen = self.test_groups()
        return np.array([[s for s, groups in enumerate(chosen) if g in groups] for g in range(self.folds)]).T

    def divide(self, timeline: Timeline) -> Sequence[FoldRanges]:
        """One fold a choice of test groups, in the order of `test_groups`."""
        return held_out(timeline, folds=self.folds, choices=self.test_groups(), embargo_bars=self.embargo_bars)

    def join_paths(self, forecasts: Sequence[Any], known_at: Any) -> Array:
        """The splits' forecasts as paths: [paths, n, ...], a value for every row in every path.

        `forecasts[s]` holds a value (or a row of values) for each row in the `test` of fold s, in its order; `known_at`
        is what was split. Raises DataError when the lengths do not fit.
        """
        known, _ = checked_times(known_at, known_at)
        chosen = self.test_groups()
        if len(forecasts) != len(chosen):
            raise DataError(f"{len(forecasts)} forecasts were given; {len(chosen)} splits make one each")
        moments = np.unique(known)
        bounds = group_bounds(moments.size, rows=known.size, folds=self.folds)
        group = np.searchsorted(moments[bounds[1:-1]], known, side="right")
        arrays = [np.asarray(forecast) for forecast in forecasts]
        tested = [group[np.isin(group, groups)] for groups in chosen]
        for number, (array, of_split) in enumerate(zip(arrays, tested, strict=True)):
            if array.shape[:1] != of_split.shape or array.shape[1:] != arrays[0].shape[1:]:
                raise DataError(
                    f"forecast {number} has the shape {array.shape}; fold {number} tests {of_split.size} rows, and the "
                    f"first forecast has the shape {arrays[0].shape}"
                )
        joined = np.empty((self.n_paths, known.size, *arrays[0].shape[1:]), np.result_type(*arrays))
        for path, splits in zip(joined, self.paths(), strict=True):
            for g, split in enumerate(splits):
                path[group == g] = arrays[split][tested[split] == g]
        return joined
