"""Scaling: against scikit-learn, on training rows only, and the same bits from disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import RobustScaler as SklearnRobust
from sklearn.preprocessing import StandardScaler as SklearnStandard

from gnomon.core.errors import DataError, IntegrityError
from gnomon.samples import SCALERS, RobustScaler, ScalerParams, StandardScaler
from gnomon.samples.transforms import rows_hash
from gnomon.testing.models import planted_samples


def test_three_rows_worked_by_hand() -> None:
    samples = planted_samples(3, features=2, symbols=1)
    samples = replace(samples, x=np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]], np.float32))
    params = StandardScaler().fit(samples)
    assert params.center == (3.0, 5.0)
    assert params.scale[0] == pytest.approx(np.sqrt(14 / 3))
    assert RobustScaler().fit(samples).center == (2.0, 5.0)


def test_scaling_is_that_of_scikit_learn() -> None:
    samples = planted_samples(500)
    x = samples.x.astype(np.float64) * 30 + 7
    x[::9, 1] = np.nan
    samples = replace(samples, x=x.astype(np.float32))
    for ours, theirs in ((StandardScaler(), SklearnStandard()), (RobustScaler(), SklearnRobust(unit_variance=True))):
        expected = theirs.fit_transform(samples.x.astype(np.float64))
        np.testing.assert_allclose(ours.fit(samples).apply(samples).x, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["standard", "robust", "none"])
def test_only_the_rows_it_was_given_count(kind: str) -> None:
    samples = planted_samples(400)
    train = samples.take(np.arange(200))
    params = SCALERS[kind].fit(train)
    poisoned = replace(samples, x=np.where(np.arange(400)[:, None] < 200, samples.x, 1e9).astype(np.float32))
    assert SCALERS[kind].fit(poisoned.take(np.arange(200))) == params
    # The record says which rows it saw; the control, fitted on all rows, has another one and other numbers.
    assert (params.rows, params.rows_hash) == (200, rows_hash(train))
    assert params.last_known_at == train.known_at.max()
    control = SCALERS[kind].fit(samples)
    assert control.rows_hash != params.rows_hash
    assert kind == "none" or control.center != params.center


def test_a_row_is_scaled_by_itself() -> None:
    samples = planted_samples(300)
    params = StandardScaler().fit(samples)
    whole = params.transform(samples.x)
    for i in (0, 7, 299):
        np.testing.assert_array_equal(params.transform(samples.x[i : i + 1])[0], whole[i])


def test_constant_and_empty_features_are_left_whole() -> None:
    samples = planted_samples(50)
    x = samples.x.copy()
    x[:, 0] = 0.1
    x[:, 1] = np.nan
    samples = replace(samples, x=x)
    for scaler in (StandardScaler(), RobustScaler()):
        params = scaler.fit(samples)
        out = params.apply(samples).x
        assert np.abs(out[:, 0]).max() < 1e-6
        assert np.isnan(out[:, 1]).all()
        assert params.scale[:2] == (1.0, 1.0)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    params = RobustScaler().fit(planted_samples(100))
    params.save(tmp_path / "a.json")
    params.save(tmp_path / "b.json")
    assert ScalerParams.load(tmp_path / "a.json") == params
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("text", ["", "{}", '{"kind": 3}', "[1]"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "scaler.json").write_text(text)
    with pytest.raises(IntegrityError, match=r"scaler\.json holds no scaler"):
        ScalerParams.load(tmp_path / "scaler.json")


def test_bad_samples_are_refused() -> None:
    samples = planted_samples(20)
    with pytest.raises(DataError, match="needs training rows"):
        StandardScaler().fit(samples.take(np.arange(0)))
    with pytest.raises(DataError, match="feature 'feature_1' is infinite in 20"):
        StandardScaler().fit(replace(samples, x=np.where(np.arange(6) == 1, np.inf, samples.x).astype(np.float32)))
    with pytest.raises(DataError, match="was fitted on the features"):
        StandardScaler().fit(samples).apply(replace(samples, feature_names=tuple("abcdef")))
