"""Average uniqueness: the published example and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.labels import average_uniqueness


def test_the_published_example() -> None:
    # López de Prado 2018, 4.5.3: labels over the bars {1, 2, 3}, {3, 4}, {5, 6}.
    weights = average_uniqueness(np.array([1, 3, 5]), np.array([3, 4, 6]))
    assert weights == pytest.approx([5 / 6, 3 / 4, 1.0], abs=1e-15)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), min_size=1, max_size=40))
def test_uniqueness_is_a_share_and_bars_are_shared_out_once(spans: list[tuple[int, int]]) -> None:
    first = np.array([a for a, _ in spans])
    last = first + np.array([n for _, n in spans])
    weights = average_uniqueness(first, last)
    assert ((weights > 0) & (weights <= 1)).all()
    covered = len({t for a, b in zip(first, last, strict=True) for t in range(a, b + 1)})
    assert (weights * (last - first + 1)).sum() == pytest.approx(covered)


def test_a_label_alone_weighs_one_and_none_weighs_nothing() -> None:
    assert average_uniqueness(np.array([4]), np.array([9])).tolist() == [1.0]
    assert average_uniqueness(np.array([4, 4]), np.array([9, 3])).tolist() == [1.0, 0.0]
    assert average_uniqueness(np.array([], int), np.array([], int)).tolist() == []


def test_impossible_spans_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the 5 bars"):
        average_uniqueness(np.array([0]), np.array([5]), bars=5)
    with pytest.raises(ValueError, match="outside"):
        average_uniqueness(np.array([-1]), np.array([3]))
    with pytest.raises(ValueError, match="one length"):
        average_uniqueness(np.array([0, 1]), np.array([3]))
