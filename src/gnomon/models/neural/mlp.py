"""A multilayer perceptron on a window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class MLPConfig(NetConfig):
    """Settings of `mlp`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(1, 4, 16)),
        "hidden": Choice(values=(32, 64, 128, 256)),
        "layers": Integer(low=1, high=4),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # none was better than the default, log loss 0.877. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 256,
        "dropout": 0.1,
        "hidden": 64,
        "layers": 2,
        "learning_rate": 0.001,
        "weight_decay": 0.01,
        "window": 1,
    }

    window: int = Field(default=1, ge=1)
    """Rows that a forecast reads, its own included; with 1 each row stands alone."""
    hidden: int = Field(default=64, ge=1)
    """Units of a layer."""
    layers: int = Field(default=2, ge=1)
    """Hidden layers."""


@ModelRegistry.register(name="mlp", family="neural")
class MLP(NeuralModel):
    """Layers of units that see all numbers of a window at once (Rumelhart, Hinton, Williams 1986)."""

    Config = MLPConfig
    config: MLPConfig

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.neural.networks.mlp import MLPNetwork

        config = self.config
        return MLPNetwork(features, length, hidden=config.hidden, layers=config.layers, dropout=config.dropout)
