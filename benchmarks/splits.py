"""Combinatorial purged k-fold of a million rows: folds as ranges, against skfolio's index arrays.

10 groups, 2 of them tested: 45 splits. Ours purge by the moment each label ended; skfolio purges a number of rows, and
where it is not installed a twin of it in numpy stands in (index arrays, purged by a count).
"""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gnomon.splits import CombinatorialPurgedKFold

try:
    from skfolio.model_selection import CombinatorialPurgedCV
except ImportError:
    CombinatorialPurgedCV = None

ROWS, FOLDS, TEST_FOLDS, LONGEST = 1_000_000, 10, 2, 20
MINUTE = 60_000_000


def times(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Minutes, and labels that live for 1 to 20 of them."""
    known_at = np.arange(rows) * MINUTE
    return known_at, known_at + np.random.default_rng(0).integers(1, LONGEST + 1, rows) * MINUTE


def index_arrays(rows: int) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """The twin: masks over the rows, seams cut by a count."""
    bounds = np.arange(FOLDS + 1) * rows // FOLDS
    for chosen in itertools.combinations(range(FOLDS), TEST_FOLDS):
        test = np.zeros(rows, bool)
        near = np.zeros(rows, bool)
        for group in chosen:
            test[bounds[group] : bounds[group + 1]] = True
            near[max(bounds[group] - LONGEST, 0) : bounds[group + 1] + LONGEST] = True
        yield np.flatnonzero(~near), np.flatnonzero(test)


def skfolio_arrays(rows: int) -> Iterable[Any]:
    """skfolio's splits."""
    rival = CombinatorialPurgedCV(n_folds=FOLDS, n_test_folds=TEST_FOLDS, purged_size=LONGEST)
    return rival.split(np.zeros((rows, 1)))


def best(work: Callable[[], object], rounds: int) -> float:
    """Processor seconds of the fastest of some rounds."""
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def drain(folds: Iterable[object]) -> int:
    """Makes every fold and keeps none."""
    return sum(1 for _ in folds)


def bytes_a_fold(cv: CombinatorialPurgedKFold, rows: int) -> float:
    """What a fold in ranges holds beside the order of time, which all folds share."""
    known_at, label_end = times(rows)
    tracemalloc.start()
    folds = cv.ranges(known_at, label_end)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    timeline = folds[0].timeline
    return (held - timeline.moments.nbytes - timeline.places.nbytes) / len(folds)


def run() -> dict[str, dict[str, Any]]:
    """How many times faster than index arrays, and what a fold holds."""
    known_at, label_end = times(ROWS)
    cv = CombinatorialPurgedKFold(folds=FOLDS, test_folds=TEST_FOLDS)
    ranges = best(lambda: cv.ranges(known_at, label_end), 7)
    arrays = best(lambda: drain(fold.unaudited() for fold in cv.ranges(known_at, label_end)), 2)
    audited = best(lambda: drain(cv.split(known_at, label_end)), 1)
    rival, name = (index_arrays, "numpy twin") if CombinatorialPurgedCV is None else (skfolio_arrays, "skfolio")
    theirs = best(lambda: drain(rival(ROWS)), 2)
    facts = {"rival": name, "rival_seconds": theirs, "splits": cv.n_splits}
    held = bytes_a_fold(cv, ROWS)
    return {
        f"CPCV of 1M rows as ranges, by {name}'s index arrays": {
            "value": theirs / ranges,
            "target": 60.0 if name == "skfolio" else None,
            "unit": "x",
            "seconds": ranges,
            **facts,
        },
        f"CPCV of 1M rows as arrays, by {name}'s": {"value": theirs / arrays, "unit": "x", "seconds": arrays, **facts},
        f"CPCV of 1M rows as audited arrays, by {name}'s": {
            "value": theirs / audited,
            "unit": "x",
            "seconds": audited,
            **facts,
        },
        "memory a fold": {
            "value": held,
            "target": 2_000.0,
            "better": "lower",
            "unit": "bytes",
            "bytes_at_a_tenth_of_the_rows": bytes_a_fold(cv, ROWS // 10),
        },
    }


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
