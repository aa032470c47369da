"""Windows: the right rows, no copies, no seams crossed."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import DataError
from gnomon.samples import Samples, TimeSeriesDataset, WindowState
from gnomon.samples.windows import gather_windows, with_context
from gnomon.splits.audit import audit_windows
from gnomon.testing.models import DAY, planted_samples


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


@given(rows=st.sets(st.integers(0, 59), min_size=1), length=st.integers(1, 6))
def test_an_independent_audit_finds_no_window_that_crosses(rows: set[int], length: int) -> None:
    samples, part = with_gaps(planted_samples(60, symbols=3)), np.array(sorted(rows))
    ends = samples.take(part).windows(length).rows
    first, last = part[ends - length + 1], part[ends]
    bad = audit_windows(first, last, part, samples.symbol, samples.known_at, gap=5 * DAY)
    assert bad.size == 0


def test_the_audit_catches_windows_that_ignore_segments() -> None:
    """The control: windows of neighbouring rows, whatever they belong to."""
    samples, part = with_gaps(planted_samples(60, symbols=3)), np.delete(np.arange(60), [7, 8])
    broken = replace(samples.take(part), segment=np.zeros(58, np.int32)).windows(4).rows
    bad = audit_windows(part[broken - 3], part[broken], part, samples.symbol, samples.known_at, gap=5 * DAY)
    # Three windows over each of two symbols' edges, three over the rows left out, three over the gap at row 30.
    assert part[broken[bad]].tolist() == [9, 10, 11, 20, 21, 22, 30, 31, 32, 40, 41, 42]
    outside = audit_windows(np.array([5]), np.array([7]), part, samples.symbol, samples.known_at)
    assert outside.tolist() == [0]


def test_gathering_copies_the_batch_alone() -> None:
    samples = planted_samples(20_000, symbols=1)
    ends = np.array([63, 5000, 19_999])
    tracemalloc.start()
    got = gather_windows(samples.x, ends, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < got.nbytes + 16_384 < samples.x.nbytes
    for window, end in zip(got, ends, strict=True):
        np.testing.assert_array_equal(window, samples.x[end - 63 : end + 1])
    strided = np.asfortranarray(samples.x[:100])
    np.testing.assert_array_equal(gather_windows(strided, np.array([9, 99]), 5)[1], samples.x[95:100])


@given(cuts=st.lists(st.integers(1, 39), max_size=6), length=st.integers(1, 5))
def test_windows_do_not_depend_on_the_chunks(cuts: list[int], length: int) -> None:
    samples = with_gaps(planted_samples(80, symbols=2), at=60)
    whole = WindowState(length=length, gap=5 * DAY).join(samples)
    assert whole.whole.sum() == len(samples.windows(length))
    state = WindowState(length=length, gap=5 * DAY)
    edges = [0, *sorted(set(cuts)), 40]
    found: dict[int, bytes | None] = {}
    for start, stop in itertools.pairwise(edges):
        rows = np.concatenate([np.arange(start, stop), np.arange(40 + start, 40 + stop)])
        joined = state.join(samples.take(rows))
        windows = gather_windows(joined.x, np.maximum(joined.ends, length - 1), length)
        found |= {
            int(row): window.tobytes() if is_whole else None
            for row, window, is_whole in zip(rows, windows, joined.whole, strict=True)
        }
        state = WindowState.from_arrays(state.arrays())
    ends = set(samples.windows(length).rows.tolist())
    for row in range(80):
        assert found[row] == (samples.x[row - length + 1 : row + 1].tobytes() if row in ends else None)


def test_rows_that_come_twice_are_refused() -> None:
    samples = planted_samples(10, symbols=1)
    state = WindowState(length=3, gap=DAY)
    state.join(samples)
    with pytest.raises(DataError, match="the rows of S0 must come after those already seen"):
        state.join(samples.take(np.array([9])))


@given(rows=st.sets(st.integers(0, 59), min_size=1), context=st.integers(0, 5))
def test_context_is_the_rows_right_before(rows: set[int], context: int) -> None:
    samples, wanted = with_gaps(planted_samples(60, symbols=3)), np.array(sorted(rows))
    part, at = with_context(samples, wanted, context)
    np.testing.assert_array_equal(part.x[at], samples.x[wanted])
    needed = {
        before
        for row in wanted
        for before in range(max(row - context, 0), row + 1)
        if samples.segment[before] == samples.segment[row]
    }
    np.testing.assert_array_equal(part.x, samples.x[sorted(needed)])
    # Rows with a full window among all samples have it here too, and no others.
    length = context + 1
    full = set(samples.windows(length).rows.tolist())
    assert set(wanted[np.isin(at, part.windows(length).rows)].tolist()) == full & rows


def with_gaps(samples: Samples, at: int = 30) -> Samples:
    """The samples with ten days missing before a row, inside a symbol."""
    later = (np.arange(len(samples)) >= at) & (samples.symbol == samples.symbol[at])
    known_at = samples.known_at + np.where(later, 10 * DAY, 0)
    breaks = (np.diff(samples.symbol, prepend=samples.symbol[0]) != 0) | (np.arange(len(samples)) == at)
    return replace(samples, known_at=known_at, segment=np.cumsum(breaks).astype(np.int32))
