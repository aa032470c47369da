"""An evaluation as plain JSON values and back, without loss.

NaN becomes null and infinity the string "Infinity", because JSON has neither; a moment becomes ISO 8601; a frame
becomes `{"schema": {column: type}, "columns": {column: [values]}}`.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, TypeVar

import polars as pl

from gnomon.core.errors import DataError

T = TypeVar("T")

_DTYPES: dict[str, Any] = {
    "Float64": pl.Float64,
    "Int64": pl.Int64,
    "Int32": pl.Int32,
    "Int8": pl.Int8,
    "UInt32": pl.UInt32,
    "String": pl.String,
    "Boolean": pl.Boolean,
    "Date": pl.Date,
    "Datetime": pl.Datetime("us", "UTC"),
}


def to_plain(value: Any) -> Any:
    """Dataclasses, mappings, tuples, frames and numbers as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, pl.DataFrame):
        return _frame_to_plain(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"an evaluation holds plain values and frames only, was {type(value).__name__}")


def from_plain(kind: type[T], value: Any, *, where: str = "evaluation") -> T:
    """The value of type `kind` that `to_plain` turned into JSON. Raises DataError that names the place of a fault."""
    return typing.cast("T", _read(kind, value, where))


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _read(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        inner = [option for option in typing.get_args(kind) if option is not type(None)]
        return None if value is None else _read(inner[0], value, where)
    if kind is pl.DataFrame:
        return _frame_from_plain(value, where)
    if is_dataclass(kind):
        return _read_dataclass(typing.cast("type[Any]", kind), value, where)
    if origin is tuple:
        inner_kind = typing.get_args(kind)[0]
        _expect(isinstance(value, list), where, "a list", value)
        return tuple(_read(inner_kind, item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is not None:
        inner_kind = typing.get_args(kind)[1]
        _expect(isinstance(value, dict), where, "an object", value)
        return {key: _read(inner_kind, item, f"{where}.{key}") for key, item in value.items()}
    return _read_scalar(kind, value, where)


def _read_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float:
        if value is None:
            return math.nan
        known = isinstance(value, (int, float)) or value in ("Infinity", "-Infinity")
        _expect(known and not isinstance(value, bool), where, 'a number, null or "Infinity"', value)
        return float(value)
    if kind is datetime:
        _expect(isinstance(value, str), where, "a moment in ISO 8601", value)
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise DataError(f"{where} must be a moment in ISO 8601, was {value!r}") from None
    _expect(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), where, kind.__name__, value)
    return value


def _read_dataclass(kind: type[Any], value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where, "an object", value)
    hints = typing.get_type_hints(kind)
    missing = [field.name for field in fields(kind) if field.name not in value]
    if missing:
        raise DataError(f"{where} lacks {', '.join(missing)}; was it written by another version of Gnomon?")
    return kind(**{f.name: _read(hints[f.name], value[f.name], f"{where}.{f.name}") for f in fields(kind)})


def _expect(holds: bool, where: str, what: str, value: Any) -> None:
    if not holds:
        raise DataError(f"{where} must be {what}, was {value!r}")


def _frame_to_plain(frame: pl.DataFrame) -> dict[str, Any]:
    schema, columns = {}, {}
    for name, dtype in frame.schema.items():
        word = "Datetime" if isinstance(dtype, pl.Datetime) else str(dtype)
        if word not in _DTYPES:
            raise TypeError(f"a frame of an evaluation cannot hold the type {dtype} (column {name!r})")
        schema[name] = word
        column = frame[name]
        if word in ("Datetime", "Date"):
            columns[name] = [None if item is None else item.isoformat() for item in column.to_list()]
        else:
            columns[name] = [_number(item) if isinstance(item, float) else item for item in column.to_list()]
    return {"schema": schema, "columns": columns}


def _frame_from_plain(value: Any, where: str) -> pl.DataFrame:
    _expect(isinstance(value, dict) and {"schema", "columns"} <= value.keys(), where, "a frame", value)
    series = []
    for name, word in value["schema"].items():
        _expect(word in _DTYPES, f"{where}.{name}", f"one of the types {', '.join(_DTYPES)}", word)
        items = value["columns"].get(name)
        _expect(isinstance(items, list), f"{where}.{name}", "a list", items)
        if word == "Float64":
            items = [_read_scalar(float, item, f"{where}.{name}") for item in items]
        elif word == "Datetime":
            items = [None if item is None else _read_scalar(datetime, item, f"{where}.{name}") for item in items]
        if word == "Date":
            series.append(pl.Series(name, items, dtype=pl.String).str.to_date())
        else:
            series.append(pl.Series(name, items, dtype=_DTYPES[word]))
    return pl.DataFrame(series)
