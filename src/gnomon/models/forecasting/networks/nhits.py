"""N-HiTS: neural hierarchical interpolation (Challu et al. 2023), with a representation in place of the forecast.

The paper forecasts one series. Here the features of a bar are first mixed into a few `series`, which share their
blocks; and where a block of the paper gives coefficients of the future, which are interpolated and added up over the
blocks, a block here gives its part of the vector that the head reads, and the parts are added up the same way. The
other half is the paper's: each block sees the window at a rate of its own (max pooling), explains it by few
coefficients that are interpolated back to the full rate, and hands on only what it did not explain.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gnomon.models.neural.networks.base import Network
from gnomon.models.neural.networks.patches import extended


class NHiTSNetwork(Network):
    """Blocks from the coarsest rate to the finest; the sum of what they say is given.

    A rate is the bars that a block pools into one value. Beyond `LONGEST` bars all rates grow with the window, so that
    the parameters do not. With `skip` the last bar's features stand beside that sum, as they are.
    """

    def __init__(
        self,
        features: int,
        length: int,
        *,
        series: int,
        rates: tuple[int, ...],
        hidden: int,
        width: int,
        dropout: float,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.width = width + features if skip else width
        self.skip = skip
        self.mix = nn.Linear(features, series)
        stretch = math.ceil(length / LONGEST)
        last = len(rates) - 1
        self.blocks = nn.ModuleList(
            RateBlock(series, length, rate * stretch, hidden, width, dropout, explains=number != last)
            for number, rate in enumerate(rates)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, width]."""
        window = self.mix(x).transpose(1, 2)
        said = []
        for block in self.blocks:
            window, part = block(window)
            said.append(part)
        vector = torch.stack(said).sum(dim=0)
        return torch.cat([vector, x[:, -1]], dim=1) if self.skip else vector


LONGEST = 256
"""Bars up to which the rates are taken as they are given."""


class RateBlock(nn.Module):
    """One rate: what it says, and the window less what it explained; the last block explains nothing."""

    spread: Tensor

    def __init__(
        self, series: int, length: int, rate: int, hidden: int, width: int, dropout: float, *, explains: bool
    ) -> None:
        super().__init__()
        self.rate = min(rate, length)
        points = math.ceil(length / self.rate)
        self.missing = points * self.rate - length
        self.inside = nn.Sequential(
            nn.Flatten(),
            nn.Linear(series * points, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.says = nn.Linear(hidden, width)
        self.explains = (
            nn.Sequential(nn.Linear(hidden, series * points), nn.Unflatten(1, (series, points))) if explains else None
        )
        self.register_buffer("spread", interpolation(points, self.rate)[:, self.missing :], persistent=False)

    def forward(self, window: Tensor) -> tuple[Tensor, Tensor]:
        """[b, series, length] to the same and [b, width]."""
        # Filled up before the first bar, by its own value, so that the last pool ends at the last bar.
        pooled = torch.unflatten(extended(window, self.missing), -1, (-1, self.rate)).amax(dim=-1)
        inside = self.inside(pooled)
        left = window if self.explains is None else window - self.explains(inside) @ self.spread
        return left, self.says(inside)


def interpolation(points: int, rate: int) -> Tensor:
    """[points, points * rate]: what turns values at the middles of pools into a line through them, flat at both ends.

    >>> interpolation(2, 2).T.tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    place = ((torch.arange(points * rate) + 0.5) / rate - 0.5).clamp(0, points - 1)
    return (1.0 - (place - torch.arange(points)[:, None]).abs()).clamp_min(0.0)
