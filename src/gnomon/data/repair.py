"""Repairs of bars: done only where the config names them, in its order, and counted.

Every repair here is causal: a bar that is later than t never changes what becomes of the bars up to t. A statistic
comes from a trailing window, or from training rows (up to `train_end`); for those it is causal from `train_end` on. So
what a repair does in research it also does live.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError, unknown
from gnomon.core.registry import Registry
from gnomon.core.types import Array, Bool, Float64, Int64
from gnomon.data.base import PRICES
from gnomon.data.calendars import expected_stamps, parse_frequency
from gnomon.data.checks.stale import repeats
from gnomon.data.checks.values import RULES

ROWS = "row"
"""The column named in a count that is of whole rows."""
BLOCK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class RepairCount:
    """How much one repair did: rows "dropped" or "added" (`column` is "row"), values "changed", rows "moved"."""

    repair: str
    action: Literal["dropped", "added", "changed", "moved"]
    symbol: str
    column: str
    count: int


class Repair(ABC):
    """One way to mend bars. A plug-in is a frozen dataclass with this method, registered in `REPAIRS`."""

    @abstractmethod
    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Mended bars and what was done. `bars` are sorted by symbol and timestamp (except for `sort`)."""


REPAIRS: Registry[Repair] = Registry("repair")


def repair_bars(
    bars: pl.DataFrame, steps: Sequence[Repair | Mapping[str, Any]], *, train_end: datetime | None = None
) -> tuple[pl.DataFrame, list[RepairCount]]:
    """Applies repairs in order. Bars that no step names stay bit for bit as they are.

    `steps`: repairs, or config sections such as {"kind": "drop", "checks": ["ohlc"]}. `train_end`: the last moment of
    the training rows, for statistics. Raises ConfigError for a repair that cannot be built, DataError for bars that are
    out of order and not sorted first, or when nothing is left.

    >>> from datetime import UTC, datetime
    >>> bars = pl.DataFrame({"timestamp": [datetime(2020, 1, d, tzinfo=UTC) for d in (1, 2)], "symbol": "A",
    ...     "open": 1.0, "high": 1.0, "low": 1.0, "close": [1.0, 0.0], "volume": 5.0})
    >>> mended, counts = repair_bars(bars, [{"kind": "drop_nonpositive"}])
    >>> mended.height, counts[0].count
    (1, 1)
    """
    counts: list[RepairCount] = []
    for place, step in enumerate(steps):
        where = f"data.repair[{place}]"
        repair = REPAIRS.from_config(step, where=where) if isinstance(step, Mapping) else step
        if isinstance(repair, Winsorise) and repair.train_end is None:
            repair = replace(repair, train_end=train_end)
        if not isinstance(repair, Sort):
            _require_order(bars, where)
        bars, done = repair.apply(bars)
        counts.extend(done)
        if bars.is_empty():
            raise DataError(f"{where} ({type(repair).__name__}) left no bars; the data is not what it is said to be")
    return bars, counts


def counts_frame(counts: Sequence[RepairCount]) -> pl.DataFrame:
    """The counts as a table: repair, action, symbol, column, count."""
    names = ("repair", "action", "symbol", "column")
    schema = {**dict.fromkeys(names, pl.String), "count": pl.Int64}
    return pl.DataFrame([asdict(count) for count in counts], schema=schema)


@REPAIRS.register(name="sort")
@dataclass(frozen=True, kw_only=True)
class Sort(Repair):
    """Puts bars in order of symbol and timestamp; equal ones keep their order."""

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the rows that stood elsewhere."""
        ordered = bars.with_row_index("gnomon.row").sort("symbol", "timestamp", maintain_order=True)
        moved = ordered.filter(pl.col("gnomon.row") != pl.int_range(pl.len()))
        return ordered.drop("gnomon.row"), _per_symbol("sort", "moved", moved)


@REPAIRS.register(name="deduplicate")
@dataclass(frozen=True, kw_only=True)
class Deduplicate(Repair):
    """Leaves one bar for a symbol and a moment: the first (what a live feed had), the last, or none of them."""

    keep: Literal["first", "last", "none"] = "first"

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the rows dropped."""
        one = pl.struct("symbol", "timestamp")
        keep = {"first": one.is_first_distinct(), "last": one.is_last_distinct(), "none": ~one.is_duplicated()}
        return _dropped("deduplicate", bars, ~bars.select(keep[self.keep]).to_series())


@REPAIRS.register(name="drop")
@dataclass(frozen=True, kw_only=True)
class Drop(Repair):
    """Drops bars that fail a check by themselves.

    Those are nulls, non_finite, non_positive, negative_volume, ohlc, zero_volume and stale; a bar is stale from the
    `stale_bars`-th equal one in a row on, for those before it were not yet known to be.
    Jumps and wrong units are seen only when the price has come back, which a repair must not wait for: use `hampel`.
    """

    checks: tuple[str, ...]
    stale_bars: int = 10

    def __post_init__(self) -> None:
        """Refuses checks that are not a matter of one bar."""
        known = [*(rule.name for rule in RULES), "zero_volume", "stale"]
        for name in self.checks:
            if name in {"jumps", "units", "splits"}:
                raise ConfigError(
                    f"drop cannot take the check {name!r}: it looks at later bars; use the repair `hampel`"
                )
            if name in {"duplicates", "order"}:
                way = {"duplicates": "deduplicate", "order": "sort"}[name]
                raise ConfigError(f"drop cannot take the check {name!r}; use the repair `{way}`")
            if name not in known:
                raise ConfigError(unknown("check", name, known, where="drop.checks"))
        if self.stale_bars < 2:
            raise ConfigError(f"drop.stale_bars must be 2 or more, was {self.stale_bars}")

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the rows dropped for each check, in the order of `checks`."""
        counts: list[RepairCount] = []
        for name in self.checks:
            bars, done = _dropped(f"drop.{name}", bars, bars.select(self._fails(name)).to_series())
            counts.extend(done)
        return bars, counts

    def _fails(self, name: str) -> pl.Expr:
        if name == "zero_volume":
            return (pl.col("volume") == 0).fill_null(value=False)
        if name == "stale":
            run = (~repeats()).cum_sum()
            return pl.int_range(pl.len()).over(run) >= self.stale_bars - 1
        return next(~rule.holds for rule in RULES if rule.name == name)


@REPAIRS.register(name="drop_nonpositive")
@dataclass(frozen=True, kw_only=True)
class DropNonpositive(Repair):
    """Drops bars with a price at or below zero."""

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the rows dropped."""
        rule = next(rule for rule in RULES if rule.name == "non_positive")
        return _dropped("drop_nonpositive", bars, bars.select(~rule.holds).to_series())


@REPAIRS.register(name="forward_fill")
@dataclass(frozen=True, kw_only=True)
class ForwardFill(Repair):
    """Adds up to `limit` bars where bars are missing: the last close as all four prices, no volume, other columns null.

    Missing is what `calendar` and `frequency` say, or every `frequency` without a calendar, or, without either, the
    moments at which some other symbol has a bar. A symbol that never comes back is filled too, for at its last bar
    nobody knows that; never beyond the last moment of the data.
    """

    limit: int
    frequency: str | None = None
    calendar: str | None = None

    def __post_init__(self) -> None:
        """Refuses a limit below one and a calendar without a frequency."""
        if self.limit < 1:
            raise ConfigError(f"forward_fill.limit must be 1 or more, was {self.limit}")
        if self.frequency is not None:
            parse_frequency(self.frequency)
        elif self.calendar is not None:
            raise ConfigError("forward_fill needs `frequency` beside `calendar`: how long a bar is")

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the rows added."""
        stamps = bars["timestamp"].cast(pl.Int64).to_numpy()
        ids = bars["symbol"].rle_id().to_numpy()
        last = stamps.max()
        # The next bar of the symbol; at its last one, everything up to the end of the data is free.
        following = np.append(stamps[1:], last + 1)
        following[np.append(ids[1:] != ids[:-1], True)] = last + 1
        after, moments = self._missing(bars, stamps, following)
        if not len(after):
            return bars, []
        close = bars["close"].gather(after)
        added = pl.DataFrame(
            {
                "timestamp": pl.Series(moments).cast(bars.schema["timestamp"]),
                "symbol": bars["symbol"].gather(after),
                **dict.fromkeys(PRICES, close),
                "volume": np.zeros(len(after)),
            }
        )
        filled = pl.concat([bars, added], how="diagonal").sort("symbol", "timestamp", maintain_order=True)
        return filled, _per_symbol("forward_fill", "added", added)

    def _missing(
        self, bars: pl.DataFrame, stamps: Int64[Array, " n"], following: Int64[Array, " n"]
    ) -> tuple[Int64[Array, " m"], Int64[Array, " m"]]:
        """Which bars are followed by missing ones, and at which moments."""
        found = []
        if self.frequency is not None and self.calendar is None:
            step = round(parse_frequency(self.frequency).total_seconds() * 1e6)
            candidates = [stamps + step * (number + 1) for number in range(self.limit)]
        else:
            grid = self._grid(bars)
            first = np.searchsorted(grid, stamps, side="right")
            padded = np.append(grid, np.full(self.limit, np.iinfo(np.int64).max))
            candidates = [padded[first + number] for number in range(self.limit)]
        for moments in candidates:
            rows = np.flatnonzero(moments < following)
            found.append((rows, moments[rows]))
        return np.concatenate([rows for rows, _ in found]), np.concatenate([moments for _, moments in found])

    def _grid(self, bars: pl.DataFrame) -> Int64[Array, " g"]:
        stamps = bars["timestamp"]
        if self.calendar is None or self.frequency is None:
            return np.asarray(stamps.unique().sort().cast(pl.Int64).to_numpy())
        # Both are moments: bars are never empty here.
        end = stamps.max() + timedelta(microseconds=1)  # type: ignore[operator]
        grid = expected_stamps(self.calendar, self.frequency, stamps.min(), end)  # type: ignore[arg-type]
        return np.asarray(grid.cast(pl.Int64).to_numpy())


@REPAIRS.register(name="winsorise")
@dataclass(frozen=True, kw_only=True)
class Winsorise(Repair):
    """Pulls values beyond two quantiles of their symbol in to them.

    The quantiles come from the `window` values before each bar, or, without a window, from the training rows of the
    symbol (a symbol without any is left alone). Not for prices: their level has no fixed quantiles; use `hampel`.
    """

    columns: tuple[str, ...] = ("volume",)
    lower: float = 0.001
    upper: float = 0.999
    window: int | None = None
    train_end: datetime | None = None
    """The last moment of the training rows; None takes that of `repair_bars`."""

    def __post_init__(self) -> None:
        """Refuses prices, quantiles out of order, and windows below two."""
        for name in self.columns:
            if name in PRICES:
                raise ConfigError(
                    f"winsorise cannot take the price {name!r}: its level trends; use the repair `hampel`"
                )
        if not 0 <= self.lower < self.upper <= 1:
            raise ConfigError(f"winsorise needs 0 <= lower < upper <= 1, had {self.lower} and {self.upper}")
        if self.window is not None and self.window < 2:
            raise ConfigError(f"winsorise.window must be 2 or more, was {self.window}")

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the values changed."""
        if self.window is None and self.train_end is None:
            raise ConfigError("winsorise needs `window` or `train_end` (the last training row): never the whole sample")
        for name in self.columns:
            _require_column(bars, name, "winsorise")
        low = {f"gnomon.low.{name}": self._bound(name, self.lower) for name in self.columns}
        high = {f"gnomon.high.{name}": self._bound(name, self.upper) for name in self.columns}
        bounded = bars.with_columns(**low, **high)
        new = {
            name: _clipped(name, pl.col(f"gnomon.low.{name}"), pl.col(f"gnomon.high.{name}")) for name in self.columns
        }
        return _changed("winsorise", bars, bounded.with_columns(**new).select(bars.columns), self.columns)

    def _bound(self, name: str, quantile: float) -> pl.Expr:
        value = pl.col(name).fill_nan(None)
        if self.window is not None:
            past = value.shift().rolling_quantile(quantile, "linear", self.window, min_samples=self.window)
            return past.over("symbol")
        return value.filter(pl.col("timestamp") <= self.train_end).quantile(quantile, "linear").over("symbol")


@REPAIRS.register(name="clip")
@dataclass(frozen=True, kw_only=True)
class Clip(Repair):
    """Pulls values beyond fixed bounds in to them."""

    columns: tuple[str, ...]
    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        """Refuses no bounds at all, and bounds out of order."""
        if self.lower is None and self.upper is None:
            raise ConfigError("clip needs `lower`, `upper` or both")
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ConfigError(f"clip needs lower <= upper, had {self.lower} and {self.upper}")

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the values changed."""
        for name in self.columns:
            _require_column(bars, name, "clip")
        new = bars.with_columns(_clipped(name, pl.lit(self.lower), pl.lit(self.upper)) for name in self.columns)
        return _changed("clip", bars, new, self.columns)


@REPAIRS.register(name="hampel")
@dataclass(frozen=True, kw_only=True)
class Hampel(Repair):
    """Replaces a value far from the median of the `window` values before it by that median (Hampel 1974).

    Far is more than `sigmas` times 1.4826 times the median absolute deviation of the same window, and more than `floor`
    (a fraction of the median: flat prices have no deviation at all). Prices are measured in logs. The window holds the
    values as they came, so after a lasting jump the median arrives within half a window. Bars with fewer than `window`
    bars before them, or with NaN among those, stay. After a price was replaced, high and low are widened to hold it.
    """

    columns: tuple[str, ...] = PRICES
    window: int = 21
    sigmas: float = 10.0
    floor: float = 0.01

    def __post_init__(self) -> None:
        """Refuses windows below three and thresholds at or below zero."""
        if self.window < 3:
            raise ConfigError(f"hampel.window must be 3 or more, was {self.window}")
        if self.sigmas <= 0 or self.floor < 0:
            raise ConfigError(f"hampel needs sigmas > 0 and floor >= 0, had {self.sigmas} and {self.floor}")

    def apply(self, bars: pl.DataFrame) -> tuple[pl.DataFrame, list[RepairCount]]:
        """Counts the values changed, those of a widened high or low too."""
        starts = _positions(bars)
        new: dict[str, pl.Expr] = {}
        touched = np.zeros(bars.height, dtype=bool)
        for name in self.columns:
            _require_column(bars, name, "hampel")
            values = bars[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            mended, hit = self._mend(values, starts, log=name in PRICES)
            if not hit.any():
                continue
            new[name] = pl.when(pl.Series(hit)).then(pl.Series(mended)).otherwise(name)
            if name in PRICES:
                touched |= hit
        mended_bars = bars.with_columns(**new)
        if touched.any():
            hit_rows = pl.Series(touched)
            mended_bars = mended_bars.with_columns(
                high=pl.when(hit_rows).then(pl.max_horizontal(PRICES)).otherwise("high"),
                low=pl.when(hit_rows).then(pl.min_horizontal(PRICES)).otherwise("low"),
            )
        return _changed("hampel", bars, mended_bars, tuple(dict.fromkeys((*self.columns, "high", "low"))))

    def _mend(
        self, values: Float64[Array, " n"], position: Int64[Array, " n"], *, log: bool
    ) -> tuple[Float64[Array, " n"], Bool[Array, " n"]]:
        with np.errstate(invalid="ignore", divide="ignore"):
            x = np.where(values > 0, np.log(values), np.nan) if log else values
        mended, hit = values.copy(), np.zeros(len(values), dtype=bool)
        if len(values) <= self.window:
            return mended, hit
        views = np.lib.stride_tricks.sliding_window_view(x, self.window)
        for begin in range(self.window, len(values), BLOCK):
            rows = slice(begin, min(begin + BLOCK, len(values)))
            past = views[begin - self.window : rows.stop - self.window]
            # Where most of a window is infinite, or at the edge of what a float holds, nothing is far from it.
            with np.errstate(invalid="ignore", over="ignore"):
                median = np.median(past, axis=1)
                spread = 1.4826 * np.median(np.abs(past - median[:, None]), axis=1)
                least = self.floor if log else self.floor * np.abs(median)
                far = np.abs(x[rows] - median) > np.maximum(self.sigmas * spread, least)
            # A price that is no positive number at all is as far as can be.
            far |= ~np.isfinite(x[rows]) & np.isfinite(median) if log else False
            far &= position[rows] >= self.window
            hit[rows] = far
            mended[rows] = np.where(far, np.exp(median) if log else median, values[rows])
        return mended, hit


def _positions(bars: pl.DataFrame) -> Int64[Array, " n"]:
    """Each bar's place within its symbol, from 0."""
    return np.asarray(bars.select(pl.int_range(pl.len()).over("symbol")).to_series().to_numpy())


def _clipped(name: str, lower: pl.Expr, upper: pl.Expr) -> pl.Expr:
    """The column within bounds; a null bound does not bind, NaN and null stay."""
    value = pl.col(name)
    below = (value < lower).fill_null(value=False)
    above = (value > upper).fill_null(value=False) & value.is_not_nan()
    return pl.when(below).then(lower).when(above).then(upper).otherwise(value).alias(name)


def _dropped(repair: str, bars: pl.DataFrame, bad: pl.Series) -> tuple[pl.DataFrame, list[RepairCount]]:
    if not bad.any():
        return bars, []
    return bars.filter(~bad), _per_symbol(repair, "dropped", bars.filter(bad))


def _changed(
    repair: str, before: pl.DataFrame, after: pl.DataFrame, columns: Sequence[str]
) -> tuple[pl.DataFrame, list[RepairCount]]:
    counts: list[RepairCount] = []
    for name in columns:
        rows = before.filter(before[name].ne_missing(after[name]))
        counts.extend(_per_symbol(repair, "changed", rows, column=name))
    return after, counts


def _per_symbol(
    repair: str, action: Literal["dropped", "added", "changed", "moved"], rows: pl.DataFrame, *, column: str = ROWS
) -> list[RepairCount]:
    counts = rows["symbol"].value_counts().sort("symbol")
    return [
        RepairCount(repair=repair, action=action, symbol=symbol, column=column, count=count)
        for symbol, count in counts.iter_rows()
    ]


def _require_order(bars: pl.DataFrame, where: str) -> None:
    back = (pl.col("symbol") < pl.col("symbol").shift()) | (
        (pl.col("symbol") == pl.col("symbol").shift()) & (pl.col("timestamp") < pl.col("timestamp").shift())
    )
    rows = bars.filter(back.fill_null(value=False))
    if not rows.is_empty():
        raise DataError(
            f"{where} needs bars in order of symbol and timestamp, {rows.height} are not; put {{kind: sort}} first",
            rows=rows.head(200),
        )


def _require_column(bars: pl.DataFrame, name: str, repair: str) -> None:
    if name not in bars.columns or not bars.schema[name].is_numeric():
        numeric = [column for column, dtype in bars.schema.items() if dtype.is_numeric()]
        raise ConfigError(unknown("numeric column", name, numeric, where=f"{repair}.columns"))
