"""The parallel scan of a linear recurrence, in plain PyTorch: the same code on CPU and GPU.

h[t] = a[t] h[t-1] + b[t] is associative in pairs (a, b), so neighbours are joined, the half as long recurrence is
solved, and what lies between is filled in (Blelloch 1990): about 2 n products in 2 log2(n) steps, where a loop would
take n steps. The gradient of a recurrence is a recurrence that runs backwards, so training holds only a, b and h.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def linear_scan(a: Tensor, b: Tensor) -> Tensor:
    """h[t] = a[t] h[t-1] + b[t] along dimension 1, from h = 0. a, b: [b, n, ...] of one shape, real or complex."""
    if torch.is_grad_enabled() and (a.requires_grad or b.requires_grad):
        return _Scan.apply(a, b)  # type: ignore[no-any-return, no-untyped-call]
    return _solve(a, b)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h = _solve(a, b)
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        a, h = ctx.saved_tensors
        # g[t] = grad[t] + conj(a[t+1]) g[t+1]
        ahead = torch.cat([a[:, 1:].conj(), torch.zeros_like(a[:, :1])], dim=1)
        of_b = _solve(ahead.flip(1), grads[0].flip(1)).flip(1)
        before = torch.cat([torch.zeros_like(h[:, :1]), h[:, :-1]], dim=1)
        return of_b * before.conj(), of_b


def _solve(a: Tensor, b: Tensor) -> Tensor:
    n = b.shape[1]
    if n == 1:
        return b
    even, odd = slice(0, n - 1, 2), slice(1, n, 2)
    at_odd = _solve(a[:, odd] * a[:, even], torch.addcmul(b[:, odd], a[:, odd], b[:, even]))
    between = torch.addcmul(b[:, 2::2], a[:, 2::2], at_odd[:, : (n - 1) // 2])
    at_even = torch.cat([b[:, :1], between], dim=1)
    if n % 2:
        at_odd = torch.cat([at_odd, at_odd[:, :1]], dim=1)
    return torch.stack([at_even, at_odd], dim=2).flatten(1, 2)[:, :n]
