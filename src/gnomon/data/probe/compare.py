"""Two results of one function, row by row: which values, known by a moment, are not the same to the last bit.

Rows are matched by their keys, so a result may hold more or fewer rows than the bars; an absent row counts as one
without values, and a null as NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.core.types import Array, Bool, Int64
from gnomon.data import frames
from gnomon.data.base import TIMESTAMP

NAT, NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class Difference(NamedTuple):
    """The first row in which a column differs."""

    column: str
    timestamp: int
    symbol: str
    value: object
    changed: object


class Baseline:
    """The result on the whole data, ready to be compared with many others."""

    def __init__(self, result: pl.DataFrame, keys: Sequence[str], tolerance: float) -> None:
        self.keys = tuple(keys)
        self.tolerance = tolerance
        self.frame = result
        self.columns = tuple(name for name in result.columns if name not in self.keys)
        if not self.columns:
            raise DataError(f"the function's result has no value columns beside {', '.join(self.keys)}")
        repeated = result.select(self.keys).is_duplicated()
        if repeated.any():
            raise DataError(
                f"{int(repeated.sum())} rows of the function's result share {' and '.join(self.keys)}; "
                "name what tells them apart in `keys`",
                rows=result.filter(repeated).head(200),
            )
        self.known = _known(result)
        self.floats = tuple(name for name in self.columns if _is_number(result.schema[name]))
        self.matrix = _matrix(result, self.floats)
        self.others = tuple(name for name in self.columns if name not in self.floats)

    def empty(self) -> tuple[str, ...]:
        """Columns without any value."""
        without = [name for f, name in enumerate(self.floats) if np.isnan(self.matrix[:, f]).all()]
        without += [name for name in self.others if self.frame[name].null_count() == self.frame.height]
        return tuple(name for name in self.columns if name in without)

    def differences(self, other: pl.DataFrame, cut: int, watched: Sequence[str]) -> list[Difference]:
        """For each of the `watched` columns that differs in rows up to `cut`: the first row that does."""
        mine, theirs = np.flatnonzero(self.known <= cut), np.flatnonzero(_known(other) <= cut)
        if not self._same_rows(other, mine, theirs):
            return self._matched(other, mine, theirs, cut, watched)
        floats = [name for name in watched if name in self.floats]
        wrong: dict[str, Bool[Array, " rows"]] = {}
        if floats:
            places = [self.floats.index(name) for name in floats]
            mismatch = unequal(self.matrix[mine][:, places], _matrix(other, floats)[theirs], self.tolerance)
            for f in np.flatnonzero(mismatch.any(axis=0)):
                wrong[floats[f]] = mismatch[:, f]
        for name in watched:
            if name in self.others:
                a, b = self.frame[name].gather(mine), _column(other, name).gather(theirs)
                mismatch = _differing(a, b)
                if mismatch.any():
                    wrong[name] = mismatch
        return [self._first(name, wrong[name], mine, theirs, other) for name in watched if name in wrong]

    def _same_rows(self, other: pl.DataFrame, mine: Int64[Array, " a"], theirs: Int64[Array, " b"]) -> bool:
        if mine.size != theirs.size:
            return False
        pairs = [(self.frame[key], _column(other, key)) for key in self.keys]
        # Most often all rows are there, or the first ones of them: comparing is cheap, gathering is not.
        if self.frame.height == other.height and all(a.equals(b) for a, b in pairs):
            return True
        every = theirs.size == other.height
        return all(a.gather(mine).equals(b if every else b.gather(theirs)) for a, b in pairs)

    def _matched(
        self,
        other: pl.DataFrame,
        mine: Int64[Array, " a"],
        theirs: Int64[Array, " b"],
        cut: int,
        watched: Sequence[str],
    ) -> list[Difference]:
        """Rows that do not stand in the same order: matched by key, then compared as above."""
        keys = list(self.keys)
        a, b = self.frame[mine].select(*keys, *watched), _with(other, watched)[theirs].select(*keys, *watched)
        b = b.unique(keys, keep="first", maintain_order=True)
        union = pl.concat([a.select(keys), b.select(keys)]).unique(maintain_order=True).sort(keys)
        left = union.join(a, on=keys, how="left", maintain_order="left")
        right = union.join(b, on=keys, how="left", maintain_order="left")
        return Baseline(left, keys, self.tolerance).differences(right, cut, watched)

    def _first(
        self,
        name: str,
        wrong: Bool[Array, " rows"],
        mine: Int64[Array, " rows"],
        theirs: Int64[Array, " rows"],
        other: pl.DataFrame,
    ) -> Difference:
        rows = np.flatnonzero(wrong)
        row = int(rows[np.argmin(self.known[mine[rows]])])
        symbol = str(self.frame["symbol"][int(mine[row])]) if "symbol" in self.frame.columns else ""
        value = self.frame[name][int(mine[row])]
        changed = _column(other, name)[int(theirs[row])]
        return Difference(name, int(self.known[mine[row]]), symbol, value, changed)


def unequal(a: Array, b: Array, tolerance: float = 0.0) -> Bool[Array, "rows columns"]:
    """Where two arrays of floats differ in any bit, all NaN alike; within the relative `tolerance` they do not.

    >>> unequal(np.array([[0.0, 1.0, np.nan]]), np.array([[-0.0, 1.0, np.nan]])).tolist()
    [[True, False, False]]
    """
    if a.dtype != b.dtype:
        a, b = a.astype(np.float64), b.astype(np.float64)
    bits = np.int32 if a.dtype == np.float32 else np.int64
    wrong = a.view(bits) != b.view(bits)
    if wrong.any():
        rows = np.nonzero(wrong)
        x, y = a[rows], b[rows]
        still = ~(np.isnan(x) & np.isnan(y))
        if tolerance:
            with np.errstate(invalid="ignore"):
                still &= ~(np.abs(x - y) <= tolerance * np.maximum(np.abs(x), np.abs(y)))
        wrong[rows] = still
    return np.asarray(wrong)


def _differing(a: pl.Series, b: pl.Series) -> Bool[Array, " rows"]:
    """Where two columns that are no floats differ."""
    if a.dtype != b.dtype and a.dtype.is_numeric() and b.dtype.is_numeric():
        # pandas makes whole numbers floats as soon as one is missing: the numbers are what is compared.
        x, y = (series.cast(pl.Float64).fill_null(float("nan")).to_numpy() for series in (a, b))
        return unequal(x, y)
    return np.asarray(_text(a).ne_missing(_text(b)).to_numpy())


def _text(series: pl.Series) -> pl.Series:
    if series.dtype.is_nested():
        return pl.Series([repr(value) for value in series.to_list()], dtype=pl.String)
    return series.cast(pl.String)


def as_polars(given: Any, *, what: str = "the function's result") -> pl.DataFrame:
    """A polars or pandas frame as polars, `timestamp` in UTC microseconds, `symbol` as text; DataError otherwise."""
    if is_pandas(given) and {"timestamp", "symbol"} <= set(given.columns):
        # What its index holds besides, row numbers or the same moments again, is no value.
        given = given.reset_index(drop=True)
    try:
        result = frames.as_polars(given)
    except ConfigError as error:
        raise DataError(f"{what}: {error}") from None
    missing = [name for name in ("timestamp", "symbol") if name not in result.columns]
    if missing:
        raise DataError(f"{what} has no column {' and '.join(map(repr, missing))}; it has {', '.join(result.columns)}")
    kind = result.schema["timestamp"]
    if not isinstance(kind, pl.Datetime):
        raise DataError(f"column 'timestamp' of {what} must hold moments, it is {kind}")
    if kind != TIMESTAMP:
        stamps = pl.col("timestamp")
        stamps = stamps.dt.replace_time_zone("UTC") if kind.time_zone is None else stamps
        result = result.with_columns(stamps.cast(TIMESTAMP))
    if result.schema["symbol"] != pl.String:
        result = result.with_columns(pl.col("symbol").cast(pl.String))
    return result


def is_pandas(value: object) -> bool:
    """Whether it is a pandas frame, told without importing pandas."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "columns")


def _known(frame: pl.DataFrame) -> Int64[Array, " n"]:
    # A view: every expression of polars, even one on a column, costs as much as a small probe's whole comparison.
    known = np.asarray(frame["timestamp"].to_numpy()).view(np.int64)
    # A row of no moment is known at none.
    return np.where(known == NAT, NEVER, known) if frame["timestamp"].null_count() else known


def _is_number(kind: pl.DataType) -> bool:
    # Whole numbers of 64 bits do not fit a float: they are compared as text, like everything that is no float.
    return kind.is_float() or kind == pl.Null or kind in (pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16)


def _matrix(frame: pl.DataFrame, names: Sequence[str]) -> Array:
    """The columns side by side: float32 where all are, else float64; nulls and absent columns are NaN."""
    columns = [_column(frame, name) for name in names]
    single = all(column.dtype == pl.Float32 for column in columns)
    made = np.empty((frame.height, len(columns)), np.float32 if single else np.float64, order="F")
    for f, column in enumerate(columns):
        if column.dtype.is_float() and not column.null_count():
            made[:, f] = column.to_numpy()
        else:
            made[:, f] = column.cast(pl.Float64).to_numpy()
    return made


def _with(frame: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    absent = [name for name in names if name not in frame.columns]
    return frame.with_columns(pl.lit(None).alias(name) for name in absent) if absent else frame


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[name] if name in frame.columns else pl.Series(name, [None]).new_from_index(0, frame.height)
