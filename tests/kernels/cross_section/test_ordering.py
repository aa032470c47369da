from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation, rankdata

from gnomon.kernels.cross_section.ordering import deviation_of, in_order, mean_of, median_of, spread_of, stand

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1.0, float("nan")])), max_size=60)


def ordered(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    given_ = np.array(values, np.float64)
    _, keys, places = in_order(given_, np.full(4 * given_.size, np.nan))
    return keys.copy(), places.astype(int)


def standing(values: list[float], *, least: float = 2.0, robust: bool = False) -> tuple[np.ndarray, np.ndarray]:
    given_ = np.array(values, np.float64)
    out = np.full((2 * given_.size, 1), 7.0)
    stand(given_, np.empty(4 * given_.size), least, robust, out, 0, 0)
    return out[: given_.size, 0], out[given_.size :, 0]


@given(VALUES)
def test_values_are_sorted_and_say_where_they_stand(values: list[float]) -> None:
    keys, places = ordered(values)
    held = np.array(values, np.float64)
    np.testing.assert_array_equal(keys, np.sort(held[~np.isnan(held)]))
    np.testing.assert_array_equal(held[places], keys)
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 63, 64, 65, 500])
def test_any_number_of_values_is_sorted(count: int) -> None:
    values = np.random.default_rng(count).integers(0, 40, count).astype(float)
    np.testing.assert_array_equal(ordered(values.tolist())[0], np.sort(values))


@given(VALUES, st.randoms())
def test_sums_know_no_order_of_the_symbols(values: list[float], chance) -> None:
    shuffled = list(values)
    chance.shuffle(shuffled)
    a, b = ordered(values)[0], ordered(shuffled)[0]
    if a.size > 1:
        assert (mean_of(a), deviation_of(a, mean_of(a))) == (mean_of(b), deviation_of(b, mean_of(b)))
    assert a.tobytes() == b.tobytes(), "the zeros too"


@given(VALUES)
def test_median_and_median_deviation(values: list[float]) -> None:
    keys, _ = ordered(values)
    if keys.size:
        assert median_of(keys) == np.median(keys)
        expected = median_abs_deviation(keys, scale="normal")
        if expected > 0.0:
            assert spread_of(keys, median_of(keys)) == pytest.approx(expected, rel=1e-12)


def test_the_mean_deviation_stands_in_where_most_are_equal() -> None:
    keys = np.array([-4.0, 1.0, 1.0, 1.0, 6.0])
    assert spread_of(keys, 1.0) == pytest.approx(2.0 * np.sqrt(np.pi / 2.0))


def test_by_hand() -> None:
    rank, score = standing([30.0, float("nan"), 10.0, 20.0, 20.0])
    np.testing.assert_allclose(rank, [1.0, np.nan, 0.0, 0.5, 0.5])
    np.testing.assert_allclose(score, np.array([10.0, np.nan, -10.0, 0.0, 0.0]) / np.sqrt(200.0 / 3.0))


@given(VALUES)
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    rank, score = standing(values)
    held = np.array(values, np.float64)
    there = ~np.isnan(held)
    if there.sum() < 2:
        assert np.isnan(rank).all()
        assert np.isnan(score).all()
        return
    np.testing.assert_allclose(rank[there], (rankdata(held[there]) - 1.0) / (there.sum() - 1.0))
    assert np.isnan(rank[~there]).all()
    assert np.isnan(score[~there]).all()


def test_too_few_and_equal_values() -> None:
    for robust in (False, True):
        assert np.isnan(np.concatenate(standing([1.0, 2.0, 3.0], least=4.0, robust=robust))).all()
        rank, score = standing([0.1] * 7, robust=robust)
        assert rank.tolist() == [0.5] * 7
        assert score.tolist() == [0.0] * 7
