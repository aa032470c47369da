"""Sample weights: how much of a label's life it had to itself."""

from __future__ import annotations

import numpy as np

from gnomon.core.types import Array, Float64, Int64
from gnomon.kernels import barriers


def average_uniqueness(
    first: Int64[Array, " n"], last: Int64[Array, " n"], *, bars: int | None = None
) -> Float64[Array, " n"]:
    """Average uniqueness of labels that span the bars `first` to `last`, both inclusive, counted from 0.

    At each bar a label has one over the number of labels alive there; its weight is the mean over its bars, in (0, 1].
    A span with `last < first` is no label: it counts nowhere and weighs 0. `bars` is the length of the history; by
    default it ends with the last label. A label's weight is known when the label is: later bars never change it.

    Labels over the bars {1, 2, 3}, {3, 4} and {5, 6} (López de Prado 2018, 4.5.3):

    >>> average_uniqueness(np.array([1, 3, 5]), np.array([3, 4, 6])).round(4).tolist()
    [0.8333, 0.75, 1.0]
    """
    first, last = np.asarray(first, np.int64), np.asarray(last, np.int64)
    if first.shape != last.shape or first.ndim != 1:
        raise ValueError(f"first and last must be two lists of one length, were {first.shape} and {last.shape}")
    needed = int(last.max()) + 1 if last.size else 0
    bars = needed if bars is None else bars
    held = first <= last
    if held.any() and (int(first[held].min()) < 0 or needed > bars):
        raise ValueError(f"spans run from bar {first[held].min()} to {needed - 1}, outside the {bars} bars there are")
    weights = np.zeros(first.size)
    barriers.average_uniqueness(first, last, bars, weights)
    return weights
