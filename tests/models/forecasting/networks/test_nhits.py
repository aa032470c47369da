"""N-HiTS: parameters and shapes worked by hand, pooling and interpolation, what a block hands on."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import interpolate

from gnomon.models.forecasting.networks.nhits import NHiTSNetwork, interpolation
from gnomon.models.neural.networks.base import parameter_count


def small(length: int = 8) -> NHiTSNetwork:
    return NHiTSNetwork(3, length, series=2, rates=(4, 1), hidden=5, width=4, dropout=0.0)


def test_parameters_and_shapes(shape_table: Any) -> None:
    coarse = (2 * 2 * 5 + 5) + (5 * 5 + 5) + (5 * 4 + 4) + (5 * 4 + 4)
    fine = (2 * 8 * 5 + 5) + (5 * 5 + 5) + (5 * 4 + 4)
    assert parameter_count(small()) == (3 * 2 + 2) + coarse + fine == 250
    parts = ("mix", "blocks.0", "blocks.0.says", "blocks.0.explains", "blocks.1", "blocks.1.says")
    assert shape_table(small(), torch.zeros(6, 8, 3), *parts) == {
        "mix": (6, 8, 2),
        "blocks.0": (6, 2, 8),
        "blocks.0.says": (6, 4),
        "blocks.0.explains": (6, 2, 2),
        "blocks.1": (6, 2, 8),
        "blocks.1.says": (6, 4),
        "": (6, 4),
    }


def test_interpolation_is_that_of_the_library() -> None:
    knots = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        knots @ interpolation(5, 4), interpolate(knots, size=20, mode="linear", align_corners=False)
    )


def test_a_block_sees_the_largest_of_each_pool_and_hands_on_the_rest() -> None:
    network = small(7)
    block, seen = network.blocks[0], []
    block.inside.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    window = torch.arange(14.0).view(1, 2, 7)
    rest, said = block(window)
    # Seven bars are one short of two pools: the first bar counts twice.
    assert seen[0].tolist() == [[[2.0, 6.0], [9.0, 13.0]]]
    inside = block.inside(seen[0])
    torch.testing.assert_close(rest, window - block.explains(inside) @ interpolation(2, 4)[:, 1:])
    torch.testing.assert_close(said, block.says(inside))


def test_what_the_blocks_say_is_added_up_over_what_is_left() -> None:
    network, x = small(), torch.randn(4, 8, 3, generator=torch.Generator().manual_seed(0))
    window = network.mix(x).transpose(1, 2)
    rest, first = network.blocks[0](window)
    _, second = network.blocks[1](rest)
    torch.testing.assert_close(network(x), first + second)


def test_parameters_stop_growing_with_the_window() -> None:
    sizes = [parameter_count(small(length)) for length in (64, 256, 512, 4096)]
    assert sizes[0] < sizes[1] == sizes[2] == sizes[3]
