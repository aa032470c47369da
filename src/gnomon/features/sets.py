"""A set of features over whole frames of bars.

All kernels run as one list over blocks of bars that stay in the processor's cache. `FeatureSet.stream` runs the same
list one bar at a time, and yields the same bits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gnomon.config.models import FeaturesConfig
from gnomon.core.errors import ConfigError, DataError, nearest
from gnomon.core.hashing import hash_value
from gnomon.core.types import Array, Float32, Float64
from gnomon.data.frames import Frame, as_bars, as_polars
from gnomon.features.base import FeatureSpec
from gnomon.features.registry import FEATURES
from gnomon.features.streaming import FeatureStream
from gnomon.kernels.base import BLOCK_BARS, Call, Program
from gnomon.kernels.rounding import round_to_float32

PARALLEL_ROWS = 100_000
"""Fewer rows than this are done before threads have started."""


class Run(NamedTuple):
    """The rows of one symbol: from `start` up to but not including `stop`."""

    start: int
    stop: int


class FeatureSet:
    """Features that are computed together.

    >>> FeatureSet([FEATURES.create("rsi"), FEATURES.create("log_return", windows=(1, 5))]).outputs
    ('rsi_14', 'log_return_1', 'log_return_5')
    """

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        self.specs = tuple(specs)
        if not self.specs:
            raise ConfigError("a feature set needs at least one feature; `set: default` takes the default ones")
        self.outputs: tuple[str, ...] = tuple(output for spec in self.specs for output in spec.outputs)
        self.inputs: tuple[str, ...] = tuple(dict.fromkeys(column for spec in self.specs for column in spec.inputs))
        self.tables: tuple[str, ...] = tuple(dict.fromkeys(table for spec in self.specs for table in spec.tables))
        self.warmup: int = max(spec.warmup for spec in self.specs)
        taken: dict[str, str] = {"timestamp": "the bars", "symbol": "the bars"}
        for spec in self.specs:
            for output in spec.outputs:
                if output in taken:
                    raise ConfigError(
                        f"two features yield a column {output!r}: {taken[output]} and {spec.name!r}; "
                        "give one of them other parameters, or leave it out"
                    )
                taken[output] = repr(spec.name)

    @classmethod
    def default(cls, tables: Collection[str] = ()) -> FeatureSet:
        """The set that a config without a section `features` gets; `tables` names the side tables there are.

        >>> "rsi_14" in FeatureSet.default().outputs
        True
        """
        return cls.from_config(FeaturesConfig(), tables)

    @classmethod
    def full(cls, tables: Collection[str] = ()) -> FeatureSet:
        """Every feature of this package, more than 130 outputs of bars alone; `tables` as in `default`."""
        return cls.from_config(FeaturesConfig(set="full"), tables)

    @classmethod
    def from_config(cls, config: FeaturesConfig, tables: Collection[str] = ()) -> FeatureSet:
        """The set that a config asks for; `tables` names the side tables that it declares.

        A set leaves out the features whose table is not declared; a feature asked for by name is refused without it.
        Raises ConfigError that names the key.
        """
        for name in config.exclude:
            FEATURES.entry(name, where="features.exclude")
        for name in config.params:
            FEATURES.entry(name, where="features.params")
        sets = {"default": FEATURES.default_names, "full": FEATURES.full_names, "all": FEATURES.names, "none": list}
        listed = sets[config.set]()
        chosen: dict[str, FeatureSpec] = {}
        for name in (*listed, *config.include):
            if name in chosen or name in config.exclude:
                continue
            where = f"features.params.{name}" if name in config.params else "features.include"
            spec = FEATURES.create(name, where=where, **config.params.get(name, {}))
            missing = [table for table in spec.tables if table not in tables]
            if not missing:
                chosen[name] = spec
            elif name in config.include:
                raise ConfigError(
                    f"feature {name!r} at features.include reads the side table {missing[0]!r}, which is not declared; "
                    f"add data.side_tables.{missing[0]}, or leave the feature out"
                )
        if idle := [name for name in config.params if name not in chosen]:
            raise ConfigError(
                f"features.params.{idle[0]} sets parameters of a feature that is not in the set; "
                f"add {idle[0]!r} to features.include, or take the parameters out"
            )
        return cls(list(chosen.values()))

    def __repr__(self) -> str:
        return f"FeatureSet({', '.join(spec.name for spec in self.specs)}; {len(self.outputs)} outputs)"

    @cached_property
    def program(self) -> Program:
        """The compiled list of kernels, over blocks whose rows are `inputs`."""
        index = {column: position for position, column in enumerate(self.inputs)}
        return Program(
            [Call(spec.kernel, tuple(index[c] for c in spec.inputs), spec.flat_params()) for spec in self.specs]
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what the features are, code included: equal ones may continue each other's states."""
        return hash_value(
            [[spec.name, spec.inputs, spec.outputs, spec.flat_params(), spec.kernel.fingerprint] for spec in self.specs]
        )

    def describe(self) -> pl.DataFrame:
        """One row an output: feature, theme, units, inputs, parameters, warm-up in bars, side tables, reference."""
        return pl.DataFrame(
            [
                {
                    "output": output,
                    "feature": spec.name,
                    "theme": spec.theme,
                    "units": spec.units,
                    "inputs": ", ".join(spec.inputs),
                    "params": json.dumps(dict(spec.params)),
                    "warmup": spec.warmup,
                    "tables": ", ".join(spec.tables),
                    "reference": spec.reference,
                }
                for spec in self.specs
                for output in spec.outputs
            ]
        )

    def compute(
        self, bars: Frame, tables: Mapping[str, Frame] | None = None, *, threads: int | None = None
    ) -> pl.DataFrame:
        """The features of each bar: `timestamp`, `symbol`, one Float32 column an output, NaN until warm.

        `bars`, in polars or pandas, are sorted by symbol and timestamp, without duplicates; `tables` holds the side
        tables by name, which are joined as of each bar. Symbols are spread over `threads` (None: as many as there are
        processors); their number never changes a value. Raises DataError for bars without the columns or out of order.
        """
        bars = as_bars(bars)
        _require(bars, ("timestamp", "symbol"))
        runs = symbol_runs(bars)
        joined = self.join(bars, {name: as_polars(table) for name, table in (tables or {}).items()})
        columns = [input_column(joined, name) for name in self.inputs]
        out = np.empty((len(self.outputs), joined.height), np.float32)
        program = self.program
        threads = threads or (min(len(runs), os.cpu_count() or 1) if joined.height >= PARALLEL_ROWS else 1)
        if threads == 1:
            for run in runs:
                _fill(program, columns, run, out)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda run: _fill(program, columns, run, out), runs))
        features = [pl.Series(name, out[row]) for row, name in enumerate(self.outputs)]
        return pl.DataFrame([joined["timestamp"], joined["symbol"], *features])

    def join(self, bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The columns that the features read, side tables joined as of each bar. Raises DataError for missing ones."""
        for table in self.tables:
            wanted = [column for column in self.inputs if column.startswith(f"{table}.")]
            if all(column in bars.columns for column in wanted):
                continue
            readers = ", ".join(spec.name for spec in self.specs if table in spec.tables)
            if table not in tables:
                raise DataError(f"the side table {table!r} is missing, which {readers} read; pass it in `tables`")
            plain = [column.split(".", 1)[1] for column in wanted]
            if absent := [column for column in plain if column not in tables[table].columns]:
                raise DataError(
                    f"the side table {table!r} has no column {absent[0]!r}, which {readers} read; it has "
                    f"{', '.join(tables[table].columns)}; name the right one by the parameter `column`"
                )
            # Imported here: a set without side tables needs no data room.
            from gnomon.data.asof import join_asof

            bars = join_asof(bars, tables[table], columns=plain, prefix=table)
        needed = tuple(dict.fromkeys(("timestamp", "symbol", *self.inputs)))
        _require(bars, needed)
        return bars.select(needed)

    def stream(self, symbols: Sequence[str]) -> FeatureStream:
        """The same features one bar at a time, each symbol from its first bar on."""
        return FeatureStream(self.program, self.inputs, self.outputs, tuple(symbols), self.fingerprint)


def _require(bars: pl.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in bars.columns:
            hint = f"; did you mean {close!r}?" if (close := nearest(column, bars.columns)) else ""
            raise DataError(f"the bars have no column {column!r}; they have {', '.join(bars.columns)}{hint}")


def _fill(
    program: Program, columns: Sequence[Float64[Array, " rows"]], run: Run, out: Float32[Array, "outputs rows"]
) -> None:
    """Computes one symbol's rows, block by block, into its part of `out`."""
    state = program.new_state()
    size = min(BLOCK_BARS, run.stop - run.start)
    block, result = np.empty(len(columns) * size), np.empty(program.outputs * size)
    for start in range(run.start, run.stop, size):
        bars = min(size, run.stop - start)
        x = block[: len(columns) * bars].reshape(len(columns), bars)
        y = result[: program.outputs * bars].reshape(program.outputs, bars)
        for row, column in enumerate(columns):
            x[row] = column[start : start + bars]
        program(state, x, y)
        round_to_float32(y, out[:, start : start + bars])


def symbol_runs(bars: pl.DataFrame) -> list[Run]:
    """Where each symbol's rows begin and end. DataError for bars that are not sorted by symbol and time, or repeat."""
    if bars.is_empty():
        return []
    symbol, timestamp = bars["symbol"], bars["timestamp"]
    if not timestamp.dtype.is_temporal():
        raise DataError(f"column 'timestamp' must hold moments, it is {timestamp.dtype}; parse it first")
    if symbol.null_count() or timestamp.null_count():
        raise DataError("columns 'timestamp' and 'symbol' must not hold nulls", rows=_head(bars, symbol.is_null()))
    same = (symbol == symbol.shift(1)).fill_null(value=False)
    late = same & (timestamp <= timestamp.shift(1)).fill_null(value=False)
    if late.any():
        row = bars.row(int(late.arg_max() or 0), named=True)
        raise DataError(
            f"bars must be sorted by symbol and timestamp without duplicates; {int(late.sum())} are not, the first "
            f"{row['symbol']} at {row['timestamp']}; sort them, and see the check `duplicates`",
            rows=_head(bars, late),
        )
    starts = (~same).arg_true().to_list()
    if len(starts) != symbol.n_unique():
        raise DataError("the rows of a symbol must stand together: sort the bars by symbol and timestamp")
    return [Run(start, stop) for start, stop in zip(starts, [*starts[1:], bars.height], strict=True)]


def _head(bars: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return bars.filter(rows).head(200)


def input_column(bars: pl.DataFrame, name: str) -> Float64[Array, " rows"]:
    """A column as float64, nulls as NaN, moments as microseconds since 1970. DataError for what is no number."""
    column = bars[name]
    dtype: Any = column.dtype
    if dtype.is_temporal():
        column = column.dt.epoch("us")
    elif not (dtype.is_numeric() or dtype == pl.Boolean or dtype == pl.Null):
        raise DataError(f"column {name!r} must hold numbers to be a feature's input, it is {dtype}")
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
