"""Windows of the last rows of each symbol: what sequence models see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Bool, Float32, Int32, Int64
from gnomon.samples.base import Samples


@dataclass(frozen=True, kw_only=True, eq=False)
class TimeSeriesDataset:
    """Windows of `length` rows that end at a sample; none crosses a symbol, a gap, or a seam of the split.

    `dataset[i]` is a view of shape [length, f], `dataset.rows[i]` the sample it ends at. `samples.windows(length)`
    makes one.
    """

    samples: Samples
    length: int
    rows: Int64[Array, " m"] = field(init=False)
    """The sample at which each window ends, whose label it carries."""

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"length must be 1 row or more, was {self.length}")
        object.__setattr__(self, "rows", np.flatnonzero(whole_windows(self.samples.segment, self.length)))

    @property
    def windows(self) -> Float32[Array, "k length f"]:
        """Every run of `length` rows, as a view that copies nothing; number r - length + 1 ends at row r.

        Only those in `rows` are whole: index it with `rows - length + 1`, or take items and batches.
        """
        if len(self.samples) < self.length:
            raise DataError(
                f"{len(self.samples)} rows are fewer than one window of {self.length}; bring a longer history"
            )
        return np.lib.stride_tricks.sliding_window_view(self.samples.x, self.length, axis=0).transpose(0, 2, 1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, item: int) -> Float32[Array, "length f"]:
        """The window that ends at sample `rows[item]`: a view."""
        last = int(self.rows[item])
        return self.samples.x[last - self.length + 1 : last + 1]

    def batch(self, items: Int64[Array, " m"]) -> Float32[Array, "m length f"]:
        """The given windows, copied into one array."""
        return gather_windows(self.samples.x, self.rows[items], self.length)


def whole_windows(segment: Int32[Array, " n"], length: int) -> Bool[Array, " n"]:
    """For each row, whether the `length` rows that end at it are of one segment."""
    whole = np.zeros(len(segment), bool)
    if len(segment) >= length:
        # Segments are contiguous, so a window within one begins and ends with the same number.
        whole[length - 1 :] = segment[length - 1 :] == segment[: len(segment) - length + 1]
    return whole


def gather_windows(x: Float32[Array, "n f"], ends: Int64[Array, " m"], length: int) -> Float32[Array, "m length f"]:
    """The windows that end at the given rows, in one new array; nothing else is copied."""
    features = x.shape[1]
    if not len(ends) or not x.flags.c_contiguous:
        return np.asarray(x[ends[:, None] + np.arange(1 - length, 1)])
    # A window is one run of memory, so that a batch is copied run by run, not number by number.
    runs = np.lib.stride_tricks.as_strided(
        x, (len(x) - length + 1, length * features), (x.strides[0], x.itemsize), writeable=False
    )
    return np.asarray(runs[ends - length + 1].reshape(len(ends), length, features))


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined:
    """The rows of a chunk behind those that a state carried: `ends[i]` is the place of the chunk's row i in `x`."""

    x: Float32[Array, "n f"]
    ends: Int64[Array, " m"]
    whole: Bool[Array, " m"]
    """Whether a whole window ends at the row."""


@dataclass(kw_only=True, eq=False)
class WindowState:
    """The last rows of each symbol, carried from one chunk of samples to the next: state in, chunk in, state out.

    With it, windows do not depend on how the rows were cut into chunks. A chunk is sorted like all samples and its rows
    come after those carried. A first row that comes more than `gap` after the last one carried begins a new run.
    """

    length: int
    """Rows of a window; one less is carried."""
    gap: int
    """The longest step between two rows of a window that lie in different chunks (microseconds)."""
    last: dict[str, int] = field(default_factory=dict)
    """When the last row of each symbol became known (UTC, microseconds)."""
    rows: dict[str, Float32[Array, "k f"]] = field(default_factory=dict)
    """The rows carried, oldest first."""

    def join(self, samples: Samples) -> Joined:
        """The chunk behind what was carried, which it becomes part of. DataError for rows that are not later."""
        n, pieces, segments, ends = len(samples), [], [], np.empty(len(samples), np.int64)
        starts = np.flatnonzero(np.diff(samples.symbol, prepend=-1))
        place = number = 0
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), n], strict=True):
            name = samples.symbols[samples.symbol[start]]
            carried = self._carried(name, samples, start)
            chunk, segment = samples.x[start:stop], samples.segment[start:stop]
            ran_on = np.concatenate([np.full(len(carried), segment[0]), segment]) - segment[0] + number
            whole = np.concatenate([carried, chunk])
            ends[start:stop] = place + len(carried) + np.arange(stop - start)
            pieces.append(whole)
            segments.append(ran_on)
            place, number = place + len(whole), int(ran_on[-1]) + 1
            kept = min(self.length - 1, int((ran_on == ran_on[-1]).sum()))
            self.rows[name] = whole[len(whole) - kept :].copy()
            self.last[name] = int(samples.known_at[stop - 1])
        x = np.concatenate(pieces) if pieces else np.empty((0, samples.x.shape[1]), np.float32)
        run = np.concatenate(segments) if segments else np.empty(0, np.int32)
        return Joined(x=x, ends=ends, whole=whole_windows(run, self.length)[ends])

    def _carried(self, name: str, samples: Samples, start: int) -> Float32[Array, "k f"]:
        none = np.empty((0, samples.x.shape[1]), np.float32)
        if name not in self.last:
            return none
        step = int(samples.known_at[start]) - self.last[name]
        if step <= 0:
            raise DataError(
                f"the rows of {name} must come after those already seen: the first is {-step} microseconds before the "
                "last one, or at it; feed each row once, in the order of time"
            )
        return self.rows[name] if step <= self.gap else none

    def arrays(self) -> dict[str, Any]:
        """Itself as plain values and arrays, to be saved; `from_arrays` makes it again."""
        return {"length": self.length, "gap": self.gap, "last": dict(self.last), "rows": dict(self.rows)}

    @classmethod
    def from_arrays(cls, held: Mapping[str, Any]) -> Self:
        """The state of `arrays`."""
        return cls(length=held["length"], gap=held["gap"], last=dict(held["last"]), rows=dict(held["rows"]))


def with_context(samples: Samples, rows: Int64[Array, " m"], context: int) -> tuple[Samples, Int64[Array, " m"]]:
    """The given rows (sorted) and up to `context` rows of the same run before each, and where the given rows now are.

    What came before a row was known at its time, so to *predict* with it is no leak, whatever part of a split it is in.
    """
    if context == 0 or not len(rows):
        return samples.take(rows), np.arange(len(rows))
    n = len(samples)
    begins = np.flatnonzero(np.diff(samples.segment, prepend=samples.segment[:1] - 1))
    begin = begins[np.searchsorted(begins, rows, side="right") - 1]
    # +1 where a needed span begins, -1 behind its end: rows with a positive sum are needed.
    edges = np.bincount(np.maximum(rows - context, begin), minlength=n + 1) - np.bincount(rows + 1, minlength=n + 1)
    needed = np.flatnonzero(np.cumsum(edges[:n]) > 0)
    return samples.take(needed), np.searchsorted(needed, rows)
