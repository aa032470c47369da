"""Quantiles of the forward return beside any head of classes: never crossing, trained on the pinball loss.

The lowest level is a number, each next one lies above it by a positive step (a softplus), so that quantiles cannot
cross. They are learned in units of the spread that returns had in training, and begin at the quantiles of training.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gnomon.models.neural.heads import Head, begin_at

NARROWEST = 1e-3
"""The least first step between two levels, in units of the spread."""


class WithQuantiles(Head):
    """A head of classes, and quantiles of the forward return at rising levels beside it; the losses are added."""

    def __init__(self, classes: Head, levels: tuple[float, ...]) -> None:
        super().__init__(classes.width, classes.prior)
        self.classes = classes
        self.levels = levels
        self.values = nn.Linear(classes.width, len(levels))
        known = torch.tensor(classes.prior.return_quantiles)
        spread = float(known[-1] - known[0]) if len(levels) > 1 else abs(float(known[0]))
        self.scale = max(spread, 1e-6)
        self.register_buffer("at", torch.tensor(levels), persistent=False)
        begin_at(self.values, _before_steps(known / self.scale))

    def __getattr__(self, name: str) -> Any:
        """What the head of classes has beyond this one, such as a vacuity."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "classes":
                raise
            return getattr(self.classes, name)

    def forward(self, hidden: Tensor) -> Tensor:
        """The outputs of the head of classes, then one number a level."""
        return torch.cat([self.classes(hidden), self.values(hidden)], dim=-1)

    def probability(self, out: Tensor) -> Tensor:
        """Those of the head of classes."""
        return self.classes.probability(self._classes(out))

    def quantiles(self, out: Tensor) -> Tensor:
        """[batch, q], rising: fractions of return."""
        return self._scaled(out) * self.scale

    def loss(self, out: Tensor, y: Tensor, forward_return: Tensor, weight: Tensor) -> Tensor:
        """The loss of the classes, and the pinball loss in units of the spread over the rows whose return is known."""
        self.classes.progress = self.progress
        classes = self.classes.loss(self._classes(out), y, forward_return, weight)
        known = torch.isfinite(forward_return)
        came = torch.where(known, forward_return, 0.0).to(out.dtype) / self.scale
        rows = pinball(self._scaled(out), came, self.at)
        counted = weight * known
        return classes + (rows * counted).sum() / counted.sum().clamp_min(1e-12)

    def _classes(self, out: Tensor) -> Tensor:
        return out[..., : -len(self.levels)]

    def _scaled(self, out: Tensor) -> Tensor:
        raw = out[..., -len(self.levels) :]
        steps = torch.cat([raw[..., :1], nn.functional.softplus(raw[..., 1:])], dim=-1)
        return steps.cumsum(dim=-1)


def pinball(said: Tensor, came: Tensor, levels: Tensor) -> Tensor:
    """[batch]: the pinball loss, mean over levels: level x what is missing, or (1 - level) x what is too much.

    >>> pinball(torch.tensor([[1.0]]), torch.tensor([3.0]), torch.tensor([0.75])).item()
    1.5
    """
    gap = came[..., None] - said
    return torch.maximum(levels * gap, (levels - 1.0) * gap).mean(dim=-1)


def _before_steps(values: Tensor) -> Tensor:
    """The raw numbers that give these rising values."""
    gaps = values.diff().clamp_min(NARROWEST)
    return torch.cat([values[:1], torch.log(torch.expm1(gaps))])
