"""The evidential head: a Dirichlet over the class probabilities, which also says how much it has seen of such windows.

Sensoy, Kaplan and Kandemir 2018, "Evidential deep learning to quantify classification uncertainty". The network gives
evidence e >= 0 for each class; with none the forecast is what training says without looking, the class frequencies a
(Jøsang 2016, the base rates of subjective logic; equal frequencies are the paper's own case):

    alpha = e + 3 a      S = sum alpha      probability = alpha / S      vacuity = 3 / S

The loss of a row is the expected squared error under that Dirichlet, and a pull of the evidence for classes that did
not come back to nothing, which grows in over the first half of the fit:

    sum_k (y_k - p_k)^2 + p_k (1 - p_k) / (S + 1)  +  pull x KL[Dir(alpha without the class that came) || Dir(3 a)]

As in any variational bound the pull counts once for all rows together, so it weighs 1 / rows for each: evidence grows
with the rows that speak for it, and the vacuity falls. It is a relative figure: evidence is learned, not counted.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gnomon.models.neural.base import Prior
from gnomon.models.neural.heads import RAREST, Head, begin_at, weighted_mean

CLASSES = 3
PULL_ROWS = 100.0
"""Rows that weigh as much as the pull towards knowing nothing."""
RISE = 0.5
"""The part of a fit over which the pull grows to its full weight."""


class EvidentialHead(Head):
    """Class probabilities as the mean of a Dirichlet; it begins with little evidence, near the class frequencies."""

    def __init__(self, width: int, prior: Prior) -> None:
        super().__init__(width, prior)
        self.evidence = nn.Linear(width, CLASSES)
        frequency = torch.tensor(prior.frequency).clamp_min(RAREST)
        base = CLASSES * frequency / frequency.sum()
        # What is known without looking is configuration, not a weight: it is not saved with the weights.
        self.register_buffer("base", base, persistent=False)
        begin_at(self.evidence, torch.log(torch.expm1(base)))

    def forward(self, hidden: Tensor) -> Tensor:
        """Raw scores [batch, 3]; their softplus is the evidence."""
        return self.evidence(hidden)  # type: ignore[no-any-return]

    def alpha(self, out: Tensor) -> Tensor:
        """[batch, 3]: the concentrations of the Dirichlet."""
        return nn.functional.softplus(out) + self.base  # type: ignore[operator]

    def probability(self, out: Tensor) -> Tensor:
        """Mean of the Dirichlet."""
        alpha = self.alpha(out)
        return alpha / alpha.sum(dim=-1, keepdim=True)

    def vacuity(self, out: Tensor) -> Tensor:
        """[batch], in (0, 1]: the share of the forecast that no evidence stands behind."""
        return CLASSES / self.alpha(out).sum(dim=-1)

    def loss(self, out: Tensor, y: Tensor, forward_return: Tensor, weight: Tensor) -> Tensor:  # noqa: ARG002
        """See the head of this file."""
        alpha = self.alpha(out)
        came = nn.functional.one_hot(y, CLASSES).to(alpha.dtype)
        base: Tensor = self.base  # type: ignore[assignment]
        wrong = came * base + (1.0 - came) * alpha
        # Outside of training the whole pull counts, so that losses of all epochs can be compared.
        share = min(self.progress / RISE, 1.0) if self.training else 1.0
        pull = share * PULL_ROWS / max(self.prior.rows, 1)
        rows = expected_squared_error(alpha, came) + pull * dirichlet_divergence(wrong, base.expand_as(wrong))
        return weighted_mean(rows, weight)


def expected_squared_error(alpha: Tensor, came: Tensor) -> Tensor:
    """[batch]: the mean squared distance of a probability drawn from the Dirichlet to what came (paper, equation 5).

    >>> expected_squared_error(torch.tensor([[1.0, 1.0, 2.0]]), torch.tensor([[0.0, 0.0, 1.0]])).item()
    0.5
    """
    total = alpha.sum(dim=-1, keepdim=True)
    mean = alpha / total
    return ((came - mean) ** 2 + mean * (1.0 - mean) / (total + 1.0)).sum(dim=-1)


def dirichlet_divergence(alpha: Tensor, base: Tensor) -> Tensor:
    """[batch]: the Kullback-Leibler divergence KL[Dir(alpha) || Dir(base)], in nats."""
    total, base_total = alpha.sum(dim=-1), base.sum(dim=-1)
    mean_logs = torch.digamma(alpha) - torch.digamma(total)[..., None]
    return (
        torch.lgamma(total)
        - torch.lgamma(base_total)
        + (torch.lgamma(base) - torch.lgamma(alpha) + (alpha - base) * mean_logs).sum(dim=-1)
    )
