"""What features carry from one chunk of bars to the next.

The same state serves history in chunks (`FeatureSet.advance`) and live bars (`FeatureStream`): it may be saved by the
one and continued by the other.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.errors import DataError, IntegrityError, StoreError, unknown
from gnomon.core.files import write_atomic
from gnomon.core.types import Array, Float64
from gnomon.data.base import TIMESTAMP

FORMAT = 2


def no_panel(_: int) -> int:
    """The size of the state of a set without cross-sectional features."""
    return 0


class FeatureState:
    """The state of the kernels of each symbol, and what side tables had published; made by `FeatureSet.start`.

    Symbols join when their first bar comes. Not for several threads at once.
    """

    def __init__(
        self,
        fingerprint: str,
        size: int,
        symbols: Iterable[str] = (),
        *,
        panel_size: Callable[[int], int] = no_panel,
    ) -> None:
        self.fingerprint = fingerprint
        """Of the features whose state this is, code included."""
        self.size = size
        """Floats that the kernels of one symbol carry."""
        self.panel_size = panel_size
        """Floats that kernels which see all symbols of a moment at once carry, by the number of symbols."""
        self.moment: int | None = None
        """The last moment of the chunks so far (microseconds since 1970): the next chunk begins after it."""
        self.tables: dict[str, pl.DataFrame] = {}
        """Of each side table the rows that later bars may read (`gnomon.features.published`)."""
        self._states = {symbol: np.zeros(size) for symbol in symbols}
        self._bars = dict.fromkeys(self._states, 0)
        self.panel = np.zeros(panel_size(len(self._states)))
        """What those kernels carry, over the symbols in their order."""

    def __repr__(self) -> str:
        return f"FeatureState({len(self._states)} symbols, {sum(self._bars.values())} bars)"

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols seen so far, in the order in which they joined."""
        return tuple(self._states)

    def of(self, symbol: str) -> Float64[Array, " size"]:
        """The state of a symbol's kernels, itself and no copy. DataError for an unknown symbol."""
        state = self._states.get(symbol)
        if state is None:
            raise DataError(unknown("symbol", symbol, self._states))
        return state

    def copy_of(self, symbol: str) -> Float64[Array, " size"]:
        """A copy of a symbol's state; that before the first bar where the symbol is new."""
        state = self._states.get(symbol)
        return np.zeros(self.size) if state is None else state.copy()

    def put(self, symbol: str, state: Float64[Array, " size"], *, bars: int) -> None:
        """Replaces the state of a symbol, old or new, by that after `bars` more bars."""
        self._states[symbol] = state
        self._bars[symbol] = self._bars.get(symbol, 0) + bars

    def saw(self, symbol: str, bars: int) -> None:
        """Counts bars by which the array that `of` gave was advanced."""
        self._bars[symbol] += bars

    def bars_seen(self, symbol: str) -> int:
        """How many bars of the symbol have gone in. DataError for an unknown symbol."""
        self.of(symbol)
        return self._bars[symbol]

    def save(self, path: Path) -> None:
        """Writes the state, whole or not at all (npz: arrays with checksums, no code)."""
        entries: dict[str, Any] = {
            "format": np.array(FORMAT),
            "fingerprint": np.array(self.fingerprint),
            "symbols": np.array(self.symbols, np.str_),
            "bars": np.array([self._bars[symbol] for symbol in self._states], np.int64),
            "states": np.stack(list(self._states.values())) if self._states else np.empty((0, self.size)),
            "panel": self.panel,
            "moment": np.array([] if self.moment is None else [self.moment], np.int64),
            "tables": np.array(sorted(self.tables), np.str_),
        }
        for number, name in enumerate(sorted(self.tables)):
            entries |= {f"{key}.{number}": value for key, value in _arrays(self.tables[name]).items()}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **entries)
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(
        cls, path: Path, *, fingerprint: str, size: int, panel_size: Callable[[int], int] = no_panel
    ) -> FeatureState:
        """A saved state of the features with this fingerprint.

        Raises StoreError for the state of other features or other code, IntegrityError for damaged bytes.
        """
        try:
            with np.load(path, allow_pickle=False) as saved:
                if int(saved["format"]) != FORMAT:
                    raise StoreError(f"{path} has format {int(saved['format'])}, this version reads {FORMAT}")
                if str(saved["fingerprint"]) != fingerprint:
                    raise StoreError(
                        f"{path} was saved by other features, parameters or kernel code than these; start from history"
                    )
                state = cls(fingerprint, size, [str(symbol) for symbol in saved["symbols"]], panel_size=panel_size)
                state._fill(saved)
        except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, NotImplementedError) as error:
            raise IntegrityError(f"{path} holds no readable state of features ({error}); start from history") from error
        return state

    def _fill(self, saved: Mapping[str, Any]) -> None:
        """Takes the arrays of a file. Raises ValueError for shapes that are not this state's."""
        states, bars, panel = saved["states"], saved["bars"], saved["panel"]
        for name, array, shape, kind in (
            ("states", states, (len(self._states), self.size), np.float64),
            ("bars", bars, (len(self._states),), np.int64),
            ("panel", panel, self.panel.shape, np.float64),
        ):
            if array.shape != shape or array.dtype != kind:
                raise ValueError(f"{name} of shape {list(array.shape)}, not {list(shape)}")
        for symbol, row, count in zip(tuple(self._states), states, bars, strict=True):
            self._states[symbol] = np.array(row)
            self._bars[symbol] = int(count)
        self.panel = np.array(panel)
        self.moment = int(saved["moment"][0]) if len(saved["moment"]) else None
        for number, name in enumerate(saved["tables"]):
            self.tables[str(name)] = _table(saved, number)


def _arrays(table: pl.DataFrame) -> dict[str, Any]:
    columns = [name for name in table.columns if name not in {"known_at", "symbol"}]
    arrays: dict[str, Any] = {
        "known_at": table["known_at"].to_physical().to_numpy(),
        "columns": np.array(columns, np.str_),
        "values": np.stack([table[name].to_numpy() for name in columns]),
    }
    if "symbol" in table.columns:
        arrays["symbol"] = np.array(table["symbol"].to_list(), np.str_)
    return arrays


def _table(saved: Mapping[str, Any], number: int) -> pl.DataFrame:
    known_at = pl.Series("known_at", saved[f"known_at.{number}"]).cast(TIMESTAMP)
    symbols: Sequence[pl.Series] = ()
    if f"symbol.{number}" in saved:
        symbols = [pl.Series("symbol", [str(symbol) for symbol in saved[f"symbol.{number}"]], pl.String)]
    names, values = saved[f"columns.{number}"], saved[f"values.{number}"]
    return pl.DataFrame([known_at, *symbols, *(pl.Series(str(n), row) for n, row in zip(names, values, strict=True))])
