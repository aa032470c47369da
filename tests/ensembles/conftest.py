"""Members that see disjoint halves of what is to be known, and their out-of-fold forecasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gnomon.ensembles import OutOfFold
from gnomon.samples.transforms import rows_hash
from gnomon.splits.audit import MemberFit
from gnomon.testing.models import HORIZON, planted_samples

LINEAR = {"model_type": "logistic_regression"}
TREES = {"model_type": "lightgbm", "params": {"rounds": 15, "min_rows_in_leaf": 20, "learning_rate": 0.2}}


@pytest.fixture
def settings() -> dict[str, Any]:
    """An ensemble of two quick members."""
    return {"members": {"linear": LINEAR, "trees": TREES}, "folds": 3}


@pytest.fixture
def told() -> Callable[..., OutOfFold]:
    """Out-of-fold forecasts with given probabilities, as if fits that saw nothing near had made them."""

    def make(*said: np.ndarray, x: np.ndarray | None = None, y: np.ndarray | None = None) -> OutOfFold:
        rows = len(said[0])
        samples = planted_samples(rows, symbols=1)
        if y is not None:
            samples.y[:, 0] = y
        if x is not None:
            samples.x[:, 0] = x
        names = [f"m{k}" for k in range(len(said))]
        nothing = np.empty(0, np.int64)
        return OutOfFold.audited(
            samples=samples,
            said=dict(zip(names, said, strict=True)),
            rows=np.arange(rows),
            fits=[
                MemberFit(
                    member=name,
                    fold=fold,
                    learned=nothing,
                    stopped=nothing,
                    tested=part,
                    rows_hash=rows_hash(samples.take(nothing)),
                )
                for name in names
                for fold, part in enumerate(np.array_split(np.arange(rows), 2))
            ],
            horizon=HORIZON,
        )

    return make
