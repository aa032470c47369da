"""PatchTST: a series is worth 64 words (Nie et al. 2023). One transformer reads the patches of every feature alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gnomon.models.forecasting.networks.revin import InstanceNorm
from gnomon.models.neural.networks.attention import EncoderLayer
from gnomon.models.neural.networks.base import Network
from gnomon.models.neural.networks.patches import extended

MOST_PATCHES = 64
"""Patches of a series, at most: a longer window gets longer patches, so that attention costs what 64 tokens do."""


class PatchTSTNetwork(Network):
    """Channel-independent patches; the last patch of each feature, side by side and mixed, is given.

    The paper's classifier flattens all patches of all features; here the last patch, which has attended to the others
    and ends at the last bar, speaks for its feature. Its batch norm is a layer norm: what a row gets must not depend on
    its batch. Its positions are learned ones. With `skip` the last bar's features stand beside the mix, as they are.
    """

    def __init__(
        self,
        features: int,
        length: int,
        *,
        patch: int,
        stride: int,
        dim: int,
        heads: int,
        layers: int,
        width: int,
        dropout: float,
        revin: bool,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.width = width + features if skip else width
        self.skip = skip
        self.patch, self.stride = stretched(length, patch, stride)
        self.missing = missing_rows(length, self.patch, self.stride)
        patches = (length + self.missing - self.patch) // self.stride + 1
        self.normalise = InstanceNorm(features) if revin else None
        self.embed = nn.Linear(self.patch, dim)
        self.position = nn.Parameter(0.02 * torch.randn(patches, dim))
        self.layers = nn.ModuleList(EncoderLayer(dim, heads, dropout, rotary=False) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.mix = nn.Linear(features * dim, width)

    def hidden(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, features, patches, dim]: a feature's part is of that feature alone."""
        batch, _, features = x.shape
        if self.normalise is not None:
            x = self.normalise(x)
        # Filled up before the first bar, by its own value, so that the last patch ends at the last bar.
        series = extended(x.transpose(1, 2), self.missing)
        tokens = self.embed(series.unfold(2, self.patch, self.stride)) + self.position
        tokens = tokens.flatten(0, 1)
        for layer in self.layers:
            tokens = layer(tokens)
        return self.norm(tokens).view(batch, features, *tokens.shape[1:])  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, width]."""
        vector: Tensor = self.mix(self.hidden(x)[:, :, -1].flatten(1))
        return torch.cat([vector, x[:, -1]], dim=1) if self.skip else vector


def stretched(length: int, patch: int, stride: int) -> tuple[int, int]:
    """Patch and stride, made longer where the window would be more than `MOST_PATCHES` of them.

    >>> stretched(64, 16, 8), stretched(4096, 16, 8), stretched(5, 16, 8)
    ((16, 8), (128, 64), (5, 5))
    """
    factor = math.ceil(length / (MOST_PATCHES * stride))
    patch, stride = patch * factor, stride * factor
    return min(patch, length), min(stride, length)


def missing_rows(length: int, patch: int, stride: int) -> int:
    """Rows to put before the window so that patches every `stride` rows end at its last.

    >>> missing_rows(64, 16, 8), missing_rows(61, 16, 8)
    (0, 3)
    """
    return -(length - patch) % stride
