"""N-HiTS: neural hierarchical interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from gnomon.models.base import ModelRegistry
from gnomon.models.neural.base import NetConfig, NeuralModel
from gnomon.models.search_space import Choice, Integer, SearchSpace

if TYPE_CHECKING:
    from gnomon.models.neural.networks.base import Network


class NHiTSConfig(NetConfig):
    """Settings of `nhits`."""

    search_space: ClassVar[SearchSpace] = {
        **NetConfig.search_space,
        "window": Choice(values=(16, 32, 64)),
        "series": Integer(low=2, high=16),
        "hidden": Choice(values=(32, 64, 128)),
        "rates": Choice(values=((4, 1), (8, 4, 1), (16, 4, 1), (16, 8, 4, 2, 1))),
    }

    series: int = Field(default=8, ge=1)
    """Series into which the features of a bar are mixed."""
    rates: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(8, 4, 1), min_length=1)
    """Bars that each block pools into one, from the coarsest to the finest; longer windows than 256 stretch them."""
    hidden: int = Field(default=64, ge=1)
    """Units of a block's two layers."""
    width: int = Field(default=32, ge=1)
    """Size of the vector that the head reads."""


@ModelRegistry.register(name="nhits", family="forecasting")
class NHiTS(NeuralModel):
    """Blocks that explain the window at one rate each and hand on the rest (Challu et al. 2023).

    Instead of coefficients of the future each block gives a part of the vector that the head reads.
    """

    Config = NHiTSConfig
    config: NHiTSConfig

    def _network(self, features: int, length: int) -> Network:
        from gnomon.models.forecasting.networks.nhits import NHiTSNetwork

        config = self.config
        return NHiTSNetwork(
            features,
            length,
            series=config.series,
            rates=config.rates,
            hidden=config.hidden,
            width=config.width,
            dropout=config.dropout,
        )
