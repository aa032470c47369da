"""The cross-sectional features of a set: panel kernels over whole moments of all symbols.

Rows of a long frame are laid out as [symbols, moments], block by block, with NaN where a symbol has no bar, and what the
kernels say is taken up again for the rows that there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float32, Float64
from gnomon.features.base import FeatureSpec
from gnomon.kernels.base import Call
from gnomon.kernels.panel import PanelProgram, lay_out, row_places, take_up
from gnomon.kernels.rounding import round_to_float32


class PanelState:
    """What panel kernels carry, and of which symbols; a symbol joins when its first bar comes."""

    def __init__(self, symbols: Sequence[str], values: Float64[Array, " size"]) -> None:
        self.symbols = tuple(symbols)
        self.values = values


class PanelFeatures:
    """Features that see all symbols of a moment at once, computed together."""

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        self.specs = tuple(specs)
        self.inputs: tuple[str, ...] = tuple(dict.fromkeys(column for spec in specs for column in spec.inputs))
        self.outputs: tuple[str, ...] = tuple(output for spec in specs for output in spec.outputs)
        index = {column: position for position, column in enumerate(self.inputs)}
        self._calls = [
            Call(spec.kernel, tuple(index[column] for column in spec.inputs), spec.flat_params()) for spec in specs
        ]
        self._programs: dict[int, PanelProgram] = {}

    def program(self, symbols: int) -> PanelProgram:
        """The compiled list of kernels over so many symbols."""
        if symbols not in self._programs:
            self._programs[symbols] = PanelProgram(self._calls, symbols=symbols)
        return self._programs[symbols]

    def start(self, symbols: Sequence[str] = ()) -> PanelState:
        """The state before the first moment."""
        return PanelState(symbols, self.program(len(symbols)).new_state())

    def joined(self, state: PanelState, symbols: Sequence[str]) -> PanelState:
        """The state with the symbols that it does not have yet, without a bar so far."""
        new = [symbol for symbol in symbols if symbol not in set(state.symbols)]
        return self.arranged(state, (*state.symbols, *new)) if new else state

    def arranged(self, state: PanelState, symbols: Sequence[str]) -> PanelState:
        """The state over these symbols, in this order; what it holds of others is left out."""
        places = {symbol: place for place, symbol in enumerate(state.symbols)}
        program = self.program(len(symbols))
        return PanelState(symbols, program.continued(state.values, [places.get(symbol, -1) for symbol in symbols]))

    def advance(
        self,
        state: PanelState,
        runs: Mapping[str, tuple[int, int]],
        stamps: pl.Series,
        columns: Sequence[Float64[Array, " rows"]],
        out: Float32[Array, "outputs rows"],
    ) -> PanelState:
        """Writes the features of a chunk's rows into `out`; returns the state after it, `state` stays as it was.

        `runs` tells where each symbol's rows start and stop, `stamps` are their moments and `columns` the inputs. The
        chunk holds all bars of each of its moments.
        """
        moments = (stamps.rank("dense").cast(pl.Int64) - 1).to_numpy()
        state = self.joined(state, tuple(runs))
        state = PanelState(state.symbols, state.values.copy())
        count = int(moments.max()) + 1 if moments.size else 0
        symbols = len(state.symbols)
        program = self.program(symbols)
        bounds = [runs.get(symbol, (0, 0)) for symbol in state.symbols]
        places = row_places([start for start, _ in bounds], [stop for _, stop in bounds])
        step = min(program.block_bars(len(self.inputs)), max(count, 1))
        for first in range(0, count, step):
            bars = min(step, count - first)
            x, y = np.empty((len(self.inputs), symbols, bars)), np.empty((program.outputs, symbols, bars))
            for row, column in enumerate(columns):
                lay_out(column, moments, places, first, x[row])
            program(state.values, x, y)
            take_up(y, moments, places, first, out)
        return state

    def update(
        self, state: PanelState, bars: Mapping[str, Float64[Array, " inputs"]]
    ) -> dict[str, Float32[Array, " outputs"]]:
        """The features of one moment: the inputs of each symbol that has a bar; `state` is advanced in place."""
        if strangers := set(bars) - set(state.symbols):
            raise DataError(f"{sorted(strangers)[0]!r} is no symbol of this stream")
        x = np.full((len(self.inputs), len(state.symbols), 1), np.nan)
        rows = [row for row, symbol in enumerate(state.symbols) if symbol in bars]
        for row in rows:
            x[:, row, 0] = bars[state.symbols[row]]
        y = np.empty((len(self.outputs), len(state.symbols), 1))
        self.program(len(state.symbols))(state.values, x, y)
        out = np.empty((len(self.outputs), len(state.symbols)), np.float32)
        round_to_float32(y[:, :, 0], out)
        return {state.symbols[row]: out[:, row].copy() for row in rows}
