"""N-HiTS: neural hierarchical interpolation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

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
        "hidden": Choice(values=(16, 32, 64, 128)),
        "rates": Choice(values=((4, 1), (8, 4, 1), (16, 4, 1), (16, 8, 4, 2, 1))),
    }
    # S&P 500, daily (embedded data), 5 bars, 8 trials of 6 epochs on two purged folds before the test rows:
    # log loss 0.877, by the default 0.881. docs/models.md tells how to repeat it.
    tuned: ClassVar[Mapping[str, Any]] = {
        "batch_size": 128,
        "dropout": 0.325,
        "hidden": 128,
        "learning_rate": 0.00279,
        "rates": (8, 4, 1),
        "series": 4,
        "weight_decay": 0.00054,
        "window": 32,
    }

    dropout: float = Field(default=0.3, ge=0, lt=1)
    """Share of the hidden units that a step leaves out."""
    series: int = Field(default=8, ge=1)
    """Series into which the features of a bar are mixed."""
    rates: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(8, 4, 1), min_length=1)
    """Bars that each block pools into one, from the coarsest to the finest; longer windows than 256 stretch them."""
    hidden: int = Field(default=32, ge=1)
    """Units of a block's two layers."""
    width: int = Field(default=16, ge=1)
    """Size of the vector that the blocks give to the head."""
    skip: bool = True
    """Whether the head reads the last bar's features too, as they are: a linear model is then a part of the net."""


@ModelRegistry.register(name="nhits", family="forecasting")
class NHiTS(NeuralModel):
    """Blocks that explain the window at one rate each and hand on the rest (Challu et al. 2023).

    Instead of coefficients of the future each block gives a part of the vector that the head reads. The paper's blocks
    have 512 units and a long history to fill them; here they have few and drop out much. The newest bar, one of many in
    every pool, has a linear path of its own beside them (`skip`), as in LSTNet (Lai et al. 2018) and TiDE (Das et al.
    2023).
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
            skip=config.skip,
        )
