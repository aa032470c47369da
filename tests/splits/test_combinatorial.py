"""Combinatorial purged k-fold: the published counts, paths that cover every row once, and its slow twin."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError
from gnomon.splits import SPLITTERS, CombinatorialPurgedKFold, PurgedKFold, audit_fold

shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_six_groups_by_two_are_fifteen_splits_and_five_paths() -> None:
    # López de Prado 2018, ch. 12.3; the paths of figure 12.1 and 12.2.
    cv = CombinatorialPurgedKFold(folds=6, test_folds=2)
    known_at = np.arange(60)
    assert len(list(cv.split(known_at, known_at))) == 15 == cv.n_splits
    assert len(cv.paths()) == 5 == cv.n_paths
    assert cv.test_groups()[:3] == [(0, 1), (0, 2), (0, 3)]
    assert cv.paths()[0].tolist() == [0, 0, 1, 2, 3, 4]
    assert cv.paths()[4].tolist() == [4, 8, 11, 13, 14, 14]


@given(folds=st.integers(2, 8), data=st.data())
def test_every_test_of_a_group_belongs_to_one_path(folds: int, data: Any) -> None:
    cv = CombinatorialPurgedKFold(folds=folds, test_folds=data.draw(st.integers(1, folds - 1)))
    paths, groups = cv.paths(), cv.test_groups()
    assert paths.shape == (cv.n_paths, folds)
    used = {(int(split), group) for path in paths for group, split in enumerate(path)}
    assert used == {(split, group) for split, chosen in enumerate(groups) for group in chosen}
    assert len(used) == paths.size


def test_four_groups_worked_by_hand() -> None:
    # Twelve moments in threes, labels one bar long.
    known_at = np.arange(12)
    cv = CombinatorialPurgedKFold(folds=4, test_folds=2)
    made = dict(zip(cv.test_groups(), cv.split(known_at, known_at + 1), strict=True))
    assert made[0, 2].test.tolist() == [0, 1, 2, 6, 7, 8]
    assert made[0, 2].train.tolist() == [4, 10, 11]
    assert made[1, 2].test.tolist() == [3, 4, 5, 6, 7, 8]
    assert made[1, 2].train.tolist() == [0, 1, 10, 11]


def test_a_label_that_outlives_the_next_test_group_purges_beyond_it() -> None:
    known_at = np.arange(15)
    label_end = known_at.copy()
    label_end[0] = 10
    cv = CombinatorialPurgedKFold(folds=5, test_folds=2)
    made = dict(zip(cv.test_groups(), cv.split(known_at, label_end), strict=True))
    assert made[0, 2].train.tolist() == [11, 12, 13, 14]
    assert made[0, 4].train.tolist() == [11]
    assert made[3, 4].train.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


@shared_fixtures
@given(
    seed=st.integers(0, 10_000),
    folds=st.integers(3, 6),
    data=st.data(),
    embargo=st.integers(0, 3),
    longest=st.sampled_from([6, 25]),
)
def test_the_splits_are_those_of_the_slow_twin(
    seed: int,
    folds: int,
    data: Any,
    embargo: int,
    longest: int,
    make_rows: Callable[..., Any],
    slow_twin: Callable[..., Any],
) -> None:
    rows = make_rows(seed, moments=50, symbols=1, longest=longest)
    test_folds = data.draw(st.integers(1, folds - 1))
    cv = CombinatorialPurgedKFold(folds=folds, test_folds=test_folds, embargo_bars=embargo)
    try:
        made = list(cv.split(*rows))
    except DataError:
        # Only where some choice of groups leaves nothing.
        groups = [fold.test for fold in PurgedKFold(folds=folds).split(*rows)]
        assert any(
            not slow_twin(rows, np.concatenate([groups[g] for g in chosen]), embargo_bars=embargo)
            for chosen in itertools.combinations(range(folds), test_folds)
        )
        return
    assert len(made) == cv.n_splits
    for fold in made:
        assert fold.train.tolist() == slow_twin(rows, fold.test, embargo_bars=embargo)
        assert audit_fold(fold, *rows).clean


@shared_fixtures
@given(seed=st.integers(0, 10_000), test_folds=st.integers(1, 3))
def test_paths_cover_every_row_once(seed: int, test_folds: int, make_rows: Callable[..., Any]) -> None:
    rows = make_rows(seed)
    cv = CombinatorialPurgedKFold(folds=5, test_folds=test_folds)
    made = list(cv.split(*rows))
    # Each forecast says which row it is for and which split made it.
    forecasts = [np.stack([fold.test, np.full(fold.test.size, number)], axis=1) for number, fold in enumerate(made)]
    joined = cv.join_paths(forecasts, rows.known_at)
    assert joined.shape == (cv.n_paths, rows.known_at.size, 2)
    for path in joined:
        assert path[:, 0].tolist() == list(range(rows.known_at.size))
    for row in range(rows.known_at.size):
        splits = joined[:, row, 1].tolist()
        assert splits == [number for number, fold in enumerate(made) if row in fold.test]


def test_forecasts_that_do_not_fit_are_refused() -> None:
    cv = CombinatorialPurgedKFold(folds=3, test_folds=1)
    known_at = np.arange(9)
    with pytest.raises(DataError, match="2 forecasts were given; 3 splits"):
        cv.join_paths([np.zeros(3)] * 2, known_at)
    with pytest.raises(DataError, match=r"forecast 1 has the shape \(4,\); fold 1 tests 3 rows"):
        cv.join_paths([np.zeros(3), np.zeros(4), np.zeros(3)], known_at)


def test_one_test_group_is_purged_kfold() -> None:
    known_at = np.arange(40)
    ones = CombinatorialPurgedKFold(folds=5, test_folds=1, embargo_bars=2).split(known_at, known_at + 3)
    for a, b in zip(ones, PurgedKFold(folds=5, embargo_bars=2).split(known_at, known_at + 3), strict=True):
        assert a.train.tolist() == b.train.tolist()
        assert a.test.tolist() == b.test.tolist()


def test_a_fold_in_ranges_needs_the_same_memory_whatever_the_rows() -> None:
    def bytes_a_fold(rows: int) -> float:
        known_at, label_end = np.arange(rows), np.arange(rows) + 5
        cv = CombinatorialPurgedKFold(folds=10, test_folds=2)
        cv.ranges(known_at, label_end)
        tracemalloc.start()
        folds = cv.ranges(known_at, label_end)
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        timeline = folds[0].timeline
        assert all(fold.timeline is timeline for fold in folds)
        shared = sum(array.nbytes for array in (timeline.moments, timeline.places))
        return (held - shared) / len(folds)

    small, large = bytes_a_fold(10_000), bytes_a_fold(200_000)
    assert large < 2_000
    assert large < 1.2 * small + 100


def test_a_choice_that_purging_leaves_empty_is_refused_before_the_first_fold() -> None:
    known_at = np.arange(12)
    with pytest.raises(DataError, match=r"no row is left in train of fold \d+ of 6, which tests .* to .*, "):
        CombinatorialPurgedKFold(folds=4, test_folds=2).split(known_at, known_at + 4)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"folds": 4, "test_folds": 4}, r"test_folds must be below folds \(4\), was 4"),
        ({"test_folds": 0}, "test_folds must be a whole number of 1 or more"),
        ({"folds": 40, "test_folds": 20}, "137,846,528,820 splits, each a model to fit"),
        ({"embargo_bars": -2}, "embargo_bars must be"),
        ({"n_folds": 4}, "did you mean 'folds'|did you mean 'test_folds'"),
    ],
)
def test_wrong_settings_are_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SPLITTERS.from_config({"kind": "combinatorial_purged_kfold", **fields}, where="split")
