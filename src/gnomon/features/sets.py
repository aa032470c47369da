"""A set of features over whole frames of bars.

All kernels run as one list over blocks of bars that stay in the processor's cache: over all bars at once
(`FeatureSet.compute`), over chunks of them (`FeatureSet.advance`), one bar at a time (`FeatureSet.stream`). All three
yield the same bits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from gnomon.config.models import FeaturesConfig
from gnomon.core.errors import ConfigError, DataError, StoreError
from gnomon.core.hashing import hash_value
from gnomon.core.types import Array, Float32, Float64
from gnomon.data.asof import join_asof
from gnomon.data.frames import Frame, as_bars, as_polars
from gnomon.features.base import FeatureSpec
from gnomon.features.inputs import Run, input_column, require, symbol_runs
from gnomon.features.panel import PanelFeatures
from gnomon.features.published import as_published, continued, kept_at
from gnomon.features.registry import FEATURES
from gnomon.features.state import FeatureState
from gnomon.features.streaming import FeatureStream
from gnomon.kernels.base import Call, Program

PARALLEL_ROWS = 100_000
"""Fewer rows than this are done before threads have started."""


class FeatureSet:
    """Features that are computed together.

    >>> FeatureSet([FEATURES.create("rsi"), FEATURES.create("log_return", windows=(1, 5))]).outputs
    ('rsi_14', 'log_return_1', 'log_return_5')
    """

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        # The outputs of each kind stand together: compiled, run by Python, and those that see all symbols of a moment.
        self.specs = tuple(sorted(specs, key=lambda spec: (spec.cross_sectional, spec.kernel.interpreted)))
        if not self.specs:
            raise ConfigError("a feature set needs at least one feature; `set: default` takes the default ones")
        self.outputs: tuple[str, ...] = tuple(output for spec in self.specs for output in spec.outputs)
        self.inputs: tuple[str, ...] = tuple(dict.fromkeys(column for spec in self.specs for column in spec.inputs))
        self.tables: tuple[str, ...] = tuple(dict.fromkeys(table for spec in self.specs for table in spec.tables))
        self.alone: tuple[FeatureSpec, ...] = tuple(spec for spec in self.specs if not spec.cross_sectional)
        """The features of one symbol; `panel` holds the others, which see all symbols of a moment."""
        self.alone_inputs: tuple[str, ...] = tuple(dict.fromkeys(name for spec in self.alone for name in spec.inputs))
        crossing = self.specs[len(self.alone) :]
        self.panel: PanelFeatures | None = PanelFeatures(crossing) if crossing else None
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
        """The set that a config without a section `features` gets: every feature of this package for one symbol.

        More than 130 outputs of bars alone; `tables` names the side tables there are, whose features then join.

        >>> "rsi_14" in FeatureSet.default().outputs
        True
        """
        return cls.from_config(FeaturesConfig(), tables)

    @classmethod
    def basic(cls, tables: Collection[str] = ()) -> FeatureSet:
        """A small set for quick looks and small data: about twenty outputs of bars; `tables` as in `default`."""
        return cls.from_config(FeaturesConfig(set="basic"), tables)

    @classmethod
    def cross_section(cls, tables: Collection[str] = ()) -> FeatureSet:
        """The cross-sectional features of this package, for markets of many symbols; `tables` as in `default`."""
        return cls.from_config(FeaturesConfig(set="none", cross_section=True), tables)

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
        sets = {
            "basic": FEATURES.basic_names,
            "default": FEATURES.default_names,
            "all": FEATURES.all_names,
            "none": list,
        }
        listed = sets[config.set]()
        if config.cross_section:
            listed += FEATURES.cross_section_names(plugins=config.set == "all")
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
        """The compiled list of the kernels of one symbol, over blocks whose rows are `alone_inputs`."""
        index = {column: position for position, column in enumerate(self.alone_inputs)}
        return Program(
            [Call(spec.kernel, tuple(index[c] for c in spec.inputs), spec.flat_params()) for spec in self.alone]
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
                    "cross_sectional": spec.cross_sectional,
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
        return self.advance(self.start(), bars, tables, threads=threads)

    def start(self, symbols: Iterable[str] = ()) -> FeatureState:
        """The state before the first bar, for `advance` or `stream`; `advance` takes symbols in as they come."""
        return FeatureState(self.fingerprint, self.program.state_size, symbols, panel_size=self._panel_size)

    def restore(self, path: Path) -> FeatureState:
        """A state that `FeatureState.save` wrote.

        Raises StoreError for the state of other features or other code, IntegrityError for damaged bytes.
        """
        size = self.program.state_size
        return FeatureState.load(path, fingerprint=self.fingerprint, size=size, panel_size=self._panel_size)

    def _panel_size(self, symbols: int) -> int:
        return self.panel.state_size(symbols) if self.panel else 0

    def advance(
        self,
        state: FeatureState,
        chunk: Frame,
        tables: Mapping[str, Frame] | None = None,
        *,
        threads: int | None = None,
    ) -> pl.DataFrame:
        """The features of the next chunk of bars, bit-equal to those of `compute` over all bars at once.

        A chunk is a cut in time: it holds all bars of its moments, of every symbol, and begins after the last one's
        end; it is sorted as `compute` wants it. Symbols may come and go. `tables` holds the rows that were published
        since the last chunk, all those that became known by its end among them, or whole tables each time.

        Raises DataError for a chunk that does not follow, and as `compute` does; the state is then as it was.

        >>> features = FeatureSet([FEATURES.create("log_return", windows=(1,))])
        >>> state, chunks = features.start(), []
        >>> for day, price in ((1, 100.0), (2, 110.0)):
        ...     stamp = pl.datetime(2024, 1, day, time_zone="UTC")
        ...     bar = pl.select(timestamp=stamp, symbol=pl.lit("A"), close=pl.lit(price))
        ...     chunks.append(features.advance(state, bar))
        >>> pl.concat(chunks)["log_return_1"].cast(pl.Float64).round(4).to_list()
        [nan, 0.0953]
        """
        self._own(state)
        bars = as_bars(chunk)
        require(bars, ("timestamp", "symbol"))
        runs = symbol_runs(bars)
        _follows(bars, state)
        published = self._published(state, bars, tables or {})
        joined = self._join(bars, published)
        columns = [input_column(joined, name) for name in self.inputs]
        out = np.empty((len(self.outputs), joined.height), np.float32)
        # Copies, so that a chunk that fails leaves the state as it was.
        symbols = [str(joined["symbol"][run.start]) for run in runs]
        states = [state.copy_of(symbol) for symbol in symbols]
        if self.alone:
            self._run(states, columns[: len(self.alone_inputs)], runs, out[: self.program.outputs], threads)
        if self.panel:
            every = tuple(dict.fromkeys((*state.symbols, *symbols)))
            panel = self.panel.joined(state.panel, len(state.symbols), len(every))
            theirs = [columns[self.inputs.index(name)] for name in self.panel.inputs]
            rows = dict(zip(symbols, runs, strict=True))
            self.panel.advance(panel, every, rows, joined["timestamp"], theirs, out[self.program.outputs :])
            state.panel = panel
        for symbol, run, after in zip(symbols, runs, states, strict=True):
            state.put(symbol, after, bars=run.stop - run.start)
        if runs:
            state.moment = int(joined["timestamp"].dt.epoch("us").max())  # type: ignore[arg-type]
            state.tables |= {name: kept_at(table, state.moment) for name, table in published.items()}
        features = [pl.Series(name, out[row]) for row, name in enumerate(self.outputs)]
        return pl.DataFrame([joined["timestamp"], joined["symbol"], *features])

    def _run(
        self,
        states: Sequence[Float64[Array, " size"]],
        columns: Sequence[Float64[Array, " rows"]],
        runs: Sequence[Run],
        out: Float32[Array, "outputs rows"],
        threads: int | None,
    ) -> None:
        """Computes `out` and advances the state of each symbol, which stands beside its rows in `runs`."""
        program = self.program
        threads = threads or (min(len(runs), os.cpu_count() or 1) if out.shape[1] >= PARALLEL_ROWS else 1)
        if threads == 1:
            for state, run in zip(states, runs, strict=True):
                _fill(program, state, columns, run, out)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(
                    pool.map(
                        lambda pair: _fill(program, pair[0], columns, pair[1], out), zip(states, runs, strict=True)
                    )
                )

    def _own(self, state: FeatureState) -> None:
        if state.fingerprint != self.fingerprint or state.size != self.program.state_size:
            raise StoreError("the state is that of other features, parameters or kernel code; begin with `start`")

    def _published(
        self, state: FeatureState, bars: pl.DataFrame, tables: Mapping[str, Frame]
    ) -> dict[str, pl.DataFrame]:
        """What the bars may read of each side table that is not in them yet. DataError for one that is missing."""
        published: dict[str, pl.DataFrame] = {}
        for name in self.tables:
            wanted = [column for column in self.inputs if column.startswith(f"{name}.")]
            if all(column in bars.columns for column in wanted):
                continue
            readers = ", ".join(spec.name for spec in self.specs if name in spec.tables)
            kept = state.tables.get(name)
            if name not in tables:
                if kept is None:
                    raise DataError(f"the side table {name!r} is missing, which {readers} read; pass it in `tables`")
                published[name] = kept
                continue
            table = as_polars(tables[name])
            plain = [column.split(".", 1)[1] for column in wanted]
            if absent := [column for column in plain if column not in table.columns]:
                raise DataError(
                    f"the side table {name!r} has no column {absent[0]!r}, which {readers} read; it has "
                    f"{', '.join(table.columns)}; name the right one by the parameter `column`"
                )
            table = as_published(table, plain, name=name)
            published[name] = table if kept is None else continued(kept, table, state.moment or 0, name=name)
        return published

    def _join(self, bars: pl.DataFrame, published: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        """The columns that the features read, side tables joined as of each bar. DataError for missing ones."""
        for name, table in published.items():
            columns = [column for column in table.columns if f"{name}.{column}" in self.inputs]
            bars = join_asof(bars, table, columns=columns, prefix=name)
        needed = tuple(dict.fromkeys(("timestamp", "symbol", *self.inputs)))
        require(bars, needed)
        return bars.select(needed)

    def stream(self, symbols: Sequence[str] | FeatureState) -> FeatureStream:
        """The same features one bar at a time, each symbol from its first bar on, or going on from a state."""
        if isinstance(symbols, FeatureState):
            self._own(symbols)
            return FeatureStream(self.program, self.inputs, self.outputs, symbols, self.panel)
        if not symbols or len(set(symbols)) != len(symbols):
            raise ConfigError(f"a stream needs symbols, each once; was given {list(symbols)}")
        return FeatureStream(self.program, self.inputs, self.outputs, self.start(symbols), self.panel)


def _follows(bars: pl.DataFrame, state: FeatureState) -> None:
    """DataError for bars at or before the last moment that the state has seen."""
    if state.moment is None or bars.is_empty():
        return
    seen = bars["timestamp"].dt.epoch("us") <= state.moment
    if seen.any():
        row = bars.row(int(seen.arg_max() or 0), named=True)
        raise DataError(
            f"a chunk must begin after the end of the one before; {int(seen.sum())} bars do not, the first "
            f"{row['symbol']} at {row['timestamp']}: cut in time, all symbols at once",
            rows=bars.filter(seen).head(200),
        )


def _fill(
    program: Program,
    state: Float64[Array, " size"],
    columns: Sequence[Float64[Array, " rows"]],
    run: Run,
    out: Float32[Array, "outputs rows"],
) -> None:
    """Computes one symbol's rows, block by block, into its part of `out`, and advances its state."""
    program.fill(state, [column[run.start : run.stop] for column in columns], out, run.start)
