"""The holdout split: worked by hand, as a property, and audited, with controls that leak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError, DataError, GateError
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits import SPLITTERS, Fold, Holdout, IntradayHoldout, audit_fold


def only(folds: Iterator[Fold]) -> Fold:
    (fold,) = folds
    return fold


def test_ten_rows_worked_by_hand() -> None:
    # Labels end two bars later; 6 / 2 / 2 timestamps. Rows 4 and 5 end in validation, 6 and 7 in test.
    known_at = np.arange(10)
    label_end = known_at + 2
    fold = only(Holdout(train=0.6, valid=0.2, test=0.2).split(known_at, np.where(known_at == 6, 6, label_end)))
    assert fold.train.tolist() == [0, 1, 2, 3]
    assert fold.valid.tolist() == [6]
    assert fold.test.tolist() == [8, 9]


def test_a_label_that_ends_at_the_first_test_bar_is_purged() -> None:
    known_at = np.arange(10)
    label_end = known_at.copy()
    label_end[3] = 5  # the first moment of the test span
    label_end[2] = 4
    fold = only(Holdout(train=0.5, valid=0.0, test=0.5).split(known_at, label_end))
    assert fold.train.tolist() == [0, 1, 2, 4]
    assert fold.valid.size == 0


def test_purge_bars_and_embargo_widen_the_seams() -> None:
    known_at = np.arange(20)
    fold = only(Holdout(train=0.5, valid=0.25, test=0.25, purge_bars=2, embargo_bars=1).split(known_at, known_at))
    assert fold.train.tolist() == list(range(8))
    assert fold.valid.tolist() == [11, 12]
    assert fold.test.tolist() == [16, 17, 18, 19]


def test_all_symbols_are_cut_at_one_moment() -> None:
    # A long and a short history, sorted by symbol and then time.
    known_at = np.concatenate([np.arange(100), np.arange(60, 100)])
    fold = only(Holdout(train=0.7, valid=0.1, test=0.2).split(known_at, known_at))
    assert known_at[fold.train].max() < 70
    assert known_at[fold.valid].min() >= 70
    assert known_at[fold.valid].max() < 80
    assert set(known_at[fold.test]) == set(range(80, 100))
    assert (np.diff(fold.train) > 0).all()
    assert 100 + 5 in fold.train


def test_undecided_labels_are_tested_and_never_trained_on() -> None:
    known_at = np.arange(100)
    label_end = known_at.copy()
    label_end[[3, 75, 97]] = UNKNOWN_END
    fold = only(Holdout().split(known_at, label_end))
    assert 3 not in fold.train
    assert 75 not in fold.valid
    assert 97 in fold.test


rows = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12), st.booleans()), min_size=30, max_size=120)


@given(rows=rows, embargo=st.integers(0, 3), purge=st.integers(0, 3))
def test_no_fold_overlaps(rows: list[tuple[int, int, bool]], embargo: int, purge: int) -> None:
    known_at = np.array([at for at, _, _ in rows])
    label_end = np.array([at + life if decided else UNKNOWN_END for at, life, decided in rows])
    splitter = Holdout(train=0.6, valid=0.2, test=0.2, embargo_bars=embargo, purge_bars=purge)
    try:
        fold = only(splitter.split(known_at, label_end))
    except DataError:
        return
    assert audit_fold(fold, known_at, label_end).clean
    for a in (fold.train, fold.valid):
        for b in (fold.valid, fold.test):
            if a is not b:
                assert label_end[a].max() < known_at[b].min()
    assert known_at[fold.train].max() < known_at[fold.valid].min()


def test_the_control_without_purging_is_caught() -> None:
    known_at = np.arange(100)
    label_end = known_at + 5
    unpurged = Fold(train=np.arange(70), valid=np.arange(70, 85), test=np.arange(85, 100))
    audit = audit_fold(unpurged, known_at, label_end)
    assert audit.overlaps["train", "valid"].tolist() == [65, 66, 67, 68, 69]
    assert audit.overlaps["valid", "test"].tolist() == [80, 81, 82, 83, 84]
    # Purging by a count that is shorter than the labels is caught too.
    by_count = Fold(train=np.arange(67), valid=np.arange(70, 82), test=np.arange(85, 100))
    assert not audit_fold(by_count, known_at, label_end).clean


@pytest.mark.parametrize(
    ("settings", "known_at", "label_end", "said"),
    [
        ({}, np.arange(2), np.arange(2), "2 rows at 2 distinct timestamps cannot be split"),
        ({}, np.zeros(100, int), np.zeros(100, int), "100 rows at 1 distinct timestamps"),
        ({}, np.arange(100), np.arange(100) + 90, r"no row is left in train.*70 have labels that end in the next span"),
        ({"embargo_bars": 15}, np.arange(100), np.arange(100), r"no row is left in valid.*embargo_bars 15"),
        ({}, np.arange(100), np.full(100, UNKNOWN_END), "70 no label yet"),
        ({"valid": 0.0, "train": 0.85, "embargo_bars": 20}, np.arange(100), np.arange(100), "no row is left in test"),
    ],
)
def test_an_empty_span_is_refused_with_numbers(
    settings: dict[str, Any], known_at: Any, label_end: Any, said: str
) -> None:
    with pytest.raises(DataError, match=said):
        only(Holdout(**settings).split(known_at, label_end))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"train": 0.9}, "add up to 1"),
        ({"train": 0.0, "test": 0.85}, "train must be"),
        ({"test": 0.0, "train": 0.85}, "test must be"),
        ({"valid": -0.1, "train": 0.95}, "valid must be"),
        ({"purge_bars": -1}, "purge_bars"),
        ({"embargo": 3}, "embargo_bars"),
    ],
)
def test_wrong_settings_are_refused_by_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SPLITTERS.from_config({"kind": "holdout", **fields}, where="split")


def test_a_holdout_that_leaked_would_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Holdout, "_until", lambda self, cut, moments, moment, label_end: moment < cut)
    known_at = np.arange(100)
    with pytest.raises(GateError, match="5 labels of train overlap labels of valid"):
        only(Holdout().split(known_at, known_at + 5))


def test_the_intraday_seams_are_a_kind_of_their_own() -> None:
    known_at = np.arange(5_000)
    splitter = SPLITTERS.from_config({"kind": "intraday_holdout"}, where="split")
    assert splitter == IntradayHoldout(train=0.70, valid=0.15, test=0.15, purge_bars=60, embargo_bars=288)
    fold = only(splitter.split(known_at, known_at + 20))
    assert fold.train[[0, -1]].tolist() == [0, 3_500 - 61]
    assert fold.valid[[0, -1]].tolist() == [3_500 + 288, 4_250 - 61]
    assert fold.test[[0, -1]].tolist() == [4_250 + 288, 4_999]
    assert Holdout().purge_bars == Holdout().embargo_bars == 0
