"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class LSTMConfig(NetConfig):
    """Settings of `lstm`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(16, 32, 64)),
        "hidden": Choice(values=(16, 32, 64, 128)),
        "layers": Integer(low=1, high=3),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # log loss 0.880, by the default 0.891. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 256,
        "dropout": 0.472,
        "hidden": 32,
        "layers": 1,
        "learning_rate": 0.00938,
        "weight_decay": 0.000202,
        "window": 32,
    }

    hidden: int = Field(default=64, ge=1)
    """Cells of a layer."""
    layers: int = Field(default=1, ge=1)
    """Layers, each reading the states of the one below."""


@ModelRegistry.register(name="lstm", family="neural")
class LSTM(NeuralModel):
    """Cells that read a window row by row and choose what to keep (Hochreiter and Schmidhuber 1997)."""

    Config = LSTMConfig
    config: LSTMConfig

    def _network(self, features: int, length: int) -> Network:  # noqa: ARG002
        from gnomon.models.neural.networks.recurrent import RecurrentNetwork

        config = self.config
        return RecurrentNetwork(
            features, cell="lstm", hidden=config.hidden, layers=config.layers, dropout=config.dropout
        )
