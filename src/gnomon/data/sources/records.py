"""Records (objects or lists, as JSON and databases give them) to a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from gnomon.core.errors import DataError


def records_at(body: Any, path: str, *, origin: str) -> list[Any]:
    """The list at a dotted path of a JSON value ("data.0.candles"). DataError says where the path ends."""
    for part in path.split(".") if path else []:
        if isinstance(body, dict) and part in body:
            body = body[part]
        elif isinstance(body, list) and part.isdigit() and int(part) < len(body):
            body = body[int(part)]
        else:
            there = ", ".join(map(str, body)) if isinstance(body, dict) else type(body).__name__
            raise DataError(f"{origin} has no {part!r} of `records: {path}`; it has {there}")
    if not isinstance(body, list):
        hint = f"it has {', '.join(map(str, body))}; set `records`" if isinstance(body, dict) else "set `records`"
        raise DataError(f"{origin}: {path or 'the answer'} is no list but {type(body).__name__}; {hint}")
    return body


def frame_of(rows: Sequence[Any], names: tuple[str, ...] | None, *, origin: str) -> pl.DataFrame:
    """A frame of records: objects, or lists whose columns `names` gives. DataError shows a record that differs."""
    if names is not None:
        wrong = [row for row in rows if not isinstance(row, list) or len(row) != len(names)]
        if wrong:
            raise DataError(f"{origin}: a record is not a list of {len(names)} values: {str(wrong[0])[:100]}")
        columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    else:
        wrong = [row for row in rows if not isinstance(row, dict)]
        if wrong:
            raise DataError(f"{origin}: a record is no object ({str(wrong[0])[:100]}); give `names` for lists")
        columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)}
    return pl.DataFrame([column_of(name, values) for name, values in columns.items()])


def column_of(name: str, values: Sequence[Any]) -> pl.Series:
    """Integers or floats where all values are; else text, so that a word among numbers is seen and refused."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds and kinds <= {int, float}:
        try:
            return pl.Series(name, values, dtype=pl.Float64 if float in kinds else pl.Int64)
        except (OverflowError, TypeError):
            return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
