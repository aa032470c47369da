"""A splitter as scikit-learn's `cross_val_score`, `GridSearchCV` and the like take one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Int64
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits.audit import audited
from gnomon.splits.base import Splitter
from gnomon.splits.times import checked_times


class PurgedCrossValidator:
    """What `cv=` wants, for rows whose times are given here: scikit-learn knows rows by their number alone.

    Row i of X is row i of `known_at` and `label_end`. A score compares with labels, so rows without one yet are left
    out of the test too; validation rows are left out. Every fold is audited. Raises DataError for times that do not
    belong together, and for an X with another number of rows.

    >>> from gnomon.splits.purged import PurgedKFold
    >>> cv = PurgedCrossValidator(PurgedKFold(folds=3), known_at=range(9), label_end=range(1, 10))
    >>> cv.get_n_splits()
    3
    >>> [test.tolist() for train, test in cv.split([[0.0]] * 9)]
    [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    """

    def __init__(self, splitter: Splitter, *, known_at: Any, label_end: Any) -> None:
        self.splitter = splitter
        self.known_at, self.label_end = checked_times(known_at, label_end)

    def split(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002  the signature is scikit-learn's
        groups: Any = None,  # noqa: ARG002
    ) -> Iterator[tuple[Int64[Array, " r"], Int64[Array, " s"]]]:
        """Training and test rows of each fold; `y` and `groups` are not looked at."""
        rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if rows != self.known_at.size:
            raise DataError(
                f"X has {rows} rows, and times were given for {self.known_at.size}; give the times of the rows in X"
            )
        for number, fold in enumerate(audited(self.splitter).split(self.known_at, self.label_end)):
            test = fold.test[self.label_end[fold.test] != UNKNOWN_END]
            if test.size == 0:
                raise DataError(
                    f"no row that fold {number + 1} tests has a label yet, so it cannot be scored; make fewer folds"
                )
            yield fold.train, test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """How many folds there are."""
        ranges = getattr(self.splitter, "ranges", None)
        folds = (self.splitter.split if ranges is None else ranges)(self.known_at, self.label_end)
        return sum(1 for _ in folds)
