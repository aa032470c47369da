"""Forest, SVM, ridge and rules against scikit-learn and against answers worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.svm import SVC

from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.core.seeds import derived_seed
from gnomon.models import ModelRegistry
from gnomon.models.classical.svm import _pairs
from gnomon.samples.base import Samples
from gnomon.testing.models import mean_log_loss, planted_samples, prior_log_loss


def test_a_forest_says_what_scikit_learn_says() -> None:
    train, other = planted_samples(500), planted_samples(60, part="other")
    x = train.x.copy()
    x[::4, 0] = np.nan
    model = ModelRegistry.create("random_forest", trees=12, max_depth=5, min_rows_in_leaf=10, seed=4)
    model.fit(replace(train, x=x))
    oracle = RandomForestClassifier(
        12, max_depth=5, min_samples_leaf=10, max_features=0.3, max_samples=0.5,
        random_state=derived_seed(4, "random_forest"),
    ).fit(x, train.y[:, 0], sample_weight=np.ones(500))  # fmt: skip
    holes = other.x.copy()
    holes[::3, 0] = np.nan
    holes[::5, 2] = np.nan
    np.testing.assert_allclose(
        model.predict(replace(other, x=holes)).probability, oracle.predict_proba(holes), rtol=1e-12, atol=1e-15
    )


def test_threads_of_a_forest_give_the_same_bytes(tmp_path: Path) -> None:
    held = []
    for threads in (1, 2):
        model = ModelRegistry.create("random_forest", trees=8, threads=threads)
        model.fit(planted_samples(300))
        (tmp_path / str(threads)).mkdir()
        model.save(tmp_path / str(threads))
        held.append((tmp_path / str(threads) / "trees.npz").read_bytes())
    assert held[0] == held[1]
    (tmp_path / "1" / "trees.npz").write_bytes(held[0][:-10])
    with pytest.raises(IntegrityError, match="not the file that was written"):
        ModelRegistry.models.get("random_forest").load(tmp_path / "1")


@pytest.mark.parametrize("classes", [2, 3])
def test_pairs_of_support_vectors_give_the_scores_of_libsvm(classes: int) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(120, 3)), draw.integers(0, classes, 120)
    solver = SVC(gamma=0.4, decision_function_shape="ovo").fit(x, y)
    near = np.exp(-0.4 * ((x[:, None] - solver.support_vectors_[None]) ** 2).sum(axis=2))
    ours = (near @ _pairs(solver) + solver.intercept_).reshape(len(x), -1)
    np.testing.assert_allclose(ours, solver.decision_function(x).reshape(len(x), -1), atol=1e-9)


def test_a_sketched_svm_is_near_the_exact_one() -> None:
    train, other = planted_samples(800), planted_samples(300, part="other")
    forecasts = []
    for rows in (2000, 100):
        model = ModelRegistry.create("svm", exact_rows=rows, components=200, c=0.5)
        model.fit(train, planted_samples(400, part="valid"))
        forecasts.append(model.predict(other).edge())
    assert np.corrcoef(*forecasts)[0, 1] > 0.95


def test_ridge_is_that_of_scikit_learn() -> None:
    train, other = planted_samples(400), planted_samples(50, part="other")
    model: Any = ModelRegistry.create("ridge", penalty=0.3, quantiles=(0.1, 0.9))
    report = model.fit(train)
    x = train.x.astype(np.float64)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    oracle = SklearnRidge(alpha=0.3 * 400).fit(z, train.forward_return[:, 0])
    expected = oracle.predict((other.x - x.mean(axis=0)) / x.std(axis=0))
    np.testing.assert_allclose(model._expected(other.x), expected, rtol=1e-9)
    forecast = model.predict(other)
    assert forecast.quantile_levels == (0.1, 0.9)
    assert (forecast.quantiles[:, 0] < forecast.quantiles[:, 1]).all()
    assert list(report.curves) == ["train_rmse"]
    with pytest.raises(ConfigError, match="target"):
        ModelRegistry.create("ridge", target="class")


def by_hand() -> Samples:
    samples = planted_samples(6, symbols=1, features=2)
    past = np.array([0.5, -0.5, 0.5, -0.5, 0.5, np.nan], np.float32)
    return replace(
        samples,
        x=np.stack([past, np.zeros(6, np.float32)], axis=1),
        y=np.array([[1], [-1], [-1], [-1], [0], [1]], np.int8),
        feature_names=("log_return_5", "other"),
    )


def test_persistence_by_hand() -> None:
    model = ModelRegistry.create("persistence")
    report = model.fit(by_hand())
    # Of five rows with a past return three kept its sign: (3 + 1) / (5 + 3). The classes came 3, 1 and 2 times.
    probability = model.predict(by_hand()).probability
    np.testing.assert_allclose(probability[0], [0.5 * 3 / 4, 0.5 * 1 / 4, 0.5])
    np.testing.assert_allclose(probability[1], [0.5, 0.5 * 1 / 3, 0.5 * 2 / 3])
    np.testing.assert_allclose(probability[5], [3 / 6, 1 / 6, 2 / 6])
    assert report.importance == {"log_return_5": 1.0, "other": 0.0}
    wide = ModelRegistry.create("persistence", band=0.6)
    wide.fit(by_hand())
    assert wide.predict(by_hand()).probability[0].argmax() != 2


def test_a_rule_takes_the_nearest_return_and_says_where_there_is_none() -> None:
    samples = planted_samples(50, features=4)
    named = replace(samples, feature_names=("log_return_1", "log_return_5", "momentum_120", "rsi_14"))
    for rule, feature in (("persistence", "log_return_5"), ("momentum_rule", "momentum_120")):
        model: Any = ModelRegistry.create(rule)
        model.fit(named)
        assert model.feature == feature
        assert not model.scaled
        with pytest.raises(DataError, match="the samples have none"):
            ModelRegistry.create(rule).fit(samples)
        with pytest.raises(DataError, match="'rsi_41', which the samples lack"):
            ModelRegistry.create(rule, feature="rsi_41").fit(named)


def test_majority_is_the_frequency_by_weight() -> None:
    samples = by_hand()
    weight = np.array([[2], [1], [1], [1], [1], [0]], np.float32)
    model = ModelRegistry.create("majority")
    model.fit(replace(samples, weight=weight))
    np.testing.assert_allclose(model.predict(samples).probability, np.tile([3 / 6, 1 / 6, 2 / 6], (6, 1)))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"estimator": "sklearn.ensemble.ExtraTrees"}, "cannot be made"),
        ({"estimator": "sklearn.linear_model.Ridge"}, "is no classifier"),
        ({"estimator": "sklearn.svm.LinearSVC"}, "gives no probabilities"),
        ({"estimator": "sklearn.naive_bayes.GaussianNB", "settings": {"smoothing": 1}}, "cannot be made"),
        ({"estimator": "sklearn.naive_bayes.GaussianNB", "target": "return"}, "is no regressor"),
        ({"estimator": "sklearn.gaussian_process.GaussianProcessClassifier"}, "types that are not trusted"),
    ],
)
def test_an_estimator_that_cannot_serve_is_refused(params: dict[str, Any], said: str) -> None:
    pytest.importorskip("skops")
    with pytest.raises(ConfigError, match=said):
        ModelRegistry.create("sklearn", **params).fit(planted_samples(60))


def test_a_first_try_with_trees_does_not_learn_noise_by_heart() -> None:
    pytest.importorskip("skops")
    train, fresh = (planted_samples(800, strength=0.3, part=part) for part in ("train", "fresh"))
    prior = prior_log_loss(train, fresh)
    losses = {}
    for what, settings in (("default", {}), ("scikit-learn's", {"min_samples_leaf": 1})):
        model = ModelRegistry.create("sklearn", settings={"n_estimators": 40, **settings})
        model.fit(train)
        losses[what] = mean_log_loss(model.predict(fresh).probability, fresh)
    assert losses["default"] < prior < losses["scikit-learn's"]


@pytest.mark.parametrize(
    ("estimator", "settings", "leaf"),
    [
        ("ensemble.ExtraTreesClassifier", {}, 50),
        ("tree.DecisionTreeClassifier", {"max_depth": 3}, 50),
        ("ensemble.RandomForestClassifier", {"min_samples_leaf": 1}, 1),
        ("ensemble.HistGradientBoostingClassifier", {}, 20),
        ("linear_model.LogisticRegression", {}, None),
    ],
)
def test_leaves_hold_fifty_rows_where_nobody_says_otherwise(
    estimator: str, settings: dict[str, Any], leaf: int | None
) -> None:
    pytest.importorskip("skops")
    model: Any = ModelRegistry.create("sklearn", estimator=f"sklearn.{estimator}", settings=settings)
    assert model._made().get_params().get("min_samples_leaf") == leaf


def test_an_estimator_without_weights_is_refused_where_they_differ() -> None:
    pytest.importorskip("skops")
    train = planted_samples(100)
    model = ModelRegistry.create("sklearn", estimator="sklearn.neighbors.KNeighborsClassifier")
    model.fit(train)
    weight = np.linspace(0.5, 1.5, 100, dtype=np.float32)[:, None]
    with pytest.raises(DataError, match="takes no sample weights"):
        model.fit(replace(train, weight=weight))


def test_only_names_of_scikit_learn_are_taken() -> None:
    pytest.importorskip("skops")
    with pytest.raises(ConfigError, match="estimator"):
        ModelRegistry.create("sklearn", estimator="os.system")
