"""What a network is: windows in, one vector a window out. A head on top turns the vector into a forecast."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """The body of a net. Windows come scaled and without NaN; `width` is the length of the vector it gives.

    Transfer freezes its direct children (`named_children`), those declared first the longest: declare them from the
    input to the output.
    """

    width: int
    auxiliary_loss: Tensor | None = None
    """What a forward pass in training adds to the head's loss, where the architecture has a loss of its own."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """x: float32 [batch, length, features], oldest row first. Returns float32 [batch, width]."""

    def variable_weights(self, x: Tensor) -> Tensor | None:  # noqa: ARG002
        """How much of each feature is let through, [batch, length, features], adding up to 1; None if all is."""
        return None


def parameter_count(module: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in module.parameters())
