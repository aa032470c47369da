"""A multilayer perceptron."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from gnomon.models.neural.networks.base import Network


class MLPNetwork(Network):
    """All numbers of a window side by side, through layers of the same width, each with GELU and dropout."""

    def __init__(self, features: int, length: int, *, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = hidden
        sizes = [features * length] + [hidden] * layers
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(before, after), nn.GELU(), nn.Dropout(dropout))
                for before, after in itertools.pairwise(sizes)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """[batch, length, features] to [batch, hidden]."""
        return self.layers(x.flatten(1))  # type: ignore[no-any-return]
