"""The one data path of the nets: batches of windows, gathered as they are needed, each a function of seed and step."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float32, Int64
from gnomon.models.supervised import Labels
from gnomon.samples.windows import gather_windows


class Batch(NamedTuple):
    """Windows float32 [b, length, f] without NaN, classes int64 [b], forward returns and weights float32 [b]."""

    x: Tensor
    y: Tensor
    forward_return: Tensor
    weight: Tensor
    share: Tensor
    """What its mean loss counts for: 1, or more or less where processes share a batch of unequal weights."""


def tidy(windows: Float32[Array, "b length f"], clip: float | None) -> Tensor:
    """What a network sees of windows (changed in place): a missing feature is 0, large ones are cut."""
    x = torch.from_numpy(windows)
    x.nan_to_num_(nan=0.0)
    return x if clip is None else x.clamp_(-clip, clip)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """All windows that are learned from. The rows stay where they are; a batch alone is copied.

    Arrays are held as tensors, which processes that train together share rather than copy.
    """

    x: Tensor
    ends: Tensor
    """The row at which each window ends, int64 [m]."""
    y: Tensor
    forward_return: Tensor
    weight: Tensor
    length: int
    clip: float | None

    @classmethod
    def of(
        cls,
        x: Float32[Array, "n f"],
        labels: Labels,
        length: int,
        clip: float | None,
    ) -> Windows:
        """The windows that end at the labelled rows."""
        return cls(
            x=_as_tensor(x),
            ends=torch.from_numpy(labels.rows),
            y=torch.from_numpy(labels.y),
            forward_return=torch.from_numpy(labels.future.astype(np.float32)),
            weight=torch.from_numpy(labels.weight.astype(np.float32)),
            length=length,
            clip=clip,
        )

    def __len__(self) -> int:
        return len(self.ends)

    def batch(self, items: Int64[Array, " b"], share: float = 1.0) -> Batch:
        """The given windows with their labels."""
        at = torch.from_numpy(items)
        windows = gather_windows(self.x.numpy(), self.ends.numpy()[items], self.length)
        return Batch(
            tidy(windows, self.clip),
            self.y[at],
            self.forward_return[at],
            self.weight[at],
            torch.tensor(share, dtype=torch.float32),
        )


@dataclass
class Schedule:
    """Which windows each step takes: every window once an epoch, in an order drawn from seed and epoch.

    `rank` of `world` processes takes its part of each step's windows.
    """

    windows: Windows
    batch_size: int
    seed: int
    rank: int = 0
    world: int = 1
    _order: tuple[int, Int64[Array, " m"]] = field(default=(-1, np.empty(0, np.int64)), repr=False)

    @property
    def steps(self) -> int:
        """Steps of an epoch; the windows are shared out so that no batch is much smaller than another."""
        return -(-len(self.windows) // self.batch_size)

    def at(self, step: int) -> Batch:
        """The batch of a step, counted from the first of the fit."""
        epoch, place = divmod(step, self.steps)
        if self._order[0] != epoch:
            drawn = generator(self.seed, "batches", str(epoch)).permutation(len(self.windows))
            self._order = epoch, drawn
        edges = np.linspace(0, len(self.windows), self.steps + 1).astype(np.int64)
        items = self._order[1][edges[place] : edges[place + 1]]
        if self.world == 1:
            return self.windows.batch(items)
        mine = np.array_split(items, self.world)[self.rank]
        weight = self.windows.weight.numpy()
        # The mean over processes of (share x own mean loss) is the mean loss of the whole batch.
        share = self.world * float(weight[mine].sum()) / float(weight[items].sum())
        return self.windows.batch(mine, share)

    def parts(self) -> list[Int64[Array, " b"]]:
        """All windows in order, cut into this process's batches: for judging, not for learning."""
        total = len(self.windows)
        cuts = [np.arange(at, min(at + self.batch_size, total)) for at in range(0, total, self.batch_size)]
        return cuts[self.rank :: self.world]


def _as_tensor(x: Float32[Array, "n f"]) -> Tensor:
    """The same memory, also where it is read-only, as samples opened from disk are; nothing here writes into it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(x)
