"""The overlap audit against the plainest check there is: every pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import GateError
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits import Fold, audit_fold
from gnomon.splits.audit import overlapping

intervals = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), min_size=2, max_size=40)


@given(intervals=intervals, share=st.floats(0.1, 0.9), seed=st.integers(0, 99))
def test_the_audit_is_its_slow_twin(intervals: list[tuple[int, int]], share: float, seed: int) -> None:
    known_at = np.array([at for at, _ in intervals])
    label_end = known_at + np.array([life for _, life in intervals])
    order = np.random.default_rng(seed).permutation(known_at.size)
    first, second = np.split(order, [int(share * known_at.size)])
    found = overlapping(first, second, known_at, label_end)
    expected = [i for i in first if any(known_at[i] <= label_end[j] and known_at[j] <= label_end[i] for j in second)]
    assert found.tolist() == expected


def test_a_row_in_two_spans_overlaps_itself() -> None:
    known_at = np.arange(10)
    fold = Fold(train=np.array([0, 1, 8]), test=np.array([8, 9]))
    assert audit_fold(fold, known_at, known_at).overlaps["train", "test"].tolist() == [8]


def test_training_after_the_test_is_audited_as_well() -> None:
    known_at = np.arange(10)
    fold = Fold(train=np.array([0, 5, 9]), test=np.array([3]))
    assert audit_fold(fold, known_at, known_at + 2).overlaps["train", "test"].tolist() == [5]


def test_an_overlap_is_raised_as_a_gate() -> None:
    known_at = np.arange(4)
    audit = audit_fold(Fold(train=np.array([0, 1]), test=np.array([2, 3])), known_at, known_at + 1)
    with pytest.raises(GateError, match=r"1 labels of train overlap labels of test \(first at row 1\)"):
        audit.raise_overlaps()
    audit_fold(Fold(train=np.array([0]), test=np.array([3])), known_at, known_at + 1).raise_overlaps()


def test_an_undecided_label_that_is_judged_lives_as_long_as_the_longest() -> None:
    known_at = np.arange(10)
    label_end = known_at + np.where(known_at == 8, 3, 1)
    label_end[2] = UNKNOWN_END
    # Row 2 is judged until 5; trained on, it would never end.
    after = Fold(train=np.array([5, 6, 7]), test=np.array([2]))
    assert audit_fold(after, known_at, label_end).overlaps["train", "test"].tolist() == [5]
    before = Fold(train=np.array([0, 2]), test=np.array([9]))
    assert audit_fold(before, known_at, label_end).overlaps["train", "test"].tolist() == [2]
