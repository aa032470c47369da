"""Folds in parallel: a purged five-fold of three models on 100,000 rows, two workers against one."""

from __future__ import annotations

import time
from typing import Any

from gnomon.config.models import ModelConfig
from gnomon.core.compute import LocalCompute
from gnomon.splits.purged import PurgedKFold
from gnomon.testing.models import planted_samples
from gnomon.training.cross_validation import CrossValidator

ROWS, FEATURES = 100_000, 40
MODELS = {
    "lightgbm": ModelConfig(model_type="lightgbm", params={"rounds": 40}),
    "xgboost": ModelConfig(model_type="xgboost", params={"rounds": 40}),
    "logistic": ModelConfig(model_type="logistic_regression"),
}


def run() -> dict[str, dict[str, Any]]:
    """How much faster two workers are; the scores are asserted equal."""
    samples = planted_samples(ROWS, features=FEATURES)
    seconds, scores = {}, {}
    for workers in (1, 2):
        validator = CrossValidator(splitter=PurgedKFold(folds=5), compute=LocalCompute(workers=workers))
        begin = time.perf_counter()
        result = validator.run(MODELS, samples)
        seconds[workers] = time.perf_counter() - begin
        scores[workers] = result.scores.drop("seconds")
    assert scores[1].equals(scores[2])
    return {
        "five_folds_of_three_models_two_workers": {
            "value": seconds[1] / seconds[2],
            "target": 1.7,
            "better": "higher",
            "unit": "x",
            "seconds": seconds,
        }
    }
