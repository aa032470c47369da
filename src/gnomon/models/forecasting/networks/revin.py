"""Reversible instance normalisation (Kim et al. 2022): the half that goes in, as nothing is forecast in its units."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALLEST = 1e-5


class InstanceNorm(nn.Module):
    """Each feature of a window less its mean there, over its spread there, then scaled and moved as learned."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features))
        self.offset = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to the same."""
        centred = x - x.mean(dim=1, keepdim=True)
        spread = (centred.square().mean(dim=1, keepdim=True) + SMALLEST).sqrt()
        return centred / spread * self.scale + self.offset
