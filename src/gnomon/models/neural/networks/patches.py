"""Windows cut into patches that end at the last bar, so that a long window is few tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad


def patch_rows(length: int, most: int) -> int:
    """Rows a patch has so that `length` rows are at most `most` patches.

    >>> patch_rows(64, 256), patch_rows(4096, 256), patch_rows(300, 256)
    (1, 16, 2)
    """
    return math.ceil(length / most)


def patched(x: Tensor, rows: int) -> Tensor:
    """[b, length, features] to [b, patches, rows * features]; the first patch is filled up with zeros before it."""
    batch, length, features = x.shape
    missing = -length % rows
    return pad(x, (0, 0, missing, 0)).reshape(batch, (length + missing) // rows, rows * features)


def extended(series: Tensor, steps: int) -> Tensor:
    """[b, series, length] with its first value repeated `steps` times before it.

    As `pad` in its mode `replicate` does, whose gradient on a GPU is not the same every time.
    """
    return torch.cat([series[:, :, :1].expand(-1, -1, steps), series], dim=2)
