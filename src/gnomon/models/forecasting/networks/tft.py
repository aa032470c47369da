"""Temporal fusion transformer (Lim et al. 2021): which variables matter, when, and a gate around every part.

All features are observed inputs of the past; there are no static and no known-future ones, so the static encoders and
the decoder's future half are left out. The head reads the last bar only, so attention asks from the last bar only:
its cost grows with the window, not with its square.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, glu
from torch.utils.checkpoint import checkpoint

from gnomon.models.neural.networks.base import Network

BLOCK = 1024
"""Bars whose features are embedded at once: the arrays of all features' networks then stay near the processor."""


class TFTNetwork(Network):
    """Variable selection, an LSTM, interpretable attention and gated residuals, in the paper's order.

    With `skip` the last bar's features stand beside what comes of them, as they are.
    """

    def __init__(
        self,
        features: int,
        length: int,  # noqa: ARG002
        *,
        dim: int,
        heads: int,
        dropout: float,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.width = dim + features if skip else dim
        self.skip = skip
        self.selection = VariableSelection(features, dim, dropout)
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.lstm_gate = GatedSkip(dim, dropout)
        self.enrich = GatedResidual(dim, dim, dropout)
        self.attention = InterpretableAttention(dim, heads)
        self.attention_gate = GatedSkip(dim, dropout)
        self.reason = GatedResidual(dim, dim, dropout)
        self.last_gate = GatedSkip(dim, dropout)

    def hidden(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, length, dim]: what attention looks at; a step is of its bar and those before."""
        selected, _ = self.selection(x)
        recalled, _ = self.lstm(selected)
        return self.enrich(self.lstm_gate(recalled, selected))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, width]."""
        selected, _ = self.selection(x)
        recalled, _ = self.lstm(selected)
        temporal = self.lstm_gate(recalled, selected)
        enriched = self.enrich(temporal)
        attended, _ = self.attention(enriched)
        attended = self.attention_gate(attended, enriched[:, -1])
        vector: Tensor = self.last_gate(self.reason(attended), temporal[:, -1])
        return torch.cat([vector, x[:, -1]], dim=1) if self.skip else vector

    def variable_weights(self, x: Tensor) -> Tensor:
        """[b, length, features]: how much of each feature is let through at each bar; they add up to 1."""
        return self.selection(x)[1]  # type: ignore[no-any-return]

    def attention_weights(self, x: Tensor) -> Tensor:
        """[b, length]: how much the last bar looks at each bar of the window; they add up to 1."""
        return self.attention(self.hidden(x))[1]  # type: ignore[no-any-return]


class GatedSkip(nn.Module):
    """norm(skip + GLU(x)): the gate can close and leave the skip alone."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gate = nn.Linear(dim, 2 * dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Two [..., dim] to one."""
        return self.norm(skip + glu(self.gate(self.dropout(x))))  # type: ignore[no-any-return]


class GatedResidual(nn.Module):
    """The paper's GRN: linear, ELU, linear, gated, beside a skip."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, outputs)
        self.second = nn.Linear(outputs, outputs)
        self.skip = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs)
        self.gated = GatedSkip(outputs, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] to [..., outputs]."""
        return self.gated(self.second(elu(self.first(x))), self.skip(x))  # type: ignore[no-any-return]


class VariableSelection(nn.Module):
    """A gated residual network for each feature, their outputs added up by weights that depend on all features.

    An embedding is linear in its feature's value, so the networks' first layers read the values themselves: the paper's
    functions, without holding what a linear layer would take right back. The last layer norm has one scale and offset
    for all features.
    """

    def __init__(self, features: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.weigh = GatedResidual(features, features, dropout)
        self.embed = nn.Parameter(torch.empty(features, dim, 1))
        self.embed_offset = nn.Parameter(torch.zeros(features, dim, 1))
        self.first = nn.Parameter(torch.empty(features, dim, 1))
        self.first_offset = nn.Parameter(torch.empty(features, dim, 1))
        self.gate = nn.Parameter(torch.empty(features, 2 * dim, dim))
        self.gate_offset = nn.Parameter(torch.zeros(features, 2 * dim, 1))
        self.scale = nn.Parameter(torch.ones(dim))
        self.offset = nn.Parameter(torch.zeros(dim))
        for weight in (self.embed, self.first, self.first_offset):
            nn.init.uniform_(weight, -1.0, 1.0)
        nn.init.uniform_(self.gate, -1 / math.sqrt(dim), 1 / math.sqrt(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[b, length, features] to [b, length, dim] and the weights [b, length, features]."""
        weight = torch.softmax(self.weigh(x), dim=-1)
        rows, shares = x.flatten(0, 1), weight.flatten(0, 1)
        # A graph that is exported takes any number of windows, so it cannot know its blocks.
        if torch.compiler.is_exporting():
            return self._mix(rows, shares).view(*x.shape[:2], -1) * self.scale + self.offset, weight
        mixed = [
            checkpoint(self._mix, *part, use_reentrant=False) if torch.is_grad_enabled() else self._mix(*part)
            for part in zip(torch.split(rows, BLOCK), torch.split(shares, BLOCK), strict=True)
        ]
        return torch.cat(mixed).view(*x.shape[:2], -1) * self.scale + self.offset, weight

    def _mix(self, x: Tensor, weight: Tensor) -> Tensor:
        # [features, dim, bars]: the networks of all features are one batched product, and bars lie side by side.
        value = x.t().unsqueeze(1)
        inside = elu(torch.addcmul(self.first_offset, value, self.first))
        gated = glu(torch.baddbmm(self.gate_offset, self.gate, inside), dim=1)
        said = gated + torch.addcmul(self.embed_offset, value, self.embed)
        said = said - said.mean(dim=1, keepdim=True)
        size = torch.rsqrt(said.square().mean(dim=1, keepdim=True) + 1e-5)
        return (said * (size * weight.t().unsqueeze(1))).sum(dim=0).t()


class InterpretableAttention(nn.Module):
    """Heads with queries and keys of their own and one shared value, so that their mean weights can be read."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim // heads)
        self.out = nn.Linear(dim // heads, dim, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[b, length, dim] to the last step's [b, dim] and its weights [b, length]."""
        batch, length, dim = x.shape
        size = dim // self.heads
        query = self.query(x[:, -1]).view(batch, self.heads, size, 1)
        key = self.key(x).view(batch, length, self.heads, size).transpose(1, 2)
        score = (key @ query).squeeze(-1) / math.sqrt(size)
        weight = torch.softmax(score, dim=-1).mean(dim=1)
        mixed = (weight.unsqueeze(1) @ self.value(x)).squeeze(1)
        return self.out(mixed), weight
