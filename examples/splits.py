"""Purged splits, their paths, and a leak that the audit finds, which shares no code with them.

Run it: python examples/splits.py
"""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from gnomon.core.errors import GateError
from gnomon.splits import (
    CombinatorialPurgedKFold,
    Fold,
    Holdout,
    PurgedCrossValidator,
    PurgedKFold,
    WalkForward,
    audit_fold,
)


def main() -> None:
    """Splits 1,000 daily rows whose labels take twenty bars to be known."""
    known_at = np.arange(1000)
    label_end = known_at + 20

    (fold,) = Holdout(train=0.7, valid=0.15, test=0.15, embargo_bars=5).split(known_at, label_end)
    for name in ("train", "valid", "test"):
        rows = getattr(fold, name)
        print(f"{name}: {rows.size} rows, from {rows[0]} to {rows[-1]}")
    print(f"clean: {audit_fold(fold, known_at, label_end).clean}")

    # The split that most code makes: the last training labels end inside the test rows.
    naive = Fold(train=np.arange(850), test=np.arange(850, 1000))
    try:
        audit_fold(naive, known_at, label_end).raise_overlaps()
    except GateError as error:
        print(f"refused: {error}")

    for number, fold in enumerate(WalkForward(train_bars=500, test_bars=250).split(known_at, label_end)):
        trained = f"{fold.train.size} rows, the last {fold.train[-1]}"
        print(f"walk-forward {number}: trained on {trained}; tested on {fold.test[0]} to {fold.test[-1]}")

    cv = CombinatorialPurgedKFold(folds=6, test_folds=2, embargo_bars=5)
    forecasts = [np.full(fold.test.size, float(number)) for number, fold in enumerate(cv.split(known_at, label_end))]
    paths = cv.join_paths(forecasts, known_at)
    print(f"combinatorial: {cv.n_splits} splits, {cv.n_paths} paths over {paths.shape[1]} rows each")

    chance = np.random.default_rng(0)
    X = chance.normal(size=(1000, 3))
    y = (X[:, 0] + chance.normal(size=1000) > 0).astype(int)
    validator = PurgedCrossValidator(PurgedKFold(folds=5, embargo_bars=5), known_at=known_at, label_end=label_end)
    scores = cross_val_score(LogisticRegression(), X, y, cv=validator)
    print(f"scikit-learn: {scores.size} folds, mean accuracy {scores.mean():.3f}")


if __name__ == "__main__":
    main()
