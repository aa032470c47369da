"""Sample weights: labels overlap and grow old, so that some tell less than others.

The functions take spans of bars, first to last, both inclusive; `label_spans` gives those of a table of labels.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64, Int64
from gnomon.kernels import barriers

KEYS = ["symbol", "timestamp"]


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
    first, last = _spans(first, last)
    bars = _inside(first, last, bars)
    weights = np.zeros(first.size)
    barriers.average_uniqueness(first, last, bars, weights)
    return weights


def return_attribution(
    first: Int64[Array, " n"], last: Int64[Array, " n"], close: Float64[Array, " bars"]
) -> Float64[Array, " n"]:
    """Weights by the return that is a label's own: |sum over its bars of the log return / labels alive there|.

    A label of a large move that it shares with few others counts for more. Zero or missing prices count 0. The weights
    are not scaled (models bring theirs to a mean of 1): so a weight that is known never changes with later bars.

    Reference: López de Prado 2018, 4.6.

    >>> close = np.array([100.0, 110.0, 110.0, 99.0])
    >>> return_attribution(np.array([1, 1]), np.array([1, 3]), close).round(4).tolist()
    [0.0477, 0.0577]
    """
    first, last = _spans(first, last)
    close = np.asarray(close, np.float64)
    _inside(first, last, close.size)
    prices = np.where((close > 0) & np.isfinite(close), close, np.nan)
    weights = np.empty(first.size)
    barriers.attributed_return(first, last, np.diff(np.log(prices), prepend=np.nan), weights)
    return weights


def time_decay(uniqueness: Float64[Array, " n"], *, oldest: float) -> Float64[Array, " n"]:
    """Factors that let older labels count for less, for labels in the order of time; the newest has 1.

    They fall in a straight line along the uniqueness that has gathered, not along the clock: where labels overlap they
    age together. `oldest` is what the line would give at the beginning: 1 for no decay, 0 to let it fall to nothing
    there; below 0 the oldest share of that size counts nothing at all. For training rows only: the factors depend on
    where the history ends.

    Reference: López de Prado 2018, 4.7.

    >>> time_decay(np.ones(4), oldest=0.5).tolist()
    [0.625, 0.75, 0.875, 1.0]
    >>> time_decay(np.ones(4), oldest=-0.5).tolist()
    [0.0, 0.0, 0.5, 1.0]
    """
    if not -1 < oldest <= 1:
        raise ValueError(f"oldest must be above -1 and at most 1, was {oldest}")
    uniqueness = np.asarray(uniqueness, np.float64)
    if (~np.isfinite(uniqueness) | (uniqueness < 0)).any():
        raise ValueError("uniqueness must be numbers of at least 0")
    age = np.cumsum(uniqueness)
    if not age.size or age[-1] == 0:
        return np.ones(age.size)
    slope = (1.0 - oldest) / age[-1] if oldest >= 0 else 1.0 / ((oldest + 1.0) * age[-1])
    return np.asarray(np.maximum(1.0 - slope * (age[-1] - age), 0.0))


def sequential_bootstrap(
    first: Int64[Array, " n"], last: Int64[Array, " n"], *, rng: np.random.Generator, size: int | None = None
) -> Int64[Array, " size"]:
    """Draws labels with replacement, each with a chance by how little it overlaps those drawn before; their numbers.

    The chance of a label is proportional to its average uniqueness were it drawn next. So the draws are closer to
    independent ones than those of the plain bootstrap. Empty spans are never drawn. `size` is the number of labels by
    default.

    Reference: López de Prado 2018, 4.5.

    >>> drawn = sequential_bootstrap(np.array([1, 3, 5]), np.array([3, 4, 6]), rng=np.random.default_rng(1))
    >>> drawn.shape, set(drawn.tolist()) <= {0, 1, 2}
    ((3,), True)
    """
    first, last = _spans(first, last)
    _inside(first, last, None)
    labels = np.flatnonzero(first <= last)
    size = labels.size if size is None else size
    if size < 0 or (size and not labels.size):
        raise ValueError(f"{size} labels cannot be drawn from {labels.size}")
    labels = labels[np.argsort(first[labels], kind="stable")]
    drawn = np.empty(size, np.int64)
    # Bars are counted from the first label on: a late start costs no memory.
    begin = first[labels[0]] if labels.size else 0
    barriers.sequential_bootstrap(first[labels] - begin, last[labels] - begin, rng.random(size), drawn)
    return labels[drawn]


def label_spans(labels: pl.DataFrame, bars: pl.DataFrame) -> tuple[Int64[Array, " n"], Int64[Array, " n"]]:
    """The bars over which each row of a table of labels was alive, one after its entry to its end: first and last.

    Bars are numbered in the order of symbol and time, so that labels of different symbols never overlap. A row that is
    not decided has an empty span (last < first). Take the labels of one horizon: those of several overlap by nature.
    Raises DataError for labels that are at no bar.
    """
    numbered = bars.select(KEYS).sort(KEYS).with_row_index("_bar")
    found = labels.join(numbered, on=KEYS, how="left", maintain_order="left").join(
        numbered.rename({"timestamp": "label_end", "_bar": "_end"}),
        on=["symbol", "label_end"],
        how="left",
        maintain_order="left",
    )
    stray = found["_bar"].is_null() | (found["label_end"].is_not_null() & found["_end"].is_null())
    if stray.any():
        row = labels.filter(stray).row(0, named=True)
        raise DataError(
            f"{stray.sum()} labels begin or end at no bar, first {row['symbol']} at {row['timestamp']}; "
            "give the bars that were labelled"
        )
    first = found["_bar"].cast(pl.Int64).to_numpy() + 1
    last = found["_end"].cast(pl.Int64).fill_null(-1).to_numpy()
    return first, np.where(found["label"].is_null().to_numpy(), -1, last)


def _spans(first: Int64[Array, " n"], last: Int64[Array, " n"]) -> tuple[Int64[Array, " n"], Int64[Array, " n"]]:
    first, last = np.asarray(first, np.int64), np.asarray(last, np.int64)
    if first.shape != last.shape or first.ndim != 1:
        raise ValueError(f"first and last must be two lists of one length, were {first.shape} and {last.shape}")
    return first, last


def _inside(first: Int64[Array, " n"], last: Int64[Array, " n"], bars: int | None) -> int:
    """The length of the history. ValueError for spans that leave it."""
    needed = int(last.max()) + 1 if last.size else 0
    bars = needed if bars is None else bars
    held = first <= last
    if held.any() and (int(first[held].min()) < 0 or needed > bars):
        raise ValueError(f"spans run from bar {first[held].min()} to {needed - 1}, outside the {bars} bars there are")
    return bars
