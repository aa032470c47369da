"""Windows of the last rows of each symbol: what sequence models see."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float32, Int64
from gnomon.samples.base import Samples


@dataclass(frozen=True, kw_only=True, eq=False)
class TimeSeriesDataset:
    """Windows of `length` rows that end at a sample; none crosses a symbol, a gap, or a seam of the split.

    `dataset[i]` is a view of shape [length, f], `dataset.rows[i]` the sample it ends at.
    """

    samples: Samples
    length: int
    rows: Int64[Array, " m"] = field(init=False)
    """The sample at which each window ends, whose label it carries."""

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"length must be 1 row or more, was {self.length}")
        segment = self.samples.segment
        last = np.arange(self.length - 1, len(segment))
        # Segments are contiguous, so a window within one begins and ends with the same number.
        whole = last[segment[last] == segment[last - self.length + 1]] if last.size else last
        object.__setattr__(self, "rows", whole.astype(np.int64))

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
        return np.asarray(self.windows[self.rows[items] - self.length + 1])
