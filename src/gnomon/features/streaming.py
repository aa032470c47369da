"""Features one bar at a time, with a state that survives the process.

A stream yields the bits that `FeatureSet.compute` yields over all bars at once, wherever its state was saved and loaded
in between.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from gnomon.core.errors import ConfigError, DataError, IntegrityError, StoreError, unknown
from gnomon.core.files import write_atomic
from gnomon.core.types import Array, Float32, Float64
from gnomon.kernels.base import Program
from gnomon.kernels.rounding import round_to_float32

FORMAT = 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class FeatureStream:
    """The running features of some symbols; made by `FeatureSet.stream`. Not for several threads at once."""

    def __init__(
        self,
        program: Program,
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        symbols: tuple[str, ...],
        fingerprint: str,
    ) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise ConfigError(f"a stream needs symbols, each once; was given {list(symbols)}")
        self.inputs = inputs
        self.outputs = outputs
        self.symbols = symbols
        self._program = program
        self._fingerprint = fingerprint
        self._rows = {symbol: row for row, symbol in enumerate(symbols)}
        self._states = np.zeros((len(symbols), program.state_size))
        self._bars = np.zeros(len(symbols), np.int64)
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
        row = self._row(symbol)
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
        self._program(self._states[row], x, self._y)
        self._bars[row] += 1
        out = np.empty((len(self.outputs), 1), np.float32)
        round_to_float32(self._y, out)
        return out[:, 0]

    def extend(self, symbol: str, columns: Float64[Array, "inputs bars"]) -> Float32[Array, "outputs bars"]:
        """The features of the next bars of a symbol at once: to warm a stream up with history."""
        row = self._row(symbol)
        x = np.ascontiguousarray(columns, np.float64)
        if x.ndim != 2 or x.shape[0] != len(self.inputs):
            raise DataError(f"the bars of {symbol} must be [{len(self.inputs)} inputs, bars], were {list(x.shape)}")
        y = np.empty((len(self.outputs), x.shape[1]))
        self._program(self._states[row], x, y)
        self._bars[row] += x.shape[1]
        out = np.empty(y.shape, np.float32)
        round_to_float32(y, out)
        return out

    def bars_seen(self, symbol: str) -> int:
        """How many bars of the symbol have gone in."""
        return int(self._bars[self._row(symbol)])

    def save(self, path: Path) -> None:
        """Writes the state of all symbols, whole or not at all (npz: arrays with checksums, no code)."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            format=np.array(FORMAT),
            fingerprint=np.array(self._fingerprint),
            symbols=np.array(self.symbols),
            bars=self._bars,
            states=self._states,
        )
        write_atomic(path, buffer.getvalue())

    def load(self, path: Path) -> None:
        """Continues from a saved state; the symbols may stand in another order.

        Raises StoreError for the state of other features, other code or other symbols, IntegrityError for damaged
        bytes; the stream is then as it was.
        """
        try:
            with np.load(path, allow_pickle=False) as saved:
                entries = {name: saved[name] for name in ("format", "fingerprint", "symbols", "bars", "states")}
        except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError) as error:
            raise IntegrityError(f"{path} holds no readable state of features ({error}); start from history") from error
        if int(entries["format"]) != FORMAT:
            raise StoreError(f"{path} has format {int(entries['format'])}, this version reads {FORMAT}")
        if str(entries["fingerprint"]) != self._fingerprint:
            raise StoreError(
                f"{path} was saved by other features, parameters or kernel code than these; start from history"
            )
        held = [str(symbol) for symbol in entries["symbols"]]
        if set(held) != set(self.symbols):
            odd = sorted(set(held) ^ set(self.symbols))
            raise StoreError(f"{path} holds other symbols than this stream: {', '.join(odd)} stand in one only")
        states, bars = entries["states"], entries["bars"]
        if states.shape != self._states.shape or states.dtype != np.float64 or bars.shape != self._bars.shape:
            raise IntegrityError(f"{path} holds states of shape {list(states.shape)}, not {list(self._states.shape)}")
        order = [held.index(symbol) for symbol in self.symbols]
        self._states = np.ascontiguousarray(states[order])
        self._bars = bars[order].astype(np.int64)

    def _row(self, symbol: str) -> int:
        row = self._rows.get(symbol)
        if row is None:
            raise DataError(unknown("symbol", symbol, self.symbols))
        return row


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
