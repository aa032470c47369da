"""State space: parameters and shapes worked by hand, the recurrence step by step, chunks, a slow twin."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gnomon.models.neural.networks.base import parameter_count
from gnomon.models.scale.networks import state_space
from gnomon.models.scale.networks.state_space import DiagonalCore, SelectiveCore, StateSpaceNetwork

cores = pytest.mark.parametrize("core", ["selective", "s4d"])


def small(core: Any, layers: int = 2) -> StateSpaceNetwork:
    torch.manual_seed(0)
    return StateSpaceNetwork(3, 0, core=core, dim=4, layers=layers, states=2, dropout=0.0)


@cores
def test_parameters_and_shapes(core: Any, shape_table: Any) -> None:
    selective = 8 + 8 * (1 + 2 + 2) + (8 + 8) + 8 * 2
    diagonal = 8 + 8 + 8 * 2 + 8 * 2 + 8 * 2 * 2
    inside = {"selective": selective, "s4d": diagonal}[core]
    block = 4 + 4 * 16 + (8 * 4 + 8) + inside + 8 * 4
    assert parameter_count(small(core)) == (3 * 4 + 4) + 2 * block + 4 == 460
    parts = ("embed", "blocks.0.inside", "blocks.0.near", "blocks.0.core", "blocks.0", "blocks.1", "norm")
    assert shape_table(small(core), torch.zeros(6, 5, 3), *parts) == {
        "embed": (6, 5, 4),
        "blocks.0.inside": (6, 5, 16),
        "blocks.0.near": (6, 8, 5),
        "blocks.0.core": (6, 5, 8),
        "blocks.0": (6, 5, 4),
        "blocks.1": (6, 5, 4),
        "norm": (6, 5, 4),
        "": (6, 4),
    }


@cores
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_bar_by_bar_is_the_whole_at_once_with_a_state_that_never_grows(
    core: Any, dtype: torch.dtype, tolerance: float
) -> None:
    network, x = small(core).to(dtype).eval(), torch.randn(2, 300, 3, dtype=dtype)
    state, steps = network.start(2), []
    with torch.no_grad():
        sizes = {tuple(part.shape for pair in state for part in pair)}
        for t in range(300):
            vector, state = network.step(x[:, t], state)
            sizes.add(tuple(part.shape for pair in state for part in pair))
            steps.append(vector)
        whole = network.hidden(x)
    assert sizes == {((2, 3, 8), (2, 8, 2)) * 2}
    torch.testing.assert_close(torch.stack(steps, dim=1), whole, rtol=tolerance, atol=tolerance)


@cores
def test_chunks_change_nothing(core: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = small(core).double(), torch.randn(2, 50, 3, dtype=torch.float64)
    found = []
    for chunk in (50, 7):
        monkeypatch.setattr(state_space, "CHUNK", chunk)
        network.zero_grad()
        out = network(x)
        out.square().sum().backward()
        found.append([out.detach(), *(p.grad.clone() for p in network.parameters())])
    for whole, cut in zip(*found, strict=True):
        torch.testing.assert_close(cut, whole, rtol=1e-10, atol=1e-12)


def test_the_selective_core_is_its_formula() -> None:
    torch.manual_seed(0)
    core, u = SelectiveCore(2, 3).double(), torch.randn(1, 6, 2, dtype=torch.float64)
    h, expected = torch.zeros(2, 3, dtype=torch.float64), []
    for now in u[0]:
        size, write, read = core.select(now).split([1, 3, 3])
        step = torch.log1p(torch.exp(core.step_size(size)))
        h = torch.exp(-step[:, None] * torch.tensor([1.0, 2.0, 3.0])) * h + (step * now)[:, None] * write
        expected.append(h @ read + now)
    torch.testing.assert_close(core(u)[0], torch.stack(expected), rtol=1e-6, atol=1e-7)


def test_s4d_is_a_convolution_with_its_kernel() -> None:
    torch.manual_seed(0)
    core, u = DiagonalCore(2, 3).double(), torch.randn(1, 40, 2, dtype=torch.float64)
    rate = torch.complex(torch.full((2, 3), -0.5).double(), torch.pi * torch.arange(3).double().repeat(2, 1))
    step = core.log_step.exp()
    keep = torch.exp(step * rate)
    c = torch.view_as_complex(core.read)
    kernel = torch.stack([(2 * c * keep**k * (keep - 1) / rate).sum(dim=1).real for k in range(40)])
    expected = [sum(kernel[k] * u[0, t - k] for k in range(t + 1)) + u[0, t] for t in range(40)]
    torch.testing.assert_close(core(u)[0], torch.stack(expected), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bars", [1, 7, 300])
def test_the_convolution_in_real_numbers_is_the_recurrence(bars: int) -> None:
    torch.manual_seed(0)
    core = DiagonalCore(6, 4).double()
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        u = torch.randn(2, bars, 6, dtype=torch.float64)
        torch.testing.assert_close(core.convolved(u), core(u), rtol=1e-9, atol=1e-9)
