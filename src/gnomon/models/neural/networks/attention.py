"""Pre-norm transformer layers, shared by the nets that attend."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

ROTARY_BASE = 10_000.0


class EncoderLayer(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)) (pre-norm: Xiong et al. 2020).

    `feed_forward` maps [b, tokens, dim] to itself; a plain GELU one of twice the width where none is given.
    """

    def __init__(
        self, dim: int, heads: int, dropout: float, *, rotary: bool = True, feed_forward: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, heads, dropout, rotary=rotary)
        self.feed_forward_norm = nn.LayerNorm(dim)
        self.feed_forward = feed_forward if feed_forward is not None else plain_feed_forward(dim, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[b, tokens, dim] to the same."""
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Multi-head self-attention; `rotary` turns queries and keys by their position (RoPE: Su et al. 2021)."""

    def __init__(self, dim: int, heads: int, dropout: float, *, rotary: bool) -> None:
        super().__init__()
        self.heads, self.dropout, self.rotary = heads, dropout, rotary
        self.project = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """[b, tokens, dim] to the same. Memory grows with the tokens, not with their square."""
        batch, tokens, dim = x.shape
        whole = self.project(x).view(batch, tokens, 3, self.heads, dim // self.heads)
        query, key, value = whole.permute(2, 0, 3, 1, 4).unbind(0)
        if self.rotary:
            query, key = rotate(query), rotate(key)
        mixed = scaled_dot_product_attention(query, key, value, dropout_p=self.dropout if self.training else 0.0)
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, dim))  # type: ignore[no-any-return]


def plain_feed_forward(dim: int, dropout: float) -> nn.Module:
    """Linear, GELU, linear; twice as wide inside."""
    return nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * dim, dim))


def rotate(x: Tensor) -> Tensor:
    """Turns each pair (i, i + size / 2) of [..., tokens, size] by the token's position times base^(-2 i / size)."""
    tokens, size = x.shape[-2:]
    pairs = torch.arange(size // 2, device=x.device, dtype=torch.float32)
    speed = torch.exp(pairs * (-2.0 * math.log(ROTARY_BASE) / size))
    angle = torch.arange(tokens, device=x.device, dtype=torch.float32)[:, None] * speed
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
