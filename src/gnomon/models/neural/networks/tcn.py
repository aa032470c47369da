"""Temporal convolutional network: dilated causal convolutions with residuals (Bai, Kolter and Koltun 2018)."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import pad, relu
from torch.nn.utils.parametrizations import weight_norm

from gnomon.models.neural.networks.base import Network


class TCNNetwork(Network):
    """Blocks whose dilation doubles, each of two weight-normed causal convolutions; the last bar's channels are given.

    Without `levels` there are as many blocks as it takes for the last bar to see the whole window.
    """

    def __init__(
        self, features: int, length: int, *, channels: int, kernel: int, levels: int | None, dropout: float
    ) -> None:
        super().__init__()
        self.width = channels
        depth = levels_for(length, kernel) if levels is None else levels
        self.blocks = nn.ModuleList(
            TemporalBlock(features if level == 0 else channels, channels, kernel, 2**level, dropout)
            for level in range(depth)
        )

    def hidden(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, length, channels]: a step is of its bar and those before."""
        series = x.transpose(1, 2)
        for block in self.blocks:
            series = block(series)
        return series.transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, channels]."""
        return self.hidden(x)[:, -1]


class TemporalBlock(nn.Module):
    """Two dilated causal convolutions, each with weight norm, ReLU and dropout, beside a residual."""

    def __init__(self, inputs: int, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.first = weight_norm(nn.Conv1d(inputs, channels, kernel, dilation=dilation))
        self.second = weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation))
        self.residual = nn.Identity() if inputs == channels else nn.Conv1d(inputs, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[b, inputs, length] to [b, channels, length]."""
        hidden = self.dropout(relu(self.first(pad(x, (self.reach, 0)))))
        hidden = self.dropout(relu(self.second(pad(hidden, (self.reach, 0)))))
        return relu(hidden + self.residual(x))


def levels_for(length: int, kernel: int) -> int:
    """The fewest blocks whose last step sees `length` bars: 1 + 2 (kernel - 1) (2^levels - 1) of them.

    >>> levels_for(64, 3), levels_for(4096, 3)
    (5, 11)
    """
    return max(1, math.ceil(math.log2((length - 1) / (2 * (kernel - 1)) + 1)))
