"""Transformer encoder over the bars of a window (Vaswani et al. 2017), pre-norm (Xiong et al. 2020)."""

from __future__ import annotations

from torch import Tensor, nn

from gnomon.models.neural.networks.attention import EncoderLayer
from gnomon.models.neural.networks.base import Network
from gnomon.models.neural.networks.patches import patch_rows, patched


class TransformerNetwork(Network):
    """Every bar attends to every bar of the window; the last bar's vector is given.

    Attention costs the square of its tokens: a window of more than `tokens` bars is cut into patches, several bars to a
    token, so that 4,096 bars cost what `tokens` do.
    """

    def __init__(
        self, features: int, length: int, *, dim: int, heads: int, layers: int, dropout: float, tokens: int
    ) -> None:
        super().__init__()
        self.width = dim
        self.rows = patch_rows(length, tokens)
        self.embed = nn.Linear(features * self.rows, dim)
        self.layers = nn.ModuleList(EncoderLayer(dim, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def hidden(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, tokens, dim]."""
        series = self.embed(patched(x, self.rows))
        for layer in self.layers:
            series = layer(series)
        return self.norm(series)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, dim]."""
        return self.hidden(x)[:, -1]
