"""The scan: against the loop, in value and in gradient, real and complex, for every small length."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gnomon.models.scale.networks.scan import linear_scan


def loop(a: Tensor, b: Tensor) -> Tensor:
    h, states = torch.zeros_like(b[:, 0]), []
    for t in range(b.shape[1]):
        h = a[:, t] * h + b[:, t]
        states.append(h)
    return torch.stack(states, dim=1)


def drawn(n: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    a, b = (torch.randn(2, n, 3, 2, generator=generator, dtype=dtype) for _ in range(2))
    return a / (1e-3 + a.abs()) * torch.rand(2, n, 3, 2, generator=generator), b


def test_by_hand() -> None:
    a = torch.tensor([[2.0, 3.0, 0.5, 1.0]]).unsqueeze(-1)
    b = torch.tensor([[1.0, 1.0, 1.0, 10.0]]).unsqueeze(-1)
    assert linear_scan(a, b).flatten().tolist() == [1.0, 4.0, 3.0, 13.0]


@pytest.mark.parametrize("n", [*range(1, 18), 100, 1023])
def test_it_is_the_loop(n: int) -> None:
    for dtype, tolerance in (
        (torch.float32, 1e-5),
        (torch.float64, 1e-10),
        (torch.complex64, 1e-5),
        (torch.complex128, 1e-10),
    ):
        a, b = drawn(n, dtype)
        torch.testing.assert_close(linear_scan(a, b), loop(a, b), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_its_gradient_is_the_loop_s(dtype: torch.dtype) -> None:
    for n in (1, 2, 5, 64):
        gradients = []
        for solve in (linear_scan, loop):
            a, b = (tensor.requires_grad_() for tensor in drawn(n, dtype))
            weight = torch.linspace(0.5, 2.0, n, dtype=torch.float64)[None, :, None, None]
            (solve(a, b).abs().square() * weight).sum().backward()
            gradients.append((a.grad, b.grad))
        for found, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_gradients_by_finite_differences() -> None:
    a, b = (tensor.requires_grad_() for tensor in drawn(5, torch.float64))
    assert torch.autograd.gradcheck(linear_scan, (a, b))


def test_long_ones_neither_fade_nor_blow_up() -> None:
    a, b = torch.full((1, 4096, 1), 0.999, dtype=torch.float64), torch.ones(1, 4096, 1, dtype=torch.float64)
    expected = (1 - 0.999 ** torch.arange(1, 4097, dtype=torch.float64)) / 0.001
    torch.testing.assert_close(linear_scan(a, b).flatten(), expected, rtol=1e-10, atol=0)
