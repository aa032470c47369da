from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from gnomon.metrics import (
    brier_decomposition,
    brier_score,
    calibration_table,
    expected_calibration_error,
    reliability_curve,
)

CLASSES = [-1, 0, 1]


def drawn(seed: int, n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes that come as often as is said."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet([2.0, 1.0, 2.0], n)
    actual = (rng.random(n)[:, None] > np.cumsum(probability, axis=1)[:, :2]).sum(axis=1) - 1
    return actual.astype(np.int8), probability


def sharpened(probability: np.ndarray, power: float = 3.0) -> np.ndarray:
    bent = probability**power
    return bent / bent.sum(axis=1, keepdims=True)


def test_a_table_by_hand() -> None:
    probability = np.array([[0.0, 0.35, 0.65], [0.0, 0.35, 0.65], [1.0, 0.0, 0.0]])
    table = calibration_table(np.array([1, 0, -1]), probability, bins=10)
    long = table.filter(table["class"] == "long")
    assert long.rows() == [
        ("long", 0.0, 0.1, 1, 0.0, 0.0),
        ("long", pytest.approx(0.6), pytest.approx(0.7), 2, 0.65, 0.5),
    ]
    assert table.filter(table["class"] == "short")["high"].to_list() == [pytest.approx(0.1), 1.0]
    error = expected_calibration_error(np.array([1, 0, -1]), probability)
    assert error == pytest.approx((2 * 0.15 + 2 * 0.15) / 9)


def test_the_likeliest_class_by_hand() -> None:
    probability = np.array([[0.0, 0.35, 0.65], [0.0, 0.35, 0.65], [1.0, 0.0, 0.0]])
    curve = reliability_curve(np.array([1, 0, -1]), probability, bins=10)
    assert curve.rows() == [
        (pytest.approx(0.6), pytest.approx(0.7), 2, 0.65, 0.5),
        (pytest.approx(0.9), 1.0, 1, 1.0, 1.0),
    ]
    assert expected_calibration_error(np.array([1, 0, -1]), probability, of="top") == pytest.approx(2 * 0.15 / 3)


@pytest.mark.parametrize(("binning", "strategy"), [("width", "uniform"), ("mass", "quantile")])
def test_curves_equal_scikit_learn(binning: str, strategy: str) -> None:
    actual, probability = drawn(1)
    table = calibration_table(actual, probability, bins=7, binning=binning)  # type: ignore[arg-type]
    for k, name in enumerate(("short", "flat", "long")):
        observed, forecast = calibration_curve(actual == k - 1, probability[:, k], n_bins=7, strategy=strategy)
        own = table.filter(pl.col("class") == name)
        np.testing.assert_allclose(own["observed"].to_numpy(), observed, rtol=1e-9)
        np.testing.assert_allclose(own["forecast"].to_numpy(), forecast, rtol=1e-9)


def test_bins_of_equal_mass_hold_as_many_rows() -> None:
    actual, probability = drawn(2, 1000)
    counts = reliability_curve(actual, probability, bins=8, binning="mass")["count"]
    assert counts.sum() == 1000
    assert counts.to_list() == [125] * 8
    same = reliability_curve(actual, np.tile([0.2, 0.3, 0.5], (1000, 1)), bins=8, binning="mass")
    assert same["count"].to_list() == [1000]


@pytest.mark.parametrize("of", ["classes", "top"])
@pytest.mark.parametrize("binning", ["width", "mass"])
def test_calibrated_forecasts_have_no_error_and_bent_ones_do(of: str, binning: str) -> None:
    actual, probability = drawn(3, 20_000)
    kind = {"of": of, "binning": binning}
    assert expected_calibration_error(actual, probability, **kind) < 0.012  # type: ignore[arg-type]
    assert expected_calibration_error(actual, sharpened(probability), **kind) > 0.05  # type: ignore[arg-type]  # control


def test_few_rows_make_an_error_by_luck_and_the_debiased_one_takes_it_away() -> None:
    plain, debiased, bent = [], [], []
    for seed in range(40):
        actual, probability = drawn(100 + seed, 300)
        plain.append(expected_calibration_error(actual, probability, binning="mass"))
        debiased.append(expected_calibration_error(actual, probability, binning="mass", debiased=True))
        bent.append(expected_calibration_error(actual, sharpened(probability), binning="mass", debiased=True))
    assert np.mean(plain) > 0.03
    assert np.mean(debiased) < 0.7 * np.mean(plain)
    # Where the error is real, both agree with that of many rows.
    actual, probability = drawn(99, 100_000)
    true = expected_calibration_error(actual, sharpened(probability), binning="mass")
    assert np.mean(bent) == pytest.approx(true, rel=0.1)


def test_brier_parts_by_hand() -> None:
    # Two rows said .8 / .2 (one came), two said .4 / .6 (both the second): short and long only.
    probability = np.array([[0.8, 0.0, 0.2], [0.8, 0.0, 0.2], [0.4, 0.0, 0.6], [0.4, 0.0, 0.6]])
    parts = brier_decomposition(np.array([-1, 1, 1, 1]), probability)
    assert parts.reliability == pytest.approx(2 * (0.5 * 0.3**2 + 0.5 * 0.4**2))
    assert parts.resolution == pytest.approx(2 * (0.5 * 0.25**2 + 0.5 * 0.25**2))
    assert parts.uncertainty == pytest.approx(2 * 0.25 * 0.75)
    assert parts.within == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 12), st.sampled_from(["width", "mass"]))
def test_brier_parts_add_up(seed: int, n: int, bins: int, binning: str) -> None:
    actual, probability = drawn(seed, n)
    parts = brier_decomposition(actual, probability, bins=bins, binning=binning)  # type: ignore[arg-type]
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert whole == pytest.approx(brier_score(actual, probability), rel=1e-12)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0.0
    # Each forecast in a bin of its own kind: nothing is hidden.
    rounded = np.tile(probability[:1], (n, 1))
    assert brier_decomposition(actual, rounded, bins=bins).within == pytest.approx(0.0, abs=1e-12)


def test_without_rows() -> None:
    none, empty = np.array([], dtype=np.int8), np.zeros((0, 3))
    assert calibration_table(none, empty).height == 0
    assert reliability_curve(none, empty).height == 0
    for debiased in (False, True):
        assert math.isnan(expected_calibration_error(none, empty, debiased=debiased))
    assert math.isnan(brier_decomposition(none, empty).reliability)


def test_what_is_not_a_table_is_refused() -> None:
    one, row = np.array([1]), np.array([[0.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match="bins must be 1"):
        calibration_table(one, row, bins=0)
    with pytest.raises(ValueError, match="must be 'width' or 'mass', was 'depth'"):
        reliability_curve(one, row, binning="depth")  # type: ignore[arg-type]
