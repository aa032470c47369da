"""State-space nets: a linear recurrence with a long memory, trained in parallel, run step by step at constant cost.

Two cores. `selective` is Mamba's (Gu and Dao 2023): what is written, read and kept depends on the input. `s4d` is the
diagonal one (Gu et al. 2022): fixed complex modes that ring and fade, initialised as S4D-Lin. Around both stands
Mamba's block: norm, a short causal convolution, a gate, a residual.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad, silu, softplus
from torch.utils.checkpoint import checkpoint

from gnomon.models.neural.networks.base import Network
from gnomon.models.scale.networks.scan import linear_scan

NEAR = 4
"""Bars that a block's convolution sees."""
CHUNK = 256
"""Steps scanned at once: a longer window carries its state from chunk to chunk, and memory stays that of one."""
FASTEST, SLOWEST = 0.1, 0.001
"""Step sizes at the start: about 1 / the bars that a mode remembers."""

State: TypeAlias = list[tuple[Tensor, Tensor]]
"""Of each block: its last inputs [b, NEAR - 1, inner] and its modes [b, inner, states]. The size never grows."""


class StateSpaceNetwork(Network):
    """Blocks of a selective or a diagonal state space; the last bar's vector is given."""

    def __init__(
        self,
        features: int,
        length: int,  # noqa: ARG002  a recurrence has no window
        *,
        core: Literal["selective", "s4d"],
        dim: int,
        layers: int,
        states: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = dim
        self.embed = nn.Linear(features, dim)
        self.blocks = nn.ModuleList(StateSpaceBlock(dim, states, dropout, CORES[core]) for _ in range(layers))
        self.norm = nn.RMSNorm(dim, eps=1e-6)

    def hidden(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, length, dim]: a step is of its bar and those before."""
        series = self.embed(x)
        for block in self.blocks:
            series = block(series)
        return self.norm(series)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """[b, length, features] to [b, dim]."""
        return self.hidden(x)[:, -1]

    def start(self, batch: int) -> State:
        """The state before the first bar."""
        return [block.start(batch) for block in self._blocks()]

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One bar [b, features] to [b, dim], and the state after it: what `hidden` gives, one bar at a time."""
        after = []
        vector = self.embed(x)
        for block, held in zip(self._blocks(), state, strict=True):
            vector, new = block.step(vector, held)
            after.append(new)
        return self.norm(vector), after

    def _blocks(self) -> Iterator[StateSpaceBlock]:
        return (block for block in self.blocks if isinstance(block, StateSpaceBlock))


class StateSpaceBlock(nn.Module):
    """x + out(core(near(inside(norm(x)))) x gate): Mamba's block around one of the cores."""

    def __init__(self, dim: int, states: int, dropout: float, core: Callable[[int, int], Core]) -> None:
        super().__init__()
        self.inner = 2 * dim
        self.norm = nn.RMSNorm(dim, eps=1e-6)
        self.inside = nn.Linear(dim, 2 * self.inner, bias=False)
        self.near = nn.Conv1d(self.inner, self.inner, NEAR, groups=self.inner)
        self.core = core(self.inner, states)
        self.out = nn.Linear(self.inner, dim, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[b, n, dim] to the same."""
        value, gate = self.inside(self.norm(x)).chunk(2, dim=-1)
        near = silu(self.near(pad(value.transpose(1, 2), (NEAR - 1, 0)))).transpose(1, 2)
        return x + self.dropout(self.out(self.core(near) * silu(gate)))  # type: ignore[no-any-return]

    def start(self, batch: int) -> tuple[Tensor, Tensor]:
        """The state before the first bar."""
        return self.out.weight.new_zeros(batch, NEAR - 1, self.inner), self.core.start(batch)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """[b, dim] and the state before it to [b, dim] and the state after it."""
        value, gate = self.inside(self.norm(x)).chunk(2, dim=-1)
        seen = torch.cat([state[0], value.unsqueeze(1)], dim=1)
        near = silu(conv1d(seen.transpose(1, 2), self.near.weight, self.near.bias, groups=self.inner)).squeeze(-1)
        said, modes = self.core.step(near, state[1])
        return x + self.dropout(self.out(said * silu(gate))), (seen[:, 1:], modes)


class Core(nn.Module, ABC):
    """A state space of `inner` channels with `states` modes each: h[t] = a[t] h[t-1] + b[t], and what is read of it."""

    def __init__(self, inner: int, states: int) -> None:
        super().__init__()
        self.inner, self.states = inner, states
        self.skip = nn.Parameter(torch.ones(inner))

    @abstractmethod
    def recurrence(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From u [b, n, inner] to a and b [b, n, inner, states] and the reading c, which broadcasts against them."""

    def start(self, batch: int) -> Tensor:
        """The modes before the first bar: [b, inner, states]."""
        return self.skip.new_zeros(batch, self.inner, self.states)

    def forward(self, u: Tensor) -> Tensor:
        """[b, n, inner] to the same."""
        modes, said = self.start(u.shape[0]), []  # len(u) would fix the batch of an exported graph
        for chunk in torch.split(u, CHUNK, dim=1):
            if torch.is_grad_enabled() and u.shape[1] > CHUNK:
                part, modes = checkpoint(self._chunk, chunk, modes, use_reentrant=False)
            else:
                part, modes = self._chunk(chunk, modes)
            said.append(part)
        return said[0] if len(said) == 1 else torch.cat(said, dim=1)

    def step(self, u: Tensor, modes: Tensor) -> tuple[Tensor, Tensor]:
        """[b, inner] and the modes before it to [b, inner] and the modes after it."""
        a, b, c = self.recurrence(u.unsqueeze(1))
        modes = a[:, 0] * modes + b[:, 0]
        return self._read(modes.unsqueeze(1), c, u.unsqueeze(1)).squeeze(1), modes

    def _chunk(self, u: Tensor, modes: Tensor) -> tuple[Tensor, Tensor]:
        a, b, c = self.recurrence(u)
        # What came before enters with the first step; then the scan may start from nothing.
        b = torch.cat([torch.addcmul(b[:, :1], a[:, :1], modes.unsqueeze(1)), b[:, 1:]], dim=1)
        h = linear_scan(a, b)
        return self._read(h, c, u), h[:, -1]

    def _read(self, h: Tensor, c: Tensor, u: Tensor) -> Tensor:
        return (c * h).sum(dim=-1) + self.skip * u


class SelectiveCore(Core):
    """Mamba's: real modes that fade at 1, 2, 3, ... times a step size; it, writing and reading depend on the input."""

    def __init__(self, inner: int, states: int) -> None:
        super().__init__(inner, states)
        rank = max(1, inner // 32)
        self.select = nn.Linear(inner, rank + 2 * states, bias=False)
        self.step_size = nn.Linear(rank, inner)
        self.log_decay = nn.Parameter(torch.arange(1, states + 1, dtype=torch.float32).log().repeat(inner, 1))
        with torch.no_grad():
            self.step_size.bias.copy_(first_step_sizes(inner).expm1().log())

    def recurrence(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Core`; zero-order hold for what is kept, Euler's step for what is written, as in the paper."""
        rank, states = self.step_size.in_features, self.states
        size, write, read = self.select(u).split([rank, states, states], dim=-1)
        size = softplus(self.step_size(size))
        keep = torch.exp(size.unsqueeze(-1) * -self.log_decay.exp())
        return keep, (size * u).unsqueeze(-1) * write.unsqueeze(2), read.unsqueeze(2)


class DiagonalCore(Core):
    """S4D: complex modes in pairs, of which one is held; both are read as twice its real part."""

    def __init__(self, inner: int, states: int) -> None:
        super().__init__(inner, states)
        self.log_step = nn.Parameter(first_step_sizes(inner).log()[:, None])
        self.log_decay = nn.Parameter(torch.full((inner, states), math.log(0.5)))
        self.turn = nn.Parameter(math.pi * torch.arange(states, dtype=torch.float32).repeat(inner, 1))
        self.read = nn.Parameter(torch.randn(inner, states, 2) / math.sqrt(2 * states))

    def start(self, batch: int) -> Tensor:
        """The modes before the first bar: complex [b, inner, states]."""
        return torch.complex(held := super().start(batch), held)

    def forward(self, u: Tensor) -> Tensor:
        """[b, n, inner] to the same. ONNX has no complex numbers: an exported graph convolves in real ones."""
        return self.convolved(u) if torch.compiler.is_exporting() else super().forward(u)

    def convolved(self, u: Tensor) -> Tensor:
        """What `forward` gives, as a causal convolution with the response to a single 1: n^2 products a channel."""
        bars = u.shape[1]
        step, decay = self.log_step.exp(), self.log_decay.exp()
        fade, angle = torch.exp(-step * decay), step * self.turn
        # What is written of an input, (keep - 1) / rate, times how it is read, each as a real and an imaginary part.
        size = decay.square() + self.turn.square()
        real, imaginary = fade * angle.cos() - 1.0, fade * angle.sin()
        write_real = (imaginary * self.turn - real * decay) / size
        write_imaginary = -(real * self.turn + imaginary * decay) / size
        read_real, read_imaginary = self.read[..., 0], self.read[..., 1]
        along = write_real * read_real - write_imaginary * read_imaginary
        across = write_real * read_imaginary + write_imaginary * read_real
        ago = torch.arange(bars - 1, -1, -1, dtype=u.dtype, device=u.device)
        turned = angle.unsqueeze(-1) * ago
        modes = along.unsqueeze(-1) * turned.cos() - across.unsqueeze(-1) * turned.sin()
        response = 2.0 * (torch.exp(-(step * decay).unsqueeze(-1) * ago) * modes).sum(dim=1)
        said = conv1d(pad(u.transpose(1, 2), (bars - 1, 0)), response.unsqueeze(1), groups=self.inner)
        return said.transpose(1, 2) + self.skip * u

    def recurrence(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Core`; zero-order hold."""
        rate = torch.complex(-self.log_decay.exp(), self.turn)
        keep = torch.exp(self.log_step.exp() * rate)
        write = (keep - 1.0) / rate * u.unsqueeze(-1)
        return keep.expand_as(write), write, torch.view_as_complex(self.read)

    def _read(self, h: Tensor, c: Tensor, u: Tensor) -> Tensor:
        return 2.0 * (c * h).sum(dim=-1).real + self.skip * u


def first_step_sizes(inner: int) -> Tensor:
    """From `SLOWEST` to `FASTEST`, evenly by magnitude."""
    return torch.logspace(math.log10(SLOWEST), math.log10(FASTEST), inner)


CORES: dict[str, Callable[[int, int], Core]] = {"selective": SelectiveCore, "s4d": DiagonalCore}
