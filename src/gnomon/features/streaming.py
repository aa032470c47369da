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
from gnomon.features.state import FeatureState
from gnomon.kernels.base import Program
from gnomon.kernels.rounding import round_to_float32

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class FeatureStream:
    """The running features of some symbols; made by `FeatureSet.stream`. Not for several threads at once."""

    def __init__(
        self, program: Program, inputs: tuple[str, ...], outputs: tuple[str, ...], state: FeatureState
    ) -> None:
        if not state.symbols:
            raise ConfigError("a stream needs symbols")
        self.inputs = inputs
        self.outputs = outputs
        self.symbols = state.symbols
        self.state = state
        """What it carries; `FeatureSet.advance` may go on with it over a chunk of bars."""
        self._program = program
        self._x = np.empty((len(inputs), 1))
        self._y = np.empty((len(outputs), 1))

    def update(
        self, symbol: str, bar: Mapping[str, Any] | Sequence[float] | Float64[Array, " inputs"]
    ) -> Float32[Array, " outputs"]:
        """The features of the next bar of a symbol, in the order of `outputs`.

        `bar` maps the names of `inputs` (`table.column` for a side table) to numbers, or holds them in their order;
        what else it maps is left alone. Raises DataError for an unknown symbol or a missing input, and then nothing has
        changed.
        """
        state = self.state.of(symbol)
        x = self._x
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
        self._program(state, x, self._y)
        self.state.saw(symbol, 1)
        out = np.empty((len(self.outputs), 1), np.float32)
        round_to_float32(self._y, out)
        return out[:, 0]

    def extend(self, symbol: str, columns: Float64[Array, "inputs bars"]) -> Float32[Array, "outputs bars"]:
        """The features of the next bars of a symbol at once: to warm a stream up with history."""
        state = self.state.of(symbol)
        x = np.ascontiguousarray(columns, np.float64)
        if x.ndim != 2 or x.shape[0] != len(self.inputs):
            raise DataError(f"the bars of {symbol} must be [{len(self.inputs)} inputs, bars], were {list(x.shape)}")
        y = np.empty((len(self.outputs), x.shape[1]))
        self._program(state, x, y)
        self.state.saw(symbol, x.shape[1])
        out = np.empty(y.shape, np.float32)
        round_to_float32(y, out)
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
            path, fingerprint=self.state.fingerprint, size=self.state.size, shared=self.state.shared.size
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
