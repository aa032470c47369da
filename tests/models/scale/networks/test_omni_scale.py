"""Omni-scale: parameters and shapes worked by hand, every receptive field, the trimmed pass against the whole one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gnomon.models.neural.networks.base import parameter_count
from gnomon.models.scale.networks.omni_scale import OmniScaleNetwork, scales


def test_parameters_and_shapes(shape_table: Any) -> None:
    network = OmniScaleNetwork(3, 10, channels=2, largest=31, width=6, dropout=0.0)
    kernels = 1 + 2 + 3 + 5
    first = (3 * 2 * kernels + 2 * 4) + 2 * 8
    second = (8 * 2 * kernels + 2 * 4) + 2 * 8
    third = (8 * 3 * (1 + 2) + 3 * 2) + 2 * 6
    assert parameter_count(network) == first + second + third == 380
    assert network.receptive_field == 10
    # The last bar needs two steps of the second layer and six of the first.
    assert shape_table(network, torch.zeros(6, 10, 3), "first", "second", "third") == {
        "first": (6, 8, 6),
        "second": (6, 8, 2),
        "third": (6, 6, 1),
        "": (6, 6),
    }


@pytest.mark.parametrize("length", [1, 3, 10, 24, 64])
def test_only_what_the_last_bar_needs_is_the_last_of_the_whole(length: int) -> None:
    torch.manual_seed(0)
    network = OmniScaleNetwork(3, length, channels=2, largest=31, width=6, dropout=0.0).double().eval()
    x = torch.randn(4, length, 3, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network.hidden(x)[:, -1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("largest", "lacking"), [(5, set()), (13, set()), (31, {55, 56})])
def test_kernel_sizes_add_up_to_every_receptive_field(largest: int, lacking: set[int]) -> None:
    kernels = scales(1000, largest)
    fields = {a + b + c - 2 for a in kernels for b in kernels for c in (1, 2)}
    assert set(range(1, 2 * largest + 1)) - fields == lacking
    assert not lacking or min(lacking) > largest


@pytest.mark.parametrize("length", range(1, 65))
def test_the_whole_window_is_seen(length: int) -> None:
    network = OmniScaleNetwork(1, length, channels=1, largest=100, width=2, dropout=0.0)
    assert network.receptive_field >= length


def test_the_last_bar_sees_as_far_as_stated() -> None:
    torch.manual_seed(0)
    network = OmniScaleNetwork(1, 64, channels=2, largest=7, width=4, dropout=0.0).eval()
    x = torch.randn(1, 64, 1, requires_grad=True)
    network(x).sum().backward()
    assert x.grad is not None
    seen = x.grad[0, :, 0] != 0
    assert network.receptive_field == 14
    assert seen.tolist() == [False] * 50 + [True] * 14
