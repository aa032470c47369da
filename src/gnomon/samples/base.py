"""What models see and say: `Samples` in, `Forecast` out. Arrays only, one row a symbol and moment."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from gnomon.core.types import Array, Bool, Float32, Float64, Int8, Int32, Int64

if TYPE_CHECKING:
    import polars as pl

    from gnomon.data.frames import Frame
    from gnomon.samples.windows import TimeSeriesDataset

UNKNOWN_END = np.iinfo(np.int64).max
"""`label_end` of a label that the data end too early to decide: later than every test, so purging removes it."""

CLASSES = (-1, 0, 1)
"""The columns of `Forecast.probability`: short, flat, long."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Rows to learn from, sorted by symbol, then `known_at`.

    known_at: when the row became knowable (UTC, microseconds). symbol: index into `symbols`. segment: rows of one
    symbol that follow each other without a gap share a number, and windows stay within it. prices: by `price_names`, at
    the row's own bar. Per horizon (bars ahead): y in {-1, 0, 1}, label_end (`UNKNOWN_END` while undecided),
    forward_return as a fraction, weight (0 while undecided).
    """

    x: Float32[Array, "n f"]
    known_at: Int64[Array, " n"]
    symbol: Int32[Array, " n"]
    segment: Int32[Array, " n"]
    prices: Float64[Array, "n k"]
    y: Int8[Array, "n h"]
    label_end: Int64[Array, "n h"]
    forward_return: Float64[Array, "n h"]
    weight: Float32[Array, "n h"]
    symbols: tuple[str, ...]
    feature_names: tuple[str, ...]
    price_names: tuple[str, ...]
    horizons: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.known_at)

    @property
    def last_label_end(self) -> Int64[Array, " n"]:
        """When the last of a row's labels became known: what purging goes by."""
        return np.asarray(self.label_end.max(axis=1)) if self.label_end.shape[1] else self.known_at

    def take(self, rows: Int64[Array, " m"]) -> Self:
        """The given rows, in the given order (keep it sorted); a segment breaks where rows between are left out."""
        per_row = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        breaks = (np.diff(rows) != 1) | (np.diff(per_row["segment"]) != 0)
        per_row["segment"] = np.concatenate([[0], np.cumsum(breaks)])[: len(rows)].astype(np.int32)
        return replace(self, **per_row)

    def horizon(self, bars: int) -> int:
        """The column of a horizon. Raises ValueError that lists the horizons there are."""
        if bars not in self.horizons:
            raise ValueError(f"no labels at horizon {bars}; the samples carry {list(self.horizons)}")
        return self.horizons.index(bars)

    def windows(self, length: int) -> TimeSeriesDataset:
        """The windows of `length` rows: views that cross no symbol, gap or seam of a split, and copy nothing."""
        from gnomon.samples.windows import TimeSeriesDataset

        return TimeSeriesDataset(samples=self, length=length)


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast:
    """What every model family says: probabilities of (short, flat, long) at one horizon, one row a symbol and moment.

    Optional: `quantiles[n, q]` of the forward return at `quantile_levels`; `allowed[n, 3]`, a conformal set or an
    abstention (a row with no class allowed); `uncalibrated[n, 3]`, what the model said before it was calibrated.
    """

    probability: Float64[Array, "n 3"]
    known_at: Int64[Array, " n"]
    symbol: Int32[Array, " n"]
    symbols: tuple[str, ...]
    horizon: int
    quantiles: Float64[Array, "n q"] | None = None
    quantile_levels: tuple[float, ...] = ()
    allowed: Bool[Array, "n 3"] | None = None
    uncalibrated: Float64[Array, "n 3"] | None = None

    def __len__(self) -> int:
        return len(self.known_at)

    def take(self, rows: Int64[Array, " m"]) -> Self:
        """The given rows, in the given order."""
        per_row = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if isinstance(getattr(self, field.name), np.ndarray)
        }
        return replace(self, **per_row)

    def edge(self) -> Float64[Array, " n"]:
        """Probability of long minus probability of short, in [-1, 1]."""
        return np.asarray(self.probability[:, 2] - self.probability[:, 0])

    def checked(self) -> Self:
        """Itself, when it is a forecast; DataError names the first row that is none."""
        from gnomon.samples.forecast import check_forecast

        check_forecast(self)
        return self

    def to_frame(self) -> pl.DataFrame:
        """A table: timestamp, symbol, horizon, probability_short, probability_flat, probability_long.

        Quantiles add `quantile_<level>`, allowed classes `allowed_short`, `allowed_flat`, `allowed_long`,
        probabilities before calibration `uncalibrated_short`, `uncalibrated_flat`, `uncalibrated_long`.
        """
        from gnomon.samples.forecast import forecast_to_frame

        return forecast_to_frame(self)

    @classmethod
    def from_frame(cls, frame: Frame) -> Self:
        """The forecast of a table as `to_frame` gives it, a person's own too, in polars or pandas.

        DataError says what is wrong with it.
        """
        from gnomon.samples.forecast import fields_from_frame

        return cls(**fields_from_frame(frame)).checked()
