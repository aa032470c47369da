"""Transformer: parameters and shapes worked by hand, attention against its formula, rotary positions, patches."""

from __future__ import annotations

import math
from typing import Any

import torch

from gnomon.models.neural.networks.attention import SelfAttention, rotate
from gnomon.models.neural.networks.base import parameter_count
from gnomon.models.neural.networks.patches import extended, patched
from gnomon.models.neural.networks.transformer import TransformerNetwork


def test_parameters_and_shapes(shape_table: Any) -> None:
    network = TransformerNetwork(3, 5, dim=8, heads=2, layers=2, dropout=0.0, tokens=64)
    layer = 2 * 8 + (8 * 24) + (8 * 8 + 8) + 2 * 8 + (8 * 16 + 16) + (16 * 8 + 8)
    assert parameter_count(network) == (3 * 8 + 8) + 2 * layer + 2 * 8 == 1200
    assert shape_table(network, torch.zeros(6, 5, 3), "embed", "layers.0", "layers.1", "norm") == {
        "embed": (6, 5, 8),
        "layers.0": (6, 5, 8),
        "layers.1": (6, 5, 8),
        "norm": (6, 5, 8),
        "": (6, 8),
    }


def test_a_long_window_is_few_tokens(shape_table: Any) -> None:
    network = TransformerNetwork(3, 100, dim=8, heads=2, layers=1, dropout=0.0, tokens=16)
    assert shape_table(network, torch.zeros(2, 100, 3), "embed") == {"embed": (2, 15, 8), "": (2, 8)}
    x = torch.arange(14.0).view(1, 7, 2)
    assert patched(x, 3).tolist() == [
        [[0, 0, 0, 0, 0, 1], [2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13]],
    ]
    assert extended(x.transpose(1, 2), 2)[0, 1].tolist() == [1, 1, 1, 3, 5, 7, 9, 11, 13]


def turn(angle: float) -> torch.Tensor:
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()


def test_attention_is_its_formula() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(4, 2, 0.0, rotary=True).double(), torch.randn(1, 3, 4, dtype=torch.float64)
    whole = x[0] @ attention.project.weight.T
    out = []
    for head in range(2):
        query, key, value = (whole[:, 4 * part + 2 * head : 4 * part + 2 * head + 2] for part in range(3))
        # A head of two numbers is one pair, which turns by one radian a token.
        query, key = (torch.stack([turn(t) @ vectors[t] for t in range(3)]) for vectors in (query, key))
        out.append(torch.softmax(query @ key.T / math.sqrt(2), dim=-1) @ value)
    expected = torch.cat(out, dim=1) @ attention.out.weight.T + attention.out.bias
    torch.testing.assert_close(attention(x)[0], expected, rtol=1e-6, atol=1e-7)


def test_rotary_scores_depend_on_distance_only() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(8, generator=generator).expand(6, 8) for _ in range(2))
    score = rotate(query) @ rotate(key).T
    for distance in range(-5, 6):
        along = torch.diagonal(score, distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))
