"""The cross-sectional features of a set: panel kernels over whole moments of all symbols.

Rows of a long frame are laid out as [symbols, moments], block by block, with NaN where a symbol has no bar, and what
the kernels say is taken up again for the rows that there are. What they carry is one flat array over the symbols so
far, in the order in which these joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float32, Float64
from gnomon.features.base import FeatureSpec
from gnomon.features.inputs import Run
from gnomon.kernels.base import Call
from gnomon.kernels.panel import PanelProgram, lay_out, row_places, take_up
from gnomon.kernels.rounding import round_to_float32


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

    def state_size(self, symbols: int) -> int:
        """Floats that the kernels carry over so many symbols."""
        return self.program(symbols).state_size

    def joined(self, state: Float64[Array, " before"], before: int, after: int) -> Float64[Array, " after"]:
        """A copy of the state with symbols that have had no bar yet behind those that it has."""
        if before == after:
            return state.copy()
        return self.program(after).continued(state, [*range(before), *[-1] * (after - before)])

    def advance(
        self,
        state: Float64[Array, " size"],
        symbols: Sequence[str],
        runs: Mapping[str, Run],
        stamps: pl.Series,
        columns: Sequence[Float64[Array, " rows"]],
        out: Float32[Array, "outputs rows"],
    ) -> None:
        """Writes the features of a chunk's rows into `out` and advances the state, which is one over `symbols`.

        `runs` tells where the rows of each symbol start and stop, `stamps` are their moments and `columns` the inputs.
        The chunk holds all bars of each of its moments.
        """
        moments = (stamps.rank("dense").cast(pl.Int64) - 1).to_numpy()
        count = int(moments.max()) + 1 if moments.size else 0
        program = self.program(len(symbols))
        bounds = [runs.get(symbol, Run(0, 0)) for symbol in symbols]
        places = row_places([run.start for run in bounds], [run.stop for run in bounds])
        size = min(program.block_bars(len(self.inputs)), max(count, 1))
        for first in range(0, count, size):
            bars = min(size, count - first)
            x, y = np.empty((len(self.inputs), len(symbols), bars)), np.empty((program.outputs, len(symbols), bars))
            for row, column in enumerate(columns):
                lay_out(column, moments, places, first, x[row])
            program(state, x, y)
            take_up(y, moments, places, first, out)

    def update(
        self, state: Float64[Array, " size"], symbols: Sequence[str], bars: Mapping[str, Float64[Array, " inputs"]]
    ) -> dict[str, Float32[Array, " outputs"]]:
        """The features of one moment from the inputs of each symbol that has a bar; the state is advanced."""
        x = np.full((len(self.inputs), len(symbols), 1), np.nan)
        rows = [row for row, symbol in enumerate(symbols) if symbol in bars]
        for row in rows:
            x[:, row, 0] = bars[symbols[row]]
        y = np.empty((len(self.outputs), len(symbols), 1))
        self.program(len(symbols))(state, x, y)
        out = np.empty((len(self.outputs), len(symbols)), np.float32)
        round_to_float32(y[:, :, 0], out)
        return {symbols[row]: out[:, row] for row in rows}
