"""How products are kept: frames as Parquet, plain values as JSON, anything else by its own save and load."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from gnomon.core.hashing import canonical_json
from gnomon.pipeline.base import Codec

T = TypeVar("T")
Schema = Mapping[str, Any]


class FrameCodec(Codec[pl.DataFrame]):
    """One frame, with the columns that it must at least have."""

    def __init__(self, schema: Schema | None = None) -> None:
        self.schema = dict(schema or {})

    def save(self, value: pl.DataFrame, folder: Path) -> None:
        """Writes `frame.parquet`."""
        _write(value, folder / "frame.parquet")

    def load(self, folder: Path) -> pl.DataFrame:
        """Reads `frame.parquet`."""
        return pl.read_parquet(folder / "frame.parquet", glob=False)

    def check(self, value: object) -> str | None:
        """Names the first missing or mistyped column."""
        return _frame_fault(value, self.schema)


class FramesCodec(Codec[Mapping[str, pl.DataFrame]]):
    """Named frames, a file each."""

    def save(self, value: Mapping[str, pl.DataFrame], folder: Path) -> None:
        """Writes `<name>.parquet` for each."""
        for name, frame in value.items():
            _write(frame, folder / f"{name}.parquet")

    def load(self, folder: Path) -> Mapping[str, pl.DataFrame]:
        """Reads every Parquet file of the folder."""
        return {path.stem: pl.read_parquet(path, glob=False) for path in sorted(folder.glob("*.parquet"))}

    def as_loaded(self, value: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.DataFrame]:
        """Frames come back in the order of their names."""
        return dict(sorted(value.items()))

    def check(self, value: object) -> str | None:
        """Every value is a frame."""
        if not isinstance(value, Mapping):
            return f"expected frames by name, got {type(value).__name__}"
        return next((fault for frame in value.values() if (fault := _frame_fault(frame, {}))), None)


class JsonCodec(Codec[Any]):
    """A plain value: dict, list, str, int, float, bool, None; no NaN."""

    def save(self, value: Any, folder: Path) -> None:
        """Writes `value.json` in canonical form."""
        (folder / "value.json").write_bytes(canonical_json(value))

    def load(self, folder: Path) -> Any:
        """Reads `value.json`."""
        return json.loads((folder / "value.json").read_bytes())

    def as_loaded(self, value: Any) -> Any:
        """Keys come back sorted, tuples as lists."""
        return json.loads(canonical_json(value))

    def check(self, value: object) -> str | None:
        """Only plain values can be written."""
        try:
            canonical_json(value)
        except (TypeError, ValueError) as error:
            return f"not a plain JSON value: {error}"
        return None


class FolderCodec(Codec[T]):
    """A value that knows how to save itself into a folder and be loaded from it."""

    def __init__(
        self,
        kind: type[T],
        *,
        save: Callable[[T, Path], None],
        load: Callable[[Path], T],
        as_loaded: Callable[[T], T] | None = None,
    ) -> None:
        self.kind = kind
        self._save = save
        self._load = load
        self._as_loaded = as_loaded

    def as_loaded(self, value: T) -> T:
        """What the type's own save and load make of it."""
        return value if self._as_loaded is None else self._as_loaded(value)

    def save(self, value: T, folder: Path) -> None:
        """Hands the folder to the value's own save."""
        self._save(value, folder)

    def load(self, folder: Path) -> T:
        """Hands the folder to the type's own load."""
        return self._load(folder)

    def check(self, value: object) -> str | None:
        """The value is of the declared type."""
        if not isinstance(value, self.kind):
            return f"expected {self.kind.__name__}, got {type(value).__name__}"
        return None


def _write(frame: pl.DataFrame, path: Path) -> None:
    # In one piece: how a frame lies in memory depends on where it came from, and must not show in its bytes.
    frame.rechunk().write_parquet(path, compression="zstd", statistics=True)


def _frame_fault(value: object, schema: Schema) -> str | None:
    if not isinstance(value, pl.DataFrame):
        return f"expected a polars DataFrame, got {type(value).__name__}"
    for name, dtype in schema.items():
        if name not in value.columns:
            return f"column {name!r} is missing; it has {', '.join(value.columns)}"
        if value.schema[name] != dtype:
            return f"column {name!r} is {value.schema[name]}, expected {dtype}"
    return None
