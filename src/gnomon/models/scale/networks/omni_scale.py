"""Omni-Scale CNN (Tang et al. 2022): kernels of prime size, whose sums are every receptive field there is.

Every even number is a sum of two primes (Goldbach), and a last layer of kernels 1 and 2 adds the odd ones: three layers
see the window at all scales, without a search for the right kernel size. Two things differ from the paper. It looks at
the whole series and averages over it; here each kernel ends at the bar that it speaks for and the last bar is given,
since the question is what comes next. Its batch norm is a layer norm over a step's channels: what a row gets must not
depend on its batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from gnomon.models.neural.networks.base import Network


class OmniScaleNetwork(Network):
    """Two layers of kernels 1, 2, 3, 5, ..., up to half the window and at most `largest`; one of kernels 1 and 2.

    The last bar sees every receptive field up to `largest`, nearly every one up to twice that, and nothing beyond. With
    `skip` the last bar's features stand beside the vector, as they are.
    """

    def __init__(
        self,
        features: int,
        length: int,
        *,
        channels: int,
        largest: int,
        width: int,
        dropout: float,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.width = width + features if skip else width
        self.skip = skip
        kernels = scales(length, largest)
        self.first = ScaleLayer(features, channels, kernels)
        self.second = ScaleLayer(self.first.outputs, channels, kernels)
        self.third = ScaleLayer(self.second.outputs, width // 2, (1, 2))
        self.dropout = nn.Dropout(dropout)

    @property
    def receptive_field(self) -> int:
        """Bars that the last step sees."""
        return self.first.reach + self.second.reach + self.third.reach + 1

    def hidden(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, length, width]: a step is of its bar and those before."""
        return self._last(x, x.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, width]; only what the last step needs is worked out."""
        vector = self._last(x, 1)[:, 0]
        return torch.cat([vector, x[:, -1]], dim=1) if self.skip else vector

    def _last(self, x: Tensor, steps: int) -> Tensor:
        at_second = steps + self.third.reach
        at_first = at_second + self.second.reach
        needed = at_first + self.first.reach
        series = pad(x.transpose(1, 2), (max(0, needed - x.shape[1]), 0))
        for layer, count in ((self.first, at_first), (self.second, at_second), (self.third, steps)):
            series = self.dropout(layer(series, count))
        return series.transpose(1, 2)


class ScaleLayer(nn.Module):
    """Convolutions of several sizes side by side, each ending at its step; then a layer norm and ReLU."""

    def __init__(self, inputs: int, channels: int, kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.reach = max(kernels) - 1
        self.outputs = channels * len(kernels)
        self.convolutions = nn.ModuleList(nn.Conv1d(inputs, channels, kernel) for kernel in kernels)
        self.kernels = kernels
        self.norm = nn.LayerNorm(self.outputs)

    def forward(self, x: Tensor, steps: int) -> Tensor:
        """[b, inputs, at least steps + reach] to the last `steps` of [b, outputs, steps]."""
        start = x.shape[2] - steps + 1
        scales = [
            convolve(x[:, :, start - kernel :])
            for kernel, convolve in zip(self.kernels, self.convolutions, strict=True)
        ]
        return relu(self.norm(torch.cat(scales, dim=1).transpose(1, 2)).transpose(1, 2))


def scales(length: int, largest: int) -> tuple[int, ...]:
    """1, 2 and the odd primes, up to the first that is half of `length`, or to `largest`.

    >>> scales(20, 31), scales(64, 20)
    ((1, 2, 3, 5, 7, 11), (1, 2, 3, 5, 7, 11, 13, 17, 19))
    """
    kernels = [1]
    for n in range(2, largest + 1):
        if 2 * kernels[-1] >= length and n > 2:
            break
        if all(n % divisor for divisor in range(2, int(n**0.5) + 1)):
            kernels.append(n)
    return tuple(kernels)
