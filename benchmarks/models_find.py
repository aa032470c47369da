"""Whether every model that can be trained finds a signal that is there: the share of the oracle's Sharpe ratio.

Each with its defaults, on five planted markets (IC 0.10, 20 features): 8,000 rows to learn from, the last part of
them to stop early, then 4,000 rows that were never seen. Rules are left out, because they learn nothing, and nets have
a benchmark of their own.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from collections.abc import Sequence

from gnomon.config.models import ModelConfig
from gnomon.honesty.markets import planted
from gnomon.honesty.trial import TrialConfig, put_on_trial
from gnomon.models import ModelRegistry

MARKETS, ROWS, TESTED = 5, 8_000, 4_000
FAMILIES = ("boosting", "classical")
SPLIT = {"train": 0.567, "valid": 0.1, "test": 0.333}
"""Shares of 12,000 rows: 8,000 for training and stopping, 4,000 for the test."""


def learners() -> list[str]:
    """Every registered model of these families that learns, and whose libraries are installed."""
    found = []
    for entry in ModelRegistry.models:
        kind = ModelRegistry.models.get(entry.name)
        here = all(importlib.util.find_spec(module) is not None for module in kind.needs)
        if entry.facts["family"] in FAMILIES and not kind.baseline and here:
            found.append(entry.name)
    return found


def shares(model: str, markets: int = MARKETS) -> list[float]:
    """The share that the model earns of the oracle's realised Sharpe ratio, a market each."""
    config = TrialConfig(
        models={model: ModelConfig(model_type=model)},
        split={"kind": "holdout", **SPLIT, "purge_bars": 5},
    )
    return [put_on_trial(planted(seed, ROWS + TESTED), config, seed=seed).share for seed in range(markets)]


def figures_of(models: Sequence[str]) -> dict[str, dict[str, object]]:
    """The mean share a model, with each market's and its standard error."""
    figures: dict[str, dict[str, object]] = {}
    for model in models:
        began = time.process_time()
        earned = shares(model)
        figures[f"share found by {model}"] = {
            "value": statistics.mean(earned),
            "target": 0.5,
            "better": "higher",
            "unit": "",
            "shares": earned,
            "standard_error": statistics.stdev(earned) / len(earned) ** 0.5,
            "seconds": time.process_time() - began,
            "load": os.getloadavg()[0],
        }
    return figures


def run() -> dict[str, dict[str, object]]:
    """The mean share a model."""
    return figures_of(learners())


if __name__ == "__main__":
    for name, value in run().items():
        print(name, value)
