"""Omni-scale convolution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class OmniScaleConfig(NetConfig):
    """Settings of `omni_scale`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(16, 32, 64)),
        "channels": Choice(values=(4, 8, 16)),
        "width": Choice(values=(16, 32, 64)),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # log loss 0.877, by the default 0.882. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 256,
        "channels": 4,
        "dropout": 0.48,
        "learning_rate": 0.0013,
        "weight_decay": 0.00191,
        "width": 16,
        "window": 16,
    }

    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Share of the hidden units that a step leaves out."""
    channels: int = Field(default=4, ge=1)
    """Series that each kernel size of a layer makes."""
    largest: int = Field(default=31, ge=2)
    """The largest kernel; without it the prime sizes go up to half the window."""
    width: int = Field(default=16, ge=2, multiple_of=2)
    """Size of the vector that the convolutions give to the head."""
    skip: bool = True
    """Whether the head reads the last bar's features too, as they are: a linear model is then a part of the net."""


@ModelRegistry.register(name="omni_scale", family="scale")
class OmniScale(NeuralModel):
    """Convolutions of all prime sizes, which see every receptive field up to the window (Tang et al. 2022).

    The paper's layers are wider and drop out nothing; here they are narrow and drop out much. The newest bar, which few
    of the kernels see alone, has a linear path of its own beside them (`skip`), as in LSTNet (Lai et al. 2018) and TiDE
    (Das et al. 2023).
    """

    Config = OmniScaleConfig
    config: OmniScaleConfig

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.scale.networks.omni_scale import OmniScaleNetwork

        config = self.config
        return OmniScaleNetwork(
            features,
            length,
            channels=config.channels,
            largest=config.largest,
            width=config.width,
            dropout=config.dropout,
            skip=config.skip,
        )
