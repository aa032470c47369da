"""What is done to the future: changed in four ways, or left out.

By when it was knowable: bars by their close, rows of side tables by `known_at`. Moments, symbols and the order of the
rows stay; every other column is changed, text by shuffling alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Bool, Int64

PERTURBATIONS = ("x10", "nan", "shuffled", "sign")
TESTS = (*PERTURBATIONS, "truncated")

KEYS = frozenset({"timestamp", "symbol", "known_at"})


class Data:
    """Bars and side tables that can be changed after any moment, fast: their numbers lie beside them as arrays."""

    def __init__(self, bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None, seed: int) -> None:
        self._bars = _Frame(bars, "timestamp")
        self._tables = None if tables is None else {name: _Frame(table, "known_at") for name, table in tables.items()}
        self._seed = seed

    def after(self, cut: int, test: str) -> tuple[pl.DataFrame, dict[str, pl.DataFrame] | None]:
        """The bars and tables with everything that became known after `cut` treated as the test says."""
        bars = self._bars.after(cut, test, f"bars.{cut}", self._seed)
        if self._tables is None:
            return bars, None
        return bars, {n: table.after(cut, test, f"{n}.{cut}", self._seed) for n, table in self._tables.items()}


class _Frame:
    """One frame with its numbers as arrays."""

    def __init__(self, frame: pl.DataFrame, stamp: str) -> None:
        self.frame = frame
        self.known: Int64[Array, " n"] = np.asarray(frame[stamp].dt.epoch("us").to_numpy())
        self.arrays: dict[str, Array] = {}
        self.others: list[str] = []
        for name, kind in frame.schema.items():
            if name in KEYS or kind.is_temporal():
                continue
            if kind.is_float():
                self.arrays[name] = frame[name].fill_null(float("nan")).to_numpy()
            elif kind.is_integer() and not frame[name].null_count():
                self.arrays[name] = frame[name].to_numpy()
            else:
                self.others.append(name)

    def after(self, cut: int, test: str, name: str, seed: int) -> pl.DataFrame:
        future = self.known > cut
        if test == "truncated":
            return self.frame.filter(pl.Series(~future))
        if not future.any():
            return self.frame
        order = np.arange(future.size)
        if test == "shuffled":
            rows = np.flatnonzero(future)
            order[rows] = generator(seed, "probe", "shuffle", name).permutation(rows)
        changed = [self._number(column, values, future, order, test) for column, values in self.arrays.items()]
        for column in self.others:
            series = self.frame[column]
            if test == "nan":
                series = _blanked(series, future)
            elif test == "shuffled":
                series = series.gather(order)
            changed.append(series)
        made = {series.name: series for series in changed}
        return pl.DataFrame([made.get(series.name, series) for series in self.frame.get_columns()])

    def _number(
        self, column: str, values: Array, future: Bool[Array, " n"], order: Int64[Array, " n"], test: str
    ) -> pl.Series:
        if test == "nan":
            if values.dtype.kind == "f":
                return pl.Series(column, np.where(future, values.dtype.type(np.nan), values))
            return _blanked(self.frame[column], future)
        return pl.Series(column, _CHANGES[test](values, future, order))


def _blanked(series: pl.Series, rows: Bool[Array, " n"]) -> pl.Series:
    return pl.select(pl.when(pl.Series(~rows)).then(series)).to_series().alias(series.name)


_CHANGES: Mapping[str, Callable[[Any, Any, Any], Array]] = {
    "x10": lambda values, future, _: np.where(future, values * values.dtype.type(10), values),
    "sign": lambda values, future, _: np.where(future, -values, values),
    "shuffled": lambda values, _, order: values[order],
}
