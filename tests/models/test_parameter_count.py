"""What a model says it has learned: counted by hand where that can be done, bounded where it cannot."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnomon.models import ModelRegistry
from gnomon.testing.models import planted_samples

SAMPLES = planted_samples(600, features=4)
EXACT: dict[str, tuple[dict[str, Any], int]] = {
    "logistic_regression": ({}, 3 * (4 + 1)),
    "ridge": ({}, 4 + 1),
    # Trees that ask one question have two leaves.
    "random_forest": ({"trees": 5, "max_depth": 1}, 5 * 2),
    "lightgbm": ({"rounds": 4, "num_leaves": 2}, 4 * 3 * 2),
    "xgboost": ({"rounds": 4, "max_depth": 1, "min_weight_in_leaf": 1.0}, 4 * 3 * 2),
    "catboost": ({"rounds": 4, "depth": 3}, 4 * 2**3),
    # Three planes in four features, and their offsets.
    # The frequencies of three classes; a rule on a sign also knows how often that was right.
    "majority": ({}, 3),
    "momentum_rule": ({"feature": "feature_0"}, 1 + 3),
    "svm": ({"kernel": "linear"}, 3 * (4 + 1)),
}


@pytest.mark.parametrize("name", EXACT)
def test_the_count_by_hand(name, tmp_path):
    params, wanted = EXACT[name]
    model = ModelRegistry.create(name, **params)
    model.fit(SAMPLES)
    assert model.parameter_count == wanted
    model.save(tmp_path)
    assert type(model).load(tmp_path).parameter_count == wanted


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="nets need torch")
def test_a_net_counts_its_network_and_head():
    net = ModelRegistry.create("gru", hidden=4, layers=1, window=3, epochs=1, batch_size=64)
    assert net.parameter_count is None
    net.fit(SAMPLES)
    weights = [value.numel() for part in (net.network, net.head) for value in part.parameters()]  # type: ignore[attr-defined]
    assert net.parameter_count == int(np.sum(weights))
    # Three gates of 4 cells: from 4 features, from 4 cells, and two offsets each; then at least 3 outputs of 4 cells.
    assert net.parameter_count >= 3 * 4 * (4 + 4 + 2) + 3 * (4 + 1)


@pytest.mark.parametrize(
    ("estimator", "settings", "wanted"),
    [
        ("sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 5, "max_depth": 1, "min_samples_leaf": 1}, 5 * 2),
        ("sklearn.tree.DecisionTreeClassifier", {"max_depth": 1}, 2),
        ("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 2, "max_depth": 1}, 2 * 3 * 2),
        ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 2, "max_leaf_nodes": 2}, 2 * 3 * 2),
        ("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}, 3 * (4 + 1)),
        (
            "sklearn.neural_network.MLPClassifier",
            {"hidden_layer_sizes": [2], "max_iter": 2, "tol": 1e9, "n_iter_no_change": 1},
            2 * (4 + 1) + 3 * (2 + 1),
        ),
        ("sklearn.neighbors.KNeighborsClassifier", {}, None),
    ],
)
def test_a_wrapped_estimator_counts_what_it_shows(estimator, settings, wanted):
    from gnomon.models.classical.sklearn import Sklearn, SklearnConfig

    model = Sklearn(SklearnConfig(estimator=estimator, settings=settings))
    model.fit(replace(SAMPLES, weight=np.ones_like(SAMPLES.weight)))
    assert model.parameter_count == wanted
