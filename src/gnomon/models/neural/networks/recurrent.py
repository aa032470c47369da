"""Recurrent networks: LSTM and GRU."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from gnomon.models.neural.networks.base import Network


class RecurrentNetwork(Network):
    """Layers of cells that read a window row by row; what the last one holds after the last row goes on."""

    def __init__(
        self, features: int, *, cell: Literal["lstm", "gru"], hidden: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.width = hidden
        kind = nn.LSTM if cell == "lstm" else nn.GRU
        self.cells = kind(features, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, length, features] to [batch, hidden]."""
        states, _ = self.cells(x)
        return self.dropout(states[:, -1])  # type: ignore[no-any-return]
