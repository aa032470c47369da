"""Which rows are learned from, and what their loss is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss

from gnomon.core.errors import DataError, IntegrityError
from gnomon.models import ModelRegistry
from gnomon.models.supervised import log_loss, target_of
from gnomon.samples import UNKNOWN_END
from gnomon.testing.models import HORIZON, planted_samples


def test_only_decided_rows_with_a_weight_are_learned() -> None:
    samples = planted_samples(6, symbols=1)
    label_end, weight = samples.label_end.copy(), samples.weight.copy()
    label_end[1], weight[:, 0] = UNKNOWN_END, [2, 2, 0, 4, 1, 1]
    samples = replace(
        samples, label_end=label_end, weight=weight, y=np.array([[-1], [1], [1], [0], [1], [-1]], np.int8)
    )
    target = target_of(samples, HORIZON)
    assert target.rows.tolist() == [0, 3, 4, 5]
    assert target.y.tolist() == [0, 1, 2, 0]
    assert target.weight.tolist() == [1.0, 2.0, 0.5, 0.5]
    np.testing.assert_array_equal(target.x, samples.x[[0, 3, 4, 5]])


def test_impossible_labels_and_weights_are_refused() -> None:
    samples = planted_samples(10)
    with pytest.raises(DataError, match=r"must be -1, 0 or 1, found \[3\]"):
        target_of(replace(samples, y=np.where(samples.y == 1, 3, samples.y).astype(np.int8)), HORIZON)
    with pytest.raises(DataError, match=r"10 sample weights are negative or not finite, first -1\.0 in row 0"):
        target_of(replace(samples, weight=-samples.weight), HORIZON)


def test_log_loss_is_that_of_scikit_learn() -> None:
    samples = planted_samples(200)
    draw = np.random.default_rng(0)
    samples = replace(samples, weight=draw.uniform(0.1, 2, (200, 1)).astype(np.float32))
    target = target_of(samples, HORIZON)
    probability = draw.dirichlet([1, 1, 1], 200)
    expected = sklearn_log_loss(target.y, probability, sample_weight=target.weight, labels=[0, 1, 2])
    assert log_loss(probability, target) == pytest.approx(expected)
    certain = np.eye(3)[(target.y + 1) % 3]
    assert log_loss(certain, target) == pytest.approx(-np.log(1e-15))


def test_the_horizon_is_the_configs_or_the_first() -> None:
    samples = planted_samples(200)
    with pytest.raises(DataError, match=r"no labels at horizon 7; the samples carry \[5\]"):
        ModelRegistry.create("logistic_regression", horizon=7).fit(samples)
    model = ModelRegistry.create("logistic_regression")
    model.fit(samples)
    assert model.predict(samples).horizon == HORIZON


def test_an_unfitted_model_says_so(tmp_path: Path) -> None:
    model = ModelRegistry.create("lightgbm")
    with pytest.raises(ValueError, match="LightGBM was not fitted yet; call fit, or load a saved one"):
        model.predict(planted_samples(10))
    with pytest.raises(ValueError, match="not fitted"):
        model.save(tmp_path)


def test_messages_name_the_number_and_the_way_out() -> None:
    samples = planted_samples(100)
    with pytest.raises(DataError, match=r"all 100 training labels at horizon 5 are 1; change the barriers"):
        ModelRegistry.create("lightgbm").fit(replace(samples, y=np.ones_like(samples.y)))
    undecided = replace(samples, label_end=np.full_like(samples.label_end, UNKNOWN_END))
    with pytest.raises(DataError, match=r"0 of 100 training rows have a decided label with a weight at horizon 5"):
        ModelRegistry.create("lightgbm").fit(undecided)
    model = ModelRegistry.create("logistic_regression")
    model.fit(samples)
    renamed = replace(samples, feature_names=("feature_o", *samples.feature_names[1:]))
    with pytest.raises(DataError, match=r"lack: \['feature_0'\]; 'feature_0' may be 'feature_"):
        model.predict(renamed)


@pytest.mark.parametrize("name", ModelRegistry.names())
def test_a_folder_of_another_model_is_refused(name: str, tmp_path: Path) -> None:
    kind = ModelRegistry.models.get(name)
    with pytest.raises(IntegrityError, match=f"{tmp_path} holds no {kind.__name__}"):
        kind.load(tmp_path)
    model = ModelRegistry.create("ridge" if name != "ridge" else "majority")
    model.fit(planted_samples(300))
    model.save(tmp_path)
    with pytest.raises(IntegrityError, match=f"not a {kind.__name__}"):
        kind.load(tmp_path)
