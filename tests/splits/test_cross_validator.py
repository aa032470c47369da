"""The adapter in scikit-learn's own hands, and what a leaking split would have claimed there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from gnomon.core.errors import DataError, GateError
from gnomon.samples.base import UNKNOWN_END
from gnomon.splits import (
    CombinatorialPurgedKFold,
    Fold,
    Holdout,
    PurgedCrossValidator,
    PurgedKFold,
    WalkForward,
)


@pytest.mark.parametrize(
    ("splitter", "folds"),
    [
        (PurgedKFold(folds=4, embargo_bars=3), 4),
        (CombinatorialPurgedKFold(folds=4, test_folds=2), 6),
        (WalkForward(folds=3), 3),
        (Holdout(train=0.6, valid=0.2, test=0.2), 1),
    ],
)
def test_every_splitter_scores(splitter: Any, folds: int) -> None:
    chance = np.random.default_rng(0)
    X = chance.normal(size=(200, 3))
    y = (X[:, 0] + 0.3 * chance.normal(size=200) > 0).astype(int)
    known_at = np.arange(200)
    cv = PurgedCrossValidator(splitter, known_at=known_at, label_end=known_at + 5)
    assert cv.get_n_splits(X, y) == folds
    scores = cross_val_score(LogisticRegression(), X, y, cv=cv)
    assert scores.shape == (folds,)
    assert scores.min() > 0.8


def test_search_and_prediction_take_it_too() -> None:
    X = np.random.default_rng(1).normal(size=(120, 2))
    y = (X[:, 0] > 0).astype(int)
    known_at = np.arange(120)
    cv = PurgedCrossValidator(PurgedKFold(), known_at=known_at, label_end=known_at + 2)
    assert cross_val_predict(LogisticRegression(), X, y, cv=cv).shape == (120,)
    assert GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=cv).fit(X, y).best_score_ > 0.8


def test_control_shuffled_folds_claim_what_purged_ones_do_not() -> None:
    # Overlapping labels of pure noise: neighbours share the label, and time is a feature.
    chance = np.random.default_rng(2)
    steps = chance.normal(size=2_050)
    y = (np.convolve(steps, np.ones(50), "valid")[:2_000] > 0).astype(int)
    known_at = np.arange(2_000)
    X = known_at[:, None].astype(float)
    model = KNeighborsClassifier(1)
    leaking = cross_val_score(model, X, y, cv=KFold(5, shuffle=True, random_state=0)).mean()
    cv = PurgedCrossValidator(PurgedKFold(), known_at=known_at, label_end=known_at + 49)
    assert leaking > 0.9
    assert cross_val_score(model, X, y, cv=cv).mean() < 0.65


def test_rows_without_a_label_are_not_scored() -> None:
    known_at = np.arange(20)
    label_end = np.where(known_at >= 18, UNKNOWN_END, known_at + 1)
    cv = PurgedCrossValidator(PurgedKFold(folds=2), known_at=known_at, label_end=label_end)
    tested = np.concatenate([test for _, test in cv.split(np.zeros((20, 1)))])
    assert tested.tolist() == list(range(18))
    cv = PurgedCrossValidator(PurgedKFold(folds=10), known_at=known_at, label_end=label_end)
    with pytest.raises(DataError, match="no row that fold 10 tests has a label yet"):
        list(cv.split([[0]] * 20))


def test_rows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="known_at has 3 rows and label_end 4"):
        PurgedCrossValidator(PurgedKFold(), known_at=np.arange(3), label_end=np.arange(4))
    cv = PurgedCrossValidator(PurgedKFold(), known_at=np.arange(30), label_end=np.arange(30))
    with pytest.raises(DataError, match="X has 29 rows, and times were given for 30"):
        next(cv.split(np.zeros((29, 2))))


def test_a_leaking_splitter_is_stopped() -> None:
    class Unpurged:
        def split(self, known_at: Any, label_end: Any) -> Any:
            yield Fold(train=np.arange(15), test=np.arange(15, 20))

    known_at = np.arange(20)
    cv = PurgedCrossValidator(Unpurged(), known_at=known_at, label_end=known_at + 2)
    with pytest.raises(GateError, match="2 labels of train overlap"):
        cross_val_score(LogisticRegression(), np.zeros((20, 1)), known_at % 2, cv=cv)
