"""Sparse mixture of experts (Shazeer et al. 2017; Switch: Fedus et al. 2022) in a transformer encoder.

The feed-forward half of each layer is several experts, of which each bar goes to the few that its gate likes best. Left
alone, a gate sends all to one; the balance loss of the Switch transformer keeps them busy: experts x the sum over
experts of (share of bars sent to it) x (mean probability given to it), 1 when all get the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from gnomon.models.neural.networks.attention import EncoderLayer
from gnomon.models.neural.networks.base import Network
from gnomon.models.neural.networks.patches import patch_rows, patched


class MixtureOfExpertsNetwork(Network):
    """A transformer encoder whose feed-forward layers are mixtures; the last bar's vector is given.

    In training `auxiliary_loss` holds `balance` x the mean balance loss of the layers' last forward pass.
    """

    def __init__(
        self,
        features: int,
        length: int,
        *,
        dim: int,
        heads: int,
        layers: int,
        experts: int,
        top: int,
        balance: float,
        dropout: float,
        tokens: int,
    ) -> None:
        super().__init__()
        self.width = dim
        self.balance = balance
        self.rows = patch_rows(length, tokens)
        self.embed = nn.Linear(features * self.rows, dim)
        self.mixtures = [SparseMixture(dim, experts, top, dropout) for _ in range(layers)]
        self.layers = nn.ModuleList(
            EncoderLayer(dim, heads, dropout, feed_forward=mixture) for mixture in self.mixtures
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, dim]."""
        series = self.embed(patched(x, self.rows))
        losses = []
        for layer, mixture in zip(self.layers, self.mixtures, strict=True):
            series = layer(series)
            if mixture.balance_loss is not None:
                losses.append(mixture.balance_loss)
                mixture.balance_loss = None
        self.auxiliary_loss = self.balance * torch.stack(losses).mean() if losses else None
        return self.norm(series[:, -1])  # type: ignore[no-any-return]


class SparseMixture(nn.Module):
    """Experts, each linear, GELU, linear; a token's output is that of its `top` experts, weighted by its gate.

    In training only the chosen experts see a token. Out of it all experts see all tokens and the others' weights are
    zero: which rows share a product must not depend on what else is in the batch, or a row's bits would.
    """

    def __init__(self, dim: int, experts: int, top: int, dropout: float) -> None:
        super().__init__()
        self.experts, self.top = experts, top
        self.gate = nn.Linear(dim, experts, bias=False)
        self.first = nn.Parameter(torch.empty(experts, dim, 2 * dim))
        self.first_offset = nn.Parameter(torch.zeros(experts, 1, 2 * dim))
        self.second = nn.Parameter(torch.empty(experts, 2 * dim, dim))
        self.second_offset = nn.Parameter(torch.zeros(experts, 1, dim))
        self.dropout = nn.Dropout(dropout)
        self.balance_loss: Tensor | None = None
        for weight in (self.first, self.second):
            nn.init.uniform_(weight, -1 / math.sqrt(weight.shape[1]), 1 / math.sqrt(weight.shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        """[b, tokens, dim] to the same."""
        tokens = x.flatten(0, 1)
        probability = torch.softmax(self.gate(tokens), dim=-1)
        liked, chosen = probability.topk(self.top, dim=-1)
        # One expert's weight is its probability, as in Switch: a weight of 1 would teach the gate nothing.
        weight = liked / liked.sum(dim=-1, keepdim=True) if self.top > 1 else liked
        if self.training:
            self.balance_loss = balance_loss(probability, chosen)
            return self._sparse(tokens, weight, chosen).view_as(x)
        return self._dense(tokens, torch.zeros_like(probability).scatter(-1, chosen, weight)).view_as(x)

    def _sparse(self, tokens: Tensor, weight: Tensor, chosen: Tensor) -> Tensor:
        out = torch.zeros_like(tokens)
        for expert in range(self.experts):
            rows, place = (chosen == expert).nonzero(as_tuple=True)
            inside = self.dropout(gelu(tokens[rows] @ self.first[expert] + self.first_offset[expert]))
            said = inside @ self.second[expert] + self.second_offset[expert]
            out = out.index_add(0, rows, weight[rows, place, None] * said)
        return out

    def _dense(self, tokens: Tensor, weight: Tensor) -> Tensor:
        inside = gelu(tokens @ self.first + self.first_offset)
        said = inside @ self.second + self.second_offset
        return (weight.t().unsqueeze(-1) * said).sum(dim=0)


def balance_loss(probability: Tensor, chosen: Tensor) -> Tensor:
    """The Switch transformer's: probability [n, experts], chosen [n, top] experts; 1 at balance, `experts` at worst."""
    experts = probability.shape[1]
    sent = torch.bincount(chosen.flatten(), minlength=experts).to(probability.dtype) / chosen.numel()
    return experts * (sent * probability.mean(dim=0)).sum()
