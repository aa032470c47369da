"""The content hash of bars: of their values, not of a file, so that CSV, Parquet and SQLite agree."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from gnomon.core.errors import DataError


def hash_bars(frame: pl.DataFrame) -> str:
    """SHA-256 over columns (by name, with type) and their values in row order; equal frames, equal hash.

    The order of columns, the chunks in memory and which of the many NaNs a NaN is do not count; -0.0 is not 0.0.
    """
    digest = hashlib.sha256(f"{frame.height}".encode())
    for name in sorted(frame.columns):
        column = frame[name]
        digest.update(f"\0{name}\0{column.dtype}\0{column.null_count()}\0".encode())
        if column.null_count():
            digest.update(np.packbits(column.is_null().to_numpy()).tobytes())
        digest.update(_values(column))
    return digest.hexdigest()


def _values(column: pl.Series) -> bytes:
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        filled = column.fill_null("")
        lengths = filled.str.len_bytes().to_numpy().astype("<u4")
        return bytes(lengths.tobytes()) + str(filled.str.join("")[0]).encode()
    if column.dtype.is_float():
        values = column.fill_null(0.0).to_numpy().astype("<f8" if column.dtype == pl.Float64 else "<f4")
        values[np.isnan(values)] = np.nan
        return bytes(values.tobytes())
    if column.dtype.is_integer() or column.dtype.is_temporal() or column.dtype == pl.Boolean:
        return bytes(column.to_physical().cast(pl.Int64).fill_null(0).to_numpy().astype("<i8").tobytes())
    raise DataError(f"column {column.name!r} is {column.dtype}: bars hold numbers, text, dates and booleans")
