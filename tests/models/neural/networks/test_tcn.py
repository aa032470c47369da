"""TCN: parameters and shapes worked by hand, how far it looks."""

from __future__ import annotations

from typing import Any

import torch

from gnomon.models.neural.networks.base import parameter_count
from gnomon.models.neural.networks.tcn import TCNNetwork, levels_for


def test_parameters_and_shapes(shape_table: Any) -> None:
    network = TCNNetwork(3, 8, channels=4, kernel=2, levels=None, dropout=0.0)
    # A weight-normed convolution holds its directions, a length for each output, and offsets.
    first = (3 * 4 * 2 + 4 + 4) + (4 * 4 * 2 + 4 + 4) + (3 * 4 + 4)
    others = 2 * (4 * 4 * 2 + 4 + 4)
    assert parameter_count(network) == first + 2 * others == 248
    assert shape_table(network, torch.zeros(5, 8, 3), "blocks.0", "blocks.1", "blocks.2") == {
        "blocks.0": (5, 4, 8),
        "blocks.1": (5, 4, 8),
        "blocks.2": (5, 4, 8),
        "": (5, 4),
    }


def test_one_convolution_by_hand() -> None:
    network = TCNNetwork(1, 4, channels=1, kernel=2, levels=1, dropout=0.0)
    with torch.no_grad():
        for name, values in {
            "first.parametrizations.weight.original0": [[[5.0]]],
            "first.parametrizations.weight.original1": [[[3.0, 4.0]]],
            "first.bias": [0.0],
            "second.parametrizations.weight.original0": [[[1.0]]],
            "second.parametrizations.weight.original1": [[[0.0, 1.0]]],
            "second.bias": [1.0],
        }.items():
            network.blocks[0].get_parameter(name).copy_(torch.tensor(values))
    x = torch.tensor([[[1.0], [2.0], [-10.0], [1.0]]])
    # relu(3 before + 4 now): 4, 11, 0, 0; plus 1; plus the series itself; never below 0.
    assert network.hidden(x)[0, :, 0].tolist() == [6.0, 14.0, 0.0, 2.0]


def test_blocks_are_as_many_as_see_the_whole_window() -> None:
    for length in (1, 2, 5, 6, 7, 31, 64, 100):
        for kernel in (2, 3, 5):
            reach = [1 + 2 * (kernel - 1) * (2**levels - 1) for levels in range(1, 9)]
            assert levels_for(length, kernel) == next(n for n, seen in enumerate(reach, 1) if seen >= length)
