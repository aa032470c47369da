"""Sample weights: published examples, bounds, slow twins, and weights that later bars leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import DataError
from gnomon.kernels import barriers
from gnomon.labels import (
    TripleBarrier,
    average_uniqueness,
    label_spans,
    return_attribution,
    sequential_bootstrap,
    time_decay,
)

spans = st.lists(st.tuples(st.integers(0, 25), st.integers(-1, 8)), min_size=1, max_size=30)


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


def test_a_return_is_shared_by_the_labels_alive() -> None:
    # Log returns 0, ln 1.1, 0, ln 0.9; two labels share the first move, one alone has the second.
    weights = return_attribution(np.array([1, 1]), np.array([1, 3]), np.array([100.0, 110.0, 110.0, 99.0]))
    half = np.log(1.1) / 2
    assert weights == pytest.approx([half, abs(half + np.log(0.9))])


@given(spans=spans, seed=st.integers(0, 5))
def test_return_attribution_is_its_slow_twin(spans: list[tuple[int, int]], seed: int) -> None:
    first = np.array([start for start, _ in spans])
    last = np.array([start + length for start, length in spans])
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, 40)))
    close[[7, 20]] = np.nan, 0.0
    weights = return_attribution(first, last, close)
    for i, (a, b) in enumerate(zip(first, last, strict=True)):
        own = 0.0
        for t in range(a, b + 1):
            if t not in {0, 7, 8, 20, 21}:
                own += np.log(close[t] / close[t - 1]) / sum(c <= t <= d for c, d in zip(first, last, strict=True))
        assert weights[i] == pytest.approx(abs(own), abs=1e-15)


def test_the_labeler_weighs_by_return(random_walk: Any) -> None:
    bars = random_walk(80, 1, "AB")
    labels = TripleBarrier(horizons=(6,), weighting="return").label(bars)
    first, last = label_spans(labels, bars)
    close = bars["close"].to_numpy()
    known = last >= first
    # Undecided labels are alive too: take them in up to the end of the symbol's bars.
    ends = np.where(known, last, np.where(labels["symbol"] == "A", 79, 159))
    alive = first <= ends
    warm = labels["timestamp"] >= bars["timestamp"][20]
    np.testing.assert_allclose(
        labels["weight"].to_numpy()[known],
        return_attribution(first, np.where(alive & warm.to_numpy(), ends, -1), close)[known],
    )


def test_decay_by_hand() -> None:
    # López de Prado 2018, 4.7: a straight line to c for c >= 0; for c < 0 the oldest share -c counts nothing.
    assert time_decay(np.ones(5), oldest=1.0).tolist() == [1.0] * 5
    assert time_decay(np.ones(5), oldest=0.0) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert time_decay(np.ones(4), oldest=-0.5) == pytest.approx([0.0, 0.0, 0.5, 1.0])
    # Two labels that share their life age as one.
    assert time_decay(np.array([1.0, 0.5, 0.5, 1.0]), oldest=0.0) == pytest.approx([1 / 3, 0.5, 2 / 3, 1.0])


@given(
    uniqueness=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=30),
    oldest=st.floats(-0.99, 1.0, allow_subnormal=False),
)
def test_decay_rises_to_one(uniqueness: list[float], oldest: float) -> None:
    factors = time_decay(np.array(uniqueness), oldest=oldest)
    assert factors[-1] == 1.0
    assert (np.diff(factors) >= -1e-12).all()
    assert ((factors >= max(oldest, 0.0) - 1e-12) & (factors <= 1.0)).all()


def test_decay_that_makes_no_sense_is_refused() -> None:
    for oldest in (-1.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="oldest must be above -1"):
            time_decay(np.ones(3), oldest=oldest)
    with pytest.raises(ValueError, match="numbers of at least 0"):
        time_decay(np.array([1.0, np.nan]), oldest=0.5)
    assert time_decay(np.zeros(2), oldest=0.5).tolist() == [1.0, 1.0]
    assert time_decay(np.empty(0), oldest=0.5).size == 0


def draw_by_the_book(first: Any, last: Any, uniforms: Any) -> list[int]:
    """The slow twin: snippet 4.5.2 read as it stands, each draw by the sum of the chances before it."""
    drawn: list[int] = []
    for uniform in uniforms:
        chances = []
        for a, b in zip(first, last, strict=True):
            shares = [1 / (1 + sum(first[k] <= t <= last[k] for k in drawn)) for t in range(a, b + 1)]
            chances.append(np.mean(shares))
        drawn.append(int(np.searchsorted(np.cumsum(chances), uniform * np.sum(chances), side="right")))
    return drawn


def test_the_published_chances_of_the_second_draw() -> None:
    # López de Prado 2018, 4.5.3: after the second label was drawn the chances are 5/14, 3/14 and 6/14.
    first, last = np.array([1, 3, 5]), np.array([3, 4, 6])

    def second(uniform: float) -> int:
        out = np.empty(2, np.int64)
        barriers.sequential_bootstrap(first, last, np.array([0.5, uniform]), out)
        assert out[0] == 1
        return int(out[1])

    bounds = {5 / 14: (0, 1), 8 / 14: (1, 2)}
    for bound, (below, above) in bounds.items():
        assert (second(bound - 1e-9), second(bound + 1e-9)) == (below, above)
    assert (second(0.0), second(1 - 1e-16)) == (0, 2)


@given(
    spans=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=12), seed=st.integers(0, 9)
)
def test_the_draws_are_those_of_the_slow_twin(spans: list[tuple[int, int]], seed: int) -> None:
    spans = sorted(spans)
    first = np.array([start for start, _ in spans])
    last = np.array([start + length for start, length in spans])
    drawn = sequential_bootstrap(first, last, rng=np.random.default_rng(seed), size=15)
    assert drawn.tolist() == draw_by_the_book(first, last, np.random.default_rng(seed).random(15))


def test_the_draws_overlap_less_than_plain_ones() -> None:
    # López de Prado 2018, 4.5.4: ten labels of 1 to 5 bars within 100; his medians are 0.6 and 0.7.
    rng = np.random.default_rng(3)
    unique = []
    for _ in range(300):
        first = rng.integers(100, size=10)
        last = first + rng.integers(1, 5, size=10)
        drawn = sequential_bootstrap(first, last, rng=rng), rng.integers(10, size=10)
        unique.append([average_uniqueness(first[rows], last[rows]).mean() for rows in drawn])
    assert np.median(unique, axis=0) == pytest.approx([0.7, 0.6], abs=0.04)


def test_draws_come_from_the_generator_in_any_order_of_labels_and_never_from_empty_spans() -> None:
    first, last = np.array([1_000_005, 1_000_001, 1_000_003]), np.array([1_000_006, 1_000_003, 0])
    drawn = sequential_bootstrap(first, last, rng=np.random.default_rng(1), size=50)
    assert set(drawn.tolist()) == {0, 1}
    again = sequential_bootstrap(first, last, rng=np.random.default_rng(1), size=50)
    assert drawn.tolist() == again.tolist()
    assert sequential_bootstrap(first, last, rng=np.random.default_rng(1)).size == 2
    nothing = np.empty(0, np.int64)
    assert sequential_bootstrap(nothing, nothing, rng=np.random.default_rng(1)).size == 0
    with pytest.raises(ValueError, match="3 labels cannot be drawn from 0"):
        sequential_bootstrap(nothing, nothing, rng=np.random.default_rng(1), size=3)


def test_spans_of_a_table_of_labels(random_walk: Any) -> None:
    bars = random_walk(40, 2, "AB")
    labels = TripleBarrier(horizons=(6,), volatility_warmup=3).label(bars)
    first, last = label_spans(labels, bars)
    at = bars.with_row_index("bar")
    for row, start, end in zip(labels.iter_rows(named=True), first, last, strict=True):
        assert bars.row(start - 1, named=True)["timestamp"] == row["timestamp"]
        if row["label"] is None:
            assert end < start
        else:
            here = (pl.col("symbol") == row["symbol"]) & (pl.col("timestamp") == row["label_end"])
            assert at.filter(here)["bar"].item() == end
    with pytest.raises(DataError, match="labels begin or end at no bar"):
        label_spans(labels, bars.head(30))
