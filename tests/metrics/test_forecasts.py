from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as oracle

from gnomon.metrics import (
    accuracy,
    auc,
    balanced_accuracy,
    base_rate,
    brier_score,
    confusion_matrix,
    confusion_table,
    information_coefficient,
    log_loss,
    matthews_correlation,
    predicted_class,
    roc_auc,
)

CLASSES = [-1, 0, 1]


def drawn(seed: int, n: int = 500, *, rounded: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet([2.0, 1.0, 2.0], n)
    if rounded:  # so that there are ties
        probability = np.round(probability, 1)
        probability[:, 1] = 1.0 - probability[:, 0] - probability[:, 2]
        probability = np.abs(probability)
        probability /= probability.sum(axis=1, keepdims=True)
    actual = np.array([rng.choice(CLASSES, p=row / row.sum()) for row in probability], dtype=np.int8)
    return actual, probability


@pytest.mark.parametrize("seed", range(4))
def test_they_equal_scikit_learn(seed: int) -> None:
    actual, probability = drawn(seed, rounded=seed % 2 == 0)
    said = predicted_class(probability)
    assert accuracy(actual, said) == pytest.approx(oracle.accuracy_score(actual, said), rel=1e-9)
    assert balanced_accuracy(actual, said) == pytest.approx(oracle.balanced_accuracy_score(actual, said), rel=1e-9)
    assert matthews_correlation(actual, said) == pytest.approx(oracle.matthews_corrcoef(actual, said), rel=1e-9)
    np.testing.assert_array_equal(confusion_matrix(actual, said), oracle.confusion_matrix(actual, said, labels=CLASSES))
    assert log_loss(actual, probability) == pytest.approx(
        oracle.log_loss(actual, probability, labels=CLASSES), rel=1e-9
    )
    assert auc(actual, probability) == pytest.approx(
        oracle.roc_auc_score(actual, probability, multi_class="ovr", labels=CLASSES), rel=1e-9
    )
    happened = np.eye(3)[actual + 1]
    assert brier_score(actual, probability) == pytest.approx(np.mean(np.sum((probability - happened) ** 2, axis=1)))


def test_information_coefficient_equals_scipy() -> None:
    rng = np.random.default_rng(1)
    signal = np.round(rng.normal(size=300), 1)
    came = 0.1 * signal + rng.normal(size=300)
    assert information_coefficient(signal, came) == pytest.approx(stats.spearmanr(signal, came).statistic, rel=1e-9)
    signal[3] = came[7] = np.nan
    kept = ~(np.isnan(signal) | np.isnan(came))
    assert information_coefficient(signal, came) == pytest.approx(information_coefficient(signal[kept], came[kept]))


def test_noise_has_no_skill() -> None:
    actual, probability = drawn(5, 5000)
    mixed = np.random.default_rng(6).permutation(actual)
    assert abs(auc(mixed, probability) - 0.5) < 0.03
    assert abs(matthews_correlation(mixed, predicted_class(probability))) < 0.05
    assert auc(actual, probability) > 0.6  # control


def test_a_confusion_table_names_its_classes() -> None:
    table = confusion_table(np.array([-1, 0, 1, 1]), np.array([-1, 0, 1, -1]))
    assert table.rows() == [("short", 1, 0, 0), ("flat", 0, 1, 0), ("long", 1, 0, 1)]


def test_edges() -> None:
    none, empty = np.array([], dtype=np.int8), np.zeros((0, 3))
    for value in (
        accuracy(none, none),
        balanced_accuracy(none, none),
        matthews_correlation(none, none),
        base_rate(none),
        log_loss(none, empty),
        brier_score(none, empty),
        auc(none, empty),
        information_coefficient(np.array([1.0]), np.array([1.0])),
        information_coefficient(np.ones(5), np.arange(5.0)),
        roc_auc(np.ones(3, dtype=bool), np.arange(3.0)),
    ):
        assert math.isnan(value)
    assert matthews_correlation(np.array([1, 1]), np.array([1, 1])) == 0.0
    assert base_rate(np.array([1, 1, 0])) == pytest.approx(2 / 3)
    assert log_loss(np.array([1]), np.array([[1.0, 0.0, 0.0]])) == pytest.approx(-math.log(np.finfo(float).eps))


def test_what_is_not_a_forecast_is_refused() -> None:
    with pytest.raises(ValueError, match="-1, 0 or 1, was 2"):
        accuracy(np.array([2]), np.array([1]))
    with pytest.raises(ValueError, match="were 1 and 2 long"):
        accuracy(np.array([1]), np.array([1, 1]))
    with pytest.raises(ValueError, match=r"of shape \(1, 3\), was \(1, 2\)"):
        log_loss(np.array([1]), np.array([[0.5, 0.5]]))
    with pytest.raises(ValueError, match="same rows"):
        information_coefficient(np.ones(2), np.ones(3))
