"""Walk-forward: worked by hand, rolling and anchored, with validation, and as a property."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits import SPLITTERS, Fold, WalkForward, audit_fold

shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def parts(splitter: WalkForward, known_at: Any, label_end: Any) -> list[tuple[list[int], list[int], list[int]]]:
    folds = splitter.split(known_at, label_end)
    return [(fold.train.tolist(), fold.valid.tolist(), fold.test.tolist()) for fold in folds]


def test_rolling_and_anchored_worked_by_hand() -> None:
    known_at = np.arange(12)
    label_end = known_at + 1
    label_end[1] = 6  # ends as the first test begins
    assert parts(WalkForward(train_bars=6, test_bars=4), known_at, label_end) == [
        ([0, 2, 3, 4], [], [6, 7, 8, 9]),
        ([4, 5, 6, 7, 8], [], [10, 11]),
    ]
    assert parts(WalkForward(train_bars=6, test_bars=4, anchored=True), known_at, label_end) == [
        ([0, 2, 3, 4], [], [6, 7, 8, 9]),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], [], [10, 11]),
    ]


def test_folds_of_equal_length_follow_the_first_training() -> None:
    known_at = np.arange(18)
    tests = [test for _, _, test in parts(WalkForward(), known_at, known_at)]
    assert tests == [[3, 4, 5], [6, 7, 8], [9, 10, 11], [12, 13, 14], [15, 16, 17]]
    tests = [test for _, _, test in parts(WalkForward(folds=2, train_bars=8), known_at, known_at)]
    assert tests == [[8, 9, 10, 11, 12], [13, 14, 15, 16, 17]]


def test_validation_and_embargo_are_taken_from_the_training() -> None:
    known_at = np.arange(20)
    splitter = WalkForward(train_bars=10, test_bars=10, valid_bars=3, embargo_bars=2)
    assert parts(splitter, known_at, known_at + 1) == [([0, 1, 2], [5, 6, 7], list(range(10, 20)))]
    # Longer labels: the seams are purged by their ends as well.
    assert parts(splitter, known_at, known_at + 4) == [([0], [5], list(range(10, 20)))]


@shared_fixtures
@given(
    seed=st.integers(0, 10_000),
    lengths=st.sampled_from([{"folds": 3}, {"train_bars": 15, "test_bars": 7}, {"train_bars": 12, "folds": 4}]),
    anchored=st.booleans(),
    valid=st.integers(0, 3),
    embargo=st.integers(0, 2),
)
def test_each_fold_learns_from_its_past_alone(
    seed: int, lengths: dict[str, int], anchored: bool, valid: int, embargo: int, make_rows: Callable[..., Any]
) -> None:
    rows = make_rows(seed, longest=3)
    known_at, label_end = rows
    moments, moment = np.unique(known_at, return_inverse=True)
    splitter = WalkForward(anchored=anchored, valid_bars=valid, embargo_bars=embargo, **lengths)
    try:
        folds = list(splitter.split(*rows))
    except DataError as error:
        assert "no row is left" in str(error)  # noqa: PT017
        return
    first = lengths.get("train_bars", moments.size // 4)
    assert np.sort(np.concatenate([fold.test for fold in folds])).tolist() == np.flatnonzero(moment >= first).tolist()
    for fold in folds:
        assert audit_fold(fold, *rows).clean
        begin = moment[fold.test].min()
        seam = begin if not valid else begin - embargo - valid
        window = (moment < seam - embargo) & (moment >= (0 if anchored else begin - first))
        expected = [i for i in np.flatnonzero(window) if label_end[i] < moments[seam]]
        assert fold.train.tolist() == expected
        window = (moment >= seam) & (moment < begin - embargo)
        assert fold.valid.tolist() == [i for i in np.flatnonzero(window) if label_end[i] < moments[begin]]
        assert UNKNOWN_END not in label_end[fold.train]


def test_control_an_unpurged_walk_is_caught() -> None:
    known_at = np.arange(30)
    unpurged = Fold(train=np.arange(20), test=np.arange(20, 30))
    assert audit_fold(unpurged, known_at, known_at + 2).overlaps["train", "test"].tolist() == [18, 19]


@pytest.mark.parametrize(
    ("fields", "rows", "life", "said"),
    [
        ({}, 5, 0, "5 rows at 5 distinct timestamps are too few: 0 come before"),
        ({"train_bars": 10, "test_bars": 5}, 10, 0, "10 rows at 10 distinct timestamps are too few.*1 test span;"),
        ({"train_bars": 10}, 12, 0, "must fill 5 test spans"),
        ({"train_bars": 10, "test_bars": 5}, 30, 10, "no row is left in train of fold 1 of 4, which tests"),
        ({"train_bars": 10, "test_bars": 5, "valid_bars": 3}, 30, 5, "no row is left in valid of fold 1 of 4"),
    ],
)
def test_a_history_too_short_is_refused(fields: dict[str, Any], rows: int, life: int, said: str) -> None:
    with pytest.raises(DataError, match=said):
        WalkForward(**fields).split(np.arange(rows), np.arange(rows) + life)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"folds": 3, "test_bars": 5, "train_bars": 5}, r"folds \(3\) and test_bars \(5\) both say"),
        ({"test_bars": 5}, r"train_bars must be given with test_bars \(5\)"),
        ({"train_bars": 5, "valid_bars": 3, "embargo_bars": 1}, "train_bars must be above 5, was 5"),
        ({"folds": 0}, "folds must be a whole number of 1 or more"),
        ({"embargo_bars": -1}, "embargo_bars must be"),
        ({"anchor": True}, "did you mean 'anchored'"),
    ],
)
def test_wrong_settings_are_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SPLITTERS.from_config({"kind": "walk_forward", **fields}, where="split")
