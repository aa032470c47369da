"""What rows are: taking some of them, their horizons, the edge of a forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.samples import Forecast, build_samples
from gnomon.testing.models import planted_samples


def test_taking_rows_keeps_them_and_breaks_segments_at_what_is_left_out() -> None:
    samples = planted_samples(20, symbols=2)
    taken = samples.take(np.array([0, 1, 2, 5, 6, 9, 10, 11]))
    assert taken.segment.tolist() == [0, 0, 0, 1, 1, 2, 3, 3]
    np.testing.assert_array_equal(taken.x, samples.x[[0, 1, 2, 5, 6, 9, 10, 11]])
    assert taken.symbols == samples.symbols
    assert len(samples.take(np.arange(0))) == 0
    assert taken.segment.dtype == np.int32


@given(rows=st.sets(st.integers(0, 39), min_size=1))
def test_rows_of_a_segment_were_neighbours(rows: set[int]) -> None:
    at = np.array(sorted(rows))
    samples = planted_samples(40, symbols=4)
    taken = samples.take(at)
    same = np.diff(taken.segment) == 0
    np.testing.assert_array_equal(same, (np.diff(at) == 1) & (samples.symbol[at][1:] == samples.symbol[at][:-1]))


def test_an_unknown_horizon_names_those_there_are(tables: Any) -> None:
    samples = build_samples(*tables)
    assert samples.horizon(4) == 1
    with pytest.raises(ValueError, match=r"no labels at horizon 3; the samples carry \[2, 4\]"):
        samples.horizon(3)


def test_the_edge_is_long_minus_short() -> None:
    forecast = Forecast(
        probability=np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]),
        known_at=np.array([1, 2]),
        symbol=np.zeros(2, np.int32),
        symbols=("A",),
        horizon=5,
    )
    assert forecast.edge() == pytest.approx([0.6, -0.3])
