"""What tells a sound fit from a sick one: gradient norm and noise, dead units, the loss around the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from gnomon.core.errors import DataError
from gnomon.core.seeds import derived_seed
from gnomon.core.types import Array, Float64
from gnomon.models.neural.data import Schedule, Windows
from gnomon.models.neural.inference import device_of, steady

if TYPE_CHECKING:
    from gnomon.models.neural.base import NeuralModel
    from gnomon.models.neural.networks.base import Network
    from gnomon.samples.base import Samples

ACTIVATIONS = (nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid)
STILL = 1e-6
"""A unit whose outputs over many windows differ by less is dead."""


@dataclass
class GradientNoise:
    """The noise scale of the gradients of an epoch: the batch size beyond which more windows a step hardly help.

    B = trace(covariance of one window's gradient) / |mean gradient|^2, each averaged over the steps of the epoch before
    they are divided. Two batches at the same weights tell them apart: the inner product of their gradients has the
    squared mean gradient as its mean, and what a gradient's own square has above it is noise. Steps that follow each
    other stand for the two batches. (The mean gradient of a whole epoch would not do: the weights move, and around a
    minimum it is near 0 whatever the batch.) Reference: McCandlish et al. 2018, "An empirical model of large-batch
    training", appendix A.1.
    """

    batch: int
    steps: int = 0
    squares: float = 0.0
    """Sum of the squared norms."""
    products: float = 0.0
    """Sum of the inner products of each gradient with the one before."""
    product_squares: float = 0.0
    """Sum of their squares."""
    last: list[Tensor] = field(default_factory=list)
    """The last gradient, a tensor a parameter."""

    def add(self, gradients: Sequence[Tensor | None], norm: float, like: Sequence[Tensor]) -> None:
        """Counts one step; `like` are the parameters, None the gradient of one that is frozen."""
        new = [torch.zeros_like(p) if g is None else g.detach() for g, p in zip(gradients, like, strict=True)]
        if self.last:
            product = float(torch.stack([part.sum() for part in torch._foreach_mul(self.last, new)]).sum())
            self.products += product
            self.product_squares += product * product
            torch._foreach_copy_(self.last, new)
        else:
            self.last = [gradient.clone() for gradient in new]
        self.steps += 1
        self.squares += norm * norm

    def scale(self) -> float:
        """The noise scale in windows; NaN where it cannot be known.

        That is before three steps, and where the inner products are not above 0 by two standard errors: then nothing
        tells the mean gradient from none, and the scale may be anything from far above the batch on.
        """
        pairs = self.steps - 1
        if pairs < 2:
            return math.nan
        signal = self.products / pairs
        spread = max(self.product_squares / pairs - signal * signal, 0.0) * pairs / (pairs - 1)
        if signal <= 2.0 * math.sqrt(spread / pairs):
            return math.nan
        return self.batch * max(self.squares / self.steps - signal, 0.0) / signal


def dead_units(network: nn.Module, x: Tensor) -> float:
    """Share of the outputs of the activations, and of the network itself, that are the same for all windows of `x`."""
    counts: list[tuple[int, int]] = []

    def count(_module: nn.Module, _inputs: Any, out: Any) -> None:
        if isinstance(out, Tensor) and out.dim() > 1 and out.is_floating_point():
            cells = out.detach().float().flatten(1)
            still = (cells.amax(dim=0) - cells.amin(dim=0)) < STILL
            counts.append((int(still.sum()), still.numel()))

    watched = [network, *(module for module in network.modules() if isinstance(module, ACTIVATIONS))]
    hooks = [module.register_forward_hook(count) for module in watched]
    try:
        with evaluating(network), torch.no_grad():
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return sum(dead for dead, _ in counts) / max(sum(cells for _, cells in counts), 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class LossLandscape:
    """The loss on a plane through the weights: `loss[i, j]` at `along[i]` of one direction and `along[j]` of another.

    The directions are random and as long, filter by filter, as the weights themselves, so that 1 is the size of the
    weights. Biases and norms stay. Reference: Li et al. 2018, "Visualizing the loss landscape of neural nets".
    """

    along: Float64[Array, " p"]
    loss: Float64[Array, "p p"]


def loss_landscape(
    model: NeuralModel, samples: Samples, *, points: int = 11, span: float = 1.0, seed: int = 0, rows: int = 1024
) -> LossLandscape:
    """The loss of a fitted net around its weights, on at most `rows` windows; the net stays as it was."""
    if model.network is None or model.head is None:
        raise ValueError(f"this {type(model).__name__} was not fitted yet; call fit, or load a saved one")
    assert model.horizon is not None
    windows = model._windows(samples, model._labels(samples, model.horizon))
    if not len(windows):
        raise DataError("no row has a decided label and a full window behind it; there is no loss to draw")
    device = device_of(model.config)
    network, head = model.network.to(device), model.head.to(device)
    with steady(model.config):
        return landscape(network, head, windows, points=points, span=span, seed=seed, rows=rows, device=device)


def landscape(
    network: nn.Module,
    head: Any,
    windows: Windows,
    *,
    points: int,
    span: float = 1.0,
    seed: int = 0,
    rows: int = 1024,
    device: torch.device,
) -> LossLandscape:
    """See `loss_landscape`."""
    if points < 3 or points % 2 == 0:
        raise ValueError(f"points must be an odd number from 3, so that the weights lie in the middle; was {points}")
    chosen = np.unique(np.linspace(0, len(windows) - 1, min(rows, len(windows))).astype(np.int64))
    batch = windows.batch(chosen)
    batch = type(batch)(*(tensor.to(device) for tensor in batch))
    parameters = [*network.parameters(), *head.parameters()]
    origin = [parameter.detach().clone() for parameter in parameters]
    chance = torch.Generator().manual_seed(derived_seed(seed, "landscape"))
    first, second = _direction(origin, chance), _direction(origin, chance)
    along = np.linspace(-span, span, points)
    loss = np.empty((points, points))
    try:
        with evaluating(network, head), torch.no_grad():
            for i, a in enumerate(along):
                for j, b in enumerate(along):
                    for parameter, start, u, v in zip(parameters, origin, first, second, strict=True):
                        parameter.copy_(start + float(a) * u + float(b) * v)
                    value = head.loss(head(network(batch.x)), batch.y, batch.forward_return, batch.weight)
                    loss[i, j] = float(value)
    finally:
        with torch.no_grad():
            for parameter, start in zip(parameters, origin, strict=True):
                parameter.copy_(start)
    return LossLandscape(along=along, loss=loss)


def _direction(origin: Sequence[Tensor], chance: torch.Generator) -> list[Tensor]:
    out = []
    for weights in origin:
        drawn = torch.randn(weights.shape, generator=chance).to(weights.device)
        if weights.dim() < 2:
            out.append(torch.zeros_like(weights))
            continue
        size = tuple(range(1, weights.dim()))
        length = drawn.pow(2).sum(dim=size, keepdim=True).sqrt()
        out.append(drawn * weights.pow(2).sum(dim=size, keepdim=True).sqrt() / (length + 1e-10))
    return out


def importance(
    network: Network, head: Any, windows: Windows, names: Sequence[str], device: torch.device, rows: int = 512
) -> dict[str, float]:
    """Share of each feature in how much small changes of the inputs move the edge (long minus short).

    The mean size of the slope over windows, summed over their rows, times the feature's spread. A network that selects
    its features says so itself: the mean weight that it gives to each.
    """
    chosen = np.unique(np.linspace(0, len(windows) - 1, min(rows, len(windows))).astype(np.int64))
    x = windows.batch(chosen).x.to(device).requires_grad_()
    with evaluating(network, head), torch.no_grad():
        weights = network.variable_weights(x)
    if weights is not None:
        shares = weights.double().mean(dim=(0, 1))
        return dict(zip(names, (shares / shares.sum()).tolist(), strict=True))
    # cuDNN has no slopes of recurrent nets outside training.
    with evaluating(network, head), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        probability = head.probability(head(network(x)))
        (slope,) = torch.autograd.grad((probability[:, 2] - probability[:, 0]).sum(), x)
    spread = x.detach().double().flatten(0, 1).std(dim=0, correction=0)
    size = (slope.double().abs().sum(dim=1).mean(dim=0) * spread).cpu().numpy()
    total = float(size.sum())
    share = size / total if total > 0 else np.full(len(names), 1.0 / len(names))
    return {name: float(value) for name, value in zip(names, share, strict=True)}


def mean_losses(
    network: nn.Module, head: Any, schedule: Schedule, device: torch.device, together: Callable[[Tensor], Tensor]
) -> tuple[float, float]:
    """Weighted mean of the loss and of the log loss over all windows; `together` adds over processes."""
    sums = torch.zeros(3, dtype=torch.float64)
    with evaluating(network, head), torch.no_grad():
        for items in schedule.parts():
            batch = schedule.windows.batch(items)
            batch = type(batch)(*(tensor.to(device) for tensor in batch))
            out = head(network(batch.x)).float()
            weight = float(batch.weight.double().sum())
            sums[0] += float(head.loss(out, batch.y, batch.forward_return, batch.weight)) * weight
            sums[1] += float(log_losses(head.probability(out), batch.y, batch.weight).double())
            sums[2] += weight
    loss, surprise, weight = together(sums).tolist()
    return loss / weight, surprise / weight


def log_losses(probability: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Weighted sum of -log of the probability of what happened; a zero counts as 1e-15."""
    given = probability.detach().gather(1, y[:, None]).squeeze(1).clamp_min(1e-15)
    return -(given.log() * weight).sum()


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Dropout and the like are off within the block; afterwards each part is as it was."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
