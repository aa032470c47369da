"""Temporal convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class TCNConfig(NetConfig):
    """Settings of `tcn`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(16, 32, 64)),
        "channels": Choice(values=(16, 32, 64)),
        "kernel": Integer(low=2, high=5),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # log loss 0.885, by the default 0.894. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 128,
        "channels": 16,
        "dropout": 0.118,
        "kernel": 4,
        "learning_rate": 0.0034,
        "weight_decay": 0.000328,
        "window": 32,
    }

    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Share of the hidden units that a step leaves out."""
    channels: int = Field(default=32, ge=1)
    """Series that each block makes."""
    kernel: int = Field(default=3, ge=2)
    """Bars that a convolution joins."""
    levels: int | None = Field(default=None, ge=1)
    """Blocks, each looking twice as far as the one below; None takes as many as see the whole window."""


@ModelRegistry.register(name="tcn", family="neural")
class TCN(NeuralModel):
    """Dilated causal convolutions with residuals (Bai, Kolter and Koltun 2018)."""

    Config = TCNConfig
    config: TCNConfig

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.neural.networks.tcn import TCNNetwork

        config = self.config
        return TCNNetwork(
            features,
            length,
            channels=config.channels,
            kernel=config.kernel,
            levels=config.levels,
            dropout=config.dropout,
        )
