"""Heads: from a network's vector to class probabilities, with the loss that trains them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gnomon.models.neural.base import Prior

if TYPE_CHECKING:
    from gnomon.models.neural.base import NetConfig

RAREST = 1e-4
"""The least frequency a class is taken to have: one that training never saw must not need an infinite logit."""


class Head(nn.Module, ABC):
    """What sits on a network of `width` outputs. `prior` is what is known without looking at a window."""

    def __init__(self, width: int, prior: Prior) -> None:
        super().__init__()
        self.width = width
        self.prior = prior
        self.progress = 1.0
        """How much of the fit is done, 0 to 1: for losses whose parts grow in."""

    @abstractmethod
    def forward(self, hidden: Tensor) -> Tensor:
        """[batch, width] to the raw outputs [batch, k] that the other methods read."""

    @abstractmethod
    def loss(self, out: Tensor, y: Tensor, forward_return: Tensor, weight: Tensor) -> Tensor:
        """The weighted mean loss (weights divided by their sum), a scalar.

        y: int64 [batch], 0 short, 1 flat, 2 long. forward_return: float32 [batch], NaN where it is not known.
        """

    @abstractmethod
    def probability(self, out: Tensor) -> Tensor:
        """[batch, 3]: probabilities of (short, flat, long)."""

    def quantiles(self, out: Tensor) -> Tensor | None:  # noqa: ARG002
        """[batch, q]: quantiles of the forward return at the configured levels; None where there are none."""
        return None


class SoftmaxHead(Head):
    """Class probabilities by a softmax, trained on the log loss. It begins near the class frequencies."""

    def __init__(self, width: int, prior: Prior) -> None:
        super().__init__(width, prior)
        self.scores = nn.Linear(width, 3)
        begin_at(self.scores, torch.tensor(prior.frequency).clamp_min(RAREST).log())

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits [batch, 3]."""
        return self.scores(hidden)  # type: ignore[no-any-return]

    def loss(self, out: Tensor, y: Tensor, forward_return: Tensor, weight: Tensor) -> Tensor:  # noqa: ARG002
        """Weighted cross-entropy, natural log."""
        return weighted_mean(nn.functional.cross_entropy(out, y, reduction="none"), weight)

    def probability(self, out: Tensor) -> Tensor:
        """Softmax of the logits."""
        return torch.softmax(out, dim=-1)


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of the values, each counted by its weight."""
    return (values * weight).sum() / weight.sum()


def begin_at(layer: nn.Linear, bias: Tensor) -> None:
    """Small weights and the given bias: the layer begins near a constant that is already a sensible answer."""
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.copy_(bias)


def build_head(config: NetConfig, width: int, prior: Prior) -> Head:
    """The head that a config names, with quantiles of the return beside it where it has levels."""
    from gnomon.models.neural.evidential import EvidentialHead
    from gnomon.models.neural.quantiles import WithQuantiles

    heads: dict[str, type[Head]] = {"softmax": SoftmaxHead, "evidential": EvidentialHead}
    head = heads[config.head](width, prior)
    return WithQuantiles(head, config.quantile_levels) if config.quantile_levels else head
