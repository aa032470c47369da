"""Tiny nets, and sequences whose signal is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnomon.core.seeds import generator
from gnomon.models import ModelRegistry, NeuralModel
from gnomon.samples import Samples
from gnomon.testing.models import planted_samples

SMALL: dict[str, Any] = {"window": 4, "hidden": 8, "batch_size": 64, "epochs": 3, "learning_rate": 0.01}


@pytest.fixture(scope="session")
def net() -> Callable[..., NeuralModel]:
    """Makes a small net: `net("gru", epochs=1)`."""

    def make(name: str = "mlp", **params: Any) -> NeuralModel:
        model = ModelRegistry.create(name, **{**SMALL, **params})
        assert isinstance(model, NeuralModel)
        return model

    return make


@pytest.fixture(scope="session")
def lagged() -> Callable[..., Samples]:
    """Makes samples whose label depends on the first feature two rows before, and on nothing in the row itself."""

    def make(rows: int = 2000, part: str = "train", strength: float = 3.0, lag: int = 2) -> Samples:
        samples = planted_samples(rows, features=2, part=part)
        chance = generator(5, "lagged", part).logistic(size=rows)
        score = strength * np.roll(samples.x[:, 0], lag) + chance
        y = np.where(score > 1, 1, np.where(score < -1, -1, 0)).astype(np.int8)
        return replace(samples, y=y[:, None], forward_return=(0.01 * score)[:, None])

    return make
