"""State-space nets: Mamba-like and S4D."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class StateSpaceConfig(NetConfig):
    """Settings of `state_space`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(16, 32, 64, 128)),
        "core": Choice(values=("selective", "s4d")),
        "dim": Choice(values=(8, 16, 32)),
        "layers": Integer(low=1, high=3),
        "states": Choice(values=(4, 8, 16)),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # log loss 0.880, by the default 0.889. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 128,
        "dim": 8,
        "dropout": 0.239,
        "layers": 1,
        "learning_rate": 0.00398,
        "states": 4,
        "weight_decay": 0.412,
        "window": 16,
    }

    core: Literal["selective", "s4d"] = "selective"
    """`selective`: what is written, read and kept depends on the input (Mamba). `s4d`: fixed modes that fade."""
    dim: int = Field(default=16, ge=1)
    """Size of a bar's vector."""
    layers: int = Field(default=2, ge=1)
    """Blocks."""
    states: int = Field(default=8, ge=1)
    """Modes of each of a block's 2 x dim channels."""


@ModelRegistry.register(name="state_space", family="scale")
class StateSpace(NeuralModel):
    """A linear recurrence by parallel scan (Gu and Dao 2023; S4D: Gu et al. 2022)."""

    Config = StateSpaceConfig
    config: StateSpaceConfig

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.scale.networks.state_space import StateSpaceNetwork

        config = self.config
        return StateSpaceNetwork(
            features,
            length,
            core=config.core,
            dim=config.dim,
            layers=config.layers,
            states=config.states,
            dropout=config.dropout,
        )
