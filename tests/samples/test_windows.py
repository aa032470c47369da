"""Windows: the right rows, no copies, no seams crossed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import DataError
from gnomon.samples import TimeSeriesDataset
from gnomon.testing.models import planted_samples


def test_windows_worked_by_hand() -> None:
    samples = planted_samples(10, symbols=2)
    dataset = TimeSeriesDataset(samples=samples, length=3)
    assert dataset.rows.tolist() == [2, 3, 4, 7, 8, 9]
    np.testing.assert_array_equal(dataset[3], samples.x[5:8])
    assert dataset[3].base is not None
    assert np.shares_memory(dataset[3], samples.x)


def test_the_windows_are_a_view() -> None:
    samples = planted_samples(100)
    dataset = TimeSeriesDataset(samples=samples, length=10)
    assert dataset.windows.shape == (91, 10, 6)
    assert np.shares_memory(dataset.windows, samples.x)
    items = np.array([0, 5, 40])
    batch = dataset.batch(items)
    assert batch.shape == (3, 10, 6)
    for item, window in zip(items, batch, strict=True):
        np.testing.assert_array_equal(window, dataset[item])


@given(rows=st.sets(st.integers(0, 59), min_size=1), length=st.integers(1, 6))
def test_no_window_crosses_a_symbol_or_a_seam(rows: set[int], length: int) -> None:
    at = np.array(sorted(rows))
    samples = planted_samples(60, symbols=3)
    dataset = TimeSeriesDataset(samples=samples.take(at), length=length)
    found = {tuple(at[last - length + 1 : last + 1]) for last in dataset.rows}
    runs = {
        tuple(range(end - length + 1, end + 1))
        for end in rows
        if all(
            row in rows and samples.symbol[row] == samples.symbol[end]
            for row in range(max(end - length + 1, 0), end + 1)
        )
        and end - length + 1 >= 0
    }
    assert found == runs


def test_a_history_shorter_than_a_window_has_none() -> None:
    dataset = TimeSeriesDataset(samples=planted_samples(4, symbols=2), length=3)
    assert len(dataset) == 0
    short = TimeSeriesDataset(samples=planted_samples(2, symbols=1), length=3)
    assert len(short) == 0
    with pytest.raises(DataError, match="2 rows are fewer than one window of 3"):
        short.windows  # noqa: B018
    with pytest.raises(ValueError, match="length must be 1"):
        TimeSeriesDataset(samples=planted_samples(4), length=0)
