"""Omni-scale convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

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
