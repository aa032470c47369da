"""A pretrained decoder, left as it is, between a learned mix of the features and a learned projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnomon.models.forecasting.networks.timesfm import PatchedDecoder
from gnomon.models.neural.networks.base import Network


class FoundationNetwork(Network):
    """The features of a bar are mixed into a few series, the decoder reads each by itself, its last vectors are given.

    Beside them stands the last bar's mix as it is: a decoder scales its series, and the level is lost in it. The
    decoder's weights do not learn, whatever the trainer does; gradients pass through it to the mix.
    """

    def __init__(self, features: int, length: int, *, decoder: PatchedDecoder, series: int, width: int) -> None:  # noqa: ARG002
        super().__init__()
        self.width = width
        self.mix = nn.Linear(features, series)
        self.decoder = decoder
        freeze(decoder)
        self.norm = nn.LayerNorm(decoder.shape.dim)
        self.project = nn.Linear(series * (decoder.shape.dim + 1), width)

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, width]."""
        series = self.mix(x).transpose(1, 2)
        said = self.norm(self.decoder(series.flatten(0, 1))).unflatten(0, series.shape[:2])
        return self.project(torch.cat([said.flatten(1), series[:, :, -1]], dim=1))  # type: ignore[no-any-return]


def freeze(module: nn.Module) -> None:
    """Puts buffers in place of the parameters: they are saved with the net, and out of reach of any optimizer."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
