"""Features one bar at a time, with a state that survives the process.

A stream yields the bits that `FeatureSet.compute` yields over all bars at once, wherever its state was saved and loaded
in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.errors import ConfigError, DataError, StoreError
from gnomon.core.types import Array, Float32, Float64
from gnomon.features.panel import PanelFeatures
from gnomon.features.state import FeatureState
from gnomon.kernels.base import Program
from gnomon.kernels.rounding import round_to_float32

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class FeatureStream:
    """The running features of some symbols; made by `FeatureSet.stream`. Not for several threads at once."""

    def __init__(
        self,
        program: Program,
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        state: FeatureState,
        panel: PanelFeatures | None = None,
    ) -> None:
        if not state.symbols:
            raise ConfigError("a stream needs symbols")
        self.inputs = inputs
        self.outputs = outputs
        self.symbols = state.symbols
        self.state = state
        """What it carries; `FeatureSet.advance` may go on with it over a chunk of bars."""
        self._program = program
        self._panel = panel
        self._crossing = [inputs.index(name) for name in panel.inputs] if panel else []
        # The inputs of the features of one symbol stand before those that only the others read.
        self._alone = program.columns_needed
        self._x = np.empty((len(inputs), 1))
        self._y = np.empty((program.outputs, 1))

    def update(
        self, symbol: str, bar: Mapping[str, Any] | Sequence[float] | Float64[Array, " inputs"]
    ) -> Float32[Array, " outputs"]:
        """The features of the next bar of a symbol, in the order of `outputs`.

        `bar` maps the names of `inputs` (`table.column` for a side table) to numbers, or holds them in their order;
        what else it maps is left alone. Raises DataError for an unknown symbol or a missing input, and then nothing has
        changed; ConfigError where features see all symbols of a moment at once.
        """
        self._refuse_alone("update_all({symbol: bar, ...})")
        state = self.state.of(symbol)
        self._read(symbol, bar, self._x)
        self._program(state, self._x, self._y)
        self.state.saw(symbol, 1)
        out = np.empty((len(self.outputs), 1), np.float32)
        round_to_float32(self._y, out)
        return out[:, 0]

    def update_all(
        self, bars: Mapping[str, Mapping[str, Any] | Sequence[float] | Float64[Array, " inputs"]]
    ) -> dict[str, Float32[Array, " outputs"]]:
        """The features of one moment: of each symbol that has a bar, by its name, as `update` gives them.

        `bars` holds all bars of the moment; a symbol that is not in it has none. Raises DataError as `update` does, and
        then nothing has changed.
        """
        read = {}
        for symbol, bar in bars.items():
            self.state.of(symbol)
            read[symbol] = np.empty((len(self.inputs), 1))
            self._read(symbol, bar, read[symbol])
        found = {}
        for symbol, x in read.items():
            found[symbol] = np.empty((len(self.outputs), 1), np.float32)
            if self._alone:
                self._program(self.state.of(symbol), x[: self._alone], self._y)
                round_to_float32(self._y, found[symbol])
            self.state.saw(symbol, 1)
        if self._panel:
            crossing = {symbol: x[self._crossing, 0] for symbol, x in read.items()}
            for symbol, values in self._panel.update(self.state.panel, self.state.symbols, crossing).items():
                found[symbol][self._program.outputs :, 0] = values
        return {symbol: out[:, 0] for symbol, out in found.items()}

    def _read(
        self, symbol: str, bar: Mapping[str, Any] | Sequence[float] | Array, x: Float64[Array, "inputs 1"]
    ) -> None:
        if isinstance(bar, Mapping):
            for index, name in enumerate(self.inputs):
                if name not in bar:
                    raise DataError(f"the bar of {symbol} lacks {name!r}; a bar needs {', '.join(self.inputs)}")
                x[index, 0] = _number(bar[name], name)
        else:
            values = np.asarray(bar, np.float64)
            if values.shape != (len(self.inputs),):
                raise DataError(
                    f"the bar of {symbol} must hold {len(self.inputs)} numbers ({', '.join(self.inputs)}), "
                    f"was {list(values.shape)}"
                )
            x[:, 0] = values

    def _refuse_alone(self, instead: str) -> None:
        if self._panel:
            names = ", ".join(spec.name for spec in self._panel.specs)
            raise ConfigError(
                f"{names} see all symbols of a moment at once, so the bar of one symbol has no answer; use {instead}"
            )

    def extend(self, symbol: str, columns: Float64[Array, "inputs bars"]) -> Float32[Array, "outputs bars"]:
        """The features of the next bars of a symbol at once: to warm a stream up with history.

        Raises DataError and ConfigError as `update` does.
        """
        self._refuse_alone("FeatureSet.advance(stream.state, bars)")
        state = self.state.of(symbol)
        x = np.ascontiguousarray(columns, np.float64)
        if x.ndim != 2 or x.shape[0] != len(self.inputs):
            raise DataError(f"the bars of {symbol} must be [{len(self.inputs)} inputs, bars], were {list(x.shape)}")
        out = np.empty((len(self.outputs), x.shape[1]), np.float32)
        self._program.fill(state, list(x), out)
        self.state.saw(symbol, x.shape[1])
        return out

    def bars_seen(self, symbol: str) -> int:
        """How many bars of the symbol have gone in."""
        return self.state.bars_seen(symbol)

    def save(self, path: Path) -> None:
        """Writes the state of all symbols, whole or not at all; see `FeatureState.save`."""
        self.state.save(path)

    def load(self, path: Path) -> None:
        """Continues from a saved state; the symbols may stand in another order.

        Raises StoreError for the state of other features, other code or other symbols, IntegrityError for damaged
        bytes; the stream is then as it was.
        """
        state = FeatureState.load(
            path, fingerprint=self.state.fingerprint, size=self.state.size, panel_size=self.state.panel_size
        )
        if odd := sorted(set(state.symbols) ^ set(self.symbols)):
            raise StoreError(f"{path} holds other symbols than this stream: {', '.join(odd)} stand in one only")
        self.state = state


def _number(value: Any, name: str) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise DataError(f"{name!r} must carry a time zone, was {value}")
        # Whole microseconds, as the frames hold: a float of seconds would lose the last ones.
        return float((value - EPOCH) // MICROSECOND)
    # Text is refused even where it reads as a number: a source that sends it is not what it should be.
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise DataError(f"{name!r} must be a number, was {value!r}")
    return float(value)
