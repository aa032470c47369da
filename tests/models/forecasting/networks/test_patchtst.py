"""PatchTST: parameters and shapes worked by hand, features read alone, instance normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gnomon.models.forecasting.networks.patchtst import PatchTSTNetwork, missing_rows, stretched
from gnomon.models.forecasting.networks.revin import InstanceNorm
from gnomon.models.neural.networks.base import parameter_count

SIZES: dict[str, Any] = {"patch": 4, "stride": 2, "dim": 4, "heads": 2, "layers": 1, "width": 5, "dropout": 0.0}


def test_parameters_and_shapes(shape_table: Any) -> None:
    network = PatchTSTNetwork(3, 8, **SIZES, revin=True)
    layer = 2 * 4 + 4 * 12 + (4 * 4 + 4) + 2 * 4 + (4 * 8 + 8) + (8 * 4 + 4)
    patches = (8 - 4) // 2 + 1
    revin = 2 * 3
    assert parameter_count(network) == revin + (4 * 4 + 4) + patches * 4 + layer + 2 * 4 + (3 * 4 * 5 + 5) == 271
    assert shape_table(network, torch.randn(6, 8, 3), "normalise", "embed", "layers.0", "norm", "mix") == {
        "normalise": (6, 8, 3),
        "embed": (6, 3, 3, 4),
        "layers.0": (18, 3, 4),
        "norm": (18, 3, 4),
        "mix": (6, 5),
        "": (6, 5),
    }


def test_a_feature_is_read_alone_and_all_are_read_alike() -> None:
    torch.manual_seed(0)
    network, x = PatchTSTNetwork(3, 9, **SIZES, revin=False).eval(), torch.randn(4, 9, 3)
    before = network.hidden(x)
    changed = x.clone()
    changed[:, :, 1] += 1.0
    after = network.hidden(changed)
    assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
    assert not torch.equal(after[:, 1], before[:, 1])
    torch.testing.assert_close(network.hidden(x.flip(2)), before.flip(1))


def test_patches_end_at_the_last_bar() -> None:
    network, seen = PatchTSTNetwork(1, 7, **SIZES, revin=False), []
    network.embed.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network(torch.arange(7.0).view(1, 7, 1))
    assert seen[0].tolist() == [[[[0, 0, 1, 2], [1, 2, 3, 4], [3, 4, 5, 6]]]]


def test_long_windows_get_longer_patches() -> None:
    for length in (1, 5, 16, 63, 64, 500, 4096):
        patch, stride = stretched(length, 16, 8)
        patches = (length + missing_rows(length, patch, stride) - patch) / stride + 1
        assert patches == int(patches) <= 64


def test_instance_norm_takes_level_and_spread_out() -> None:
    x = torch.tensor(np.random.default_rng(0).normal(5.0, 3.0, (2, 50, 3)))
    norm = InstanceNorm(3).double()
    out = norm(x).detach()
    torch.testing.assert_close(out.mean(dim=1), torch.zeros(2, 3, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(out.std(dim=1, correction=0), torch.ones(2, 3).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(norm(7.0 * x - 2.0), norm(x), atol=1e-5, rtol=0)
