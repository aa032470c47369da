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

    channels: int = Field(default=4, ge=1)
    """Series that each kernel size of a layer makes."""
    largest: int = Field(default=31, ge=2)
    """The largest kernel; without it the prime sizes go up to half the window."""
    width: int = Field(default=32, ge=2, multiple_of=2)
    """Size of the vector that the head reads."""


@ModelRegistry.register(name="omni_scale", family="scale")
class OmniScale(NeuralModel):
    """Convolutions of all prime sizes, which see every receptive field up to the window (Tang et al. 2022)."""

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
        )
