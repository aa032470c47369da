"""Logistic regression against scikit-learn, with two classes, with holes."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Sklearn

from gnomon.core.errors import ConfigError
from gnomon.models import LogisticRegression, ModelRegistry
from gnomon.models.classical.logistic import LogisticRegressionConfig
from gnomon.testing.models import planted_samples


def test_probabilities_are_those_of_scikit_learn() -> None:
    train, other = planted_samples(800), planted_samples(100, part="other")
    weight = np.random.default_rng(0).uniform(0.5, 1.5, (800, 1)).astype(np.float32)
    model = LogisticRegression(LogisticRegressionConfig(c=0.5))
    model.fit(replace(train, weight=weight))
    oracle = Sklearn(C=0.5, max_iter=200, tol=1e-5)
    scaled = weight[:, 0] / weight.mean(dtype=np.float64)
    oracle.fit(train.x.astype(np.float64), train.y[:, 0], sample_weight=scaled)
    np.testing.assert_allclose(model.predict(other).probability, oracle.predict_proba(other.x), rtol=1e-6)


@pytest.mark.parametrize("absent", [-1, 0, 1])
def test_two_classes_give_three_columns(absent: int) -> None:
    train = planted_samples(800)
    train = train.take(np.flatnonzero(train.y[:, 0] != absent))
    model = LogisticRegression()
    model.fit(train)
    probability = model.predict(train).probability
    assert (probability[:, absent + 1] == 0).all()
    oracle = Sklearn(C=0.1, max_iter=200, tol=1e-5).fit(train.x.astype(np.float64), train.y[:, 0])
    present = [k for k in range(3) if k != absent + 1]
    np.testing.assert_allclose(probability[:, present], oracle.predict_proba(train.x), rtol=1e-6)


def test_a_missing_feature_counts_as_its_training_mean() -> None:
    train = planted_samples(500)
    x = train.x.copy()
    x[::4, 3] = np.nan
    train = replace(train, x=x)
    model = LogisticRegression()
    model.fit(train)
    filled = np.where(np.isnan(x), np.nanmean(x, axis=0, dtype=np.float64), x).astype(np.float64)
    oracle = Sklearn(C=0.1, max_iter=200, tol=1e-5).fit(filled, train.y[:, 0])
    np.testing.assert_allclose(model.predict(train).probability, oracle.predict_proba(filled), rtol=1e-6)


def test_huge_scores_do_not_overflow() -> None:
    train = planted_samples(300)
    model = LogisticRegression()
    model.fit(train)
    far = replace(train, x=train.x * 1e30)
    assert np.isfinite(model.predict(far).probability).all()


def test_a_solver_that_is_cut_short_says_so() -> None:
    with warnings.catch_warnings():
        # In the report, not on the terminal.
        warnings.simplefilter("error")
        report = ModelRegistry.create("logistic_regression", max_iterations=1).fit(planted_samples(300))
    assert report.notes == ["the solver did not converge in 1 iterations; raise max_iterations"]
    assert ModelRegistry.create("logistic_regression").fit(planted_samples(300)).notes == []


def test_the_file_can_be_read_by_a_person(tmp_path: Path) -> None:
    model = LogisticRegression()
    model.fit(planted_samples(300))
    model.save(tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text())
    assert facts["features"][0] == "feature_0"
    assert np.shape(facts["fitted"]["coefficients"]) == (3, 6)


def test_wrong_settings_are_refused_by_name() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown key 'max_iter' at models\.a\.max_iter; did you mean 'max_iterations'"
    ):
        ModelRegistry.create("logistic_regression", where="models.a", max_iter=5)
    with pytest.raises(ConfigError, match="c = -1"):
        ModelRegistry.create("logistic_regression", c=-1)
