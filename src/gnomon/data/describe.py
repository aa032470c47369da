"""Sources and queries as plain values, fit to be written down: no secrets, no frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from gnomon.core.redaction import MASK, redact_values
from gnomon.data.base import SOURCES, TABLES, Query


def describe_source(source: object) -> dict[str, Any]:
    """A source's kind and the fields that differ from their defaults, secrets masked.

    >>> from gnomon.data.sources.embedded import EmbeddedDataSource
    >>> describe_source(EmbeddedDataSource(symbols=("SP500",)))
    {'kind': 'embedded', 'symbols': ['SP500']}
    """
    kind = next(
        (entry.name for registry in (SOURCES, TABLES) for entry in registry if entry.component is type(source)),
        type(source).__name__,
    )
    described: dict[str, Any] = {"kind": kind}
    if dataclasses.is_dataclass(source):
        for field in dataclasses.fields(source):
            value = getattr(source, field.name)
            if field.compare and field.name != "frame" and value != field.default:
                described[field.name] = _headers(value) if field.name == "headers" else plain(value)
    masked: dict[str, Any] = redact_values(described)
    return masked


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers may carry secrets under any name; only those that negotiate a form are shown."""
    return {name: value if name.casefold().startswith("accept") else MASK for name, value in headers.items()}


def describe_query(query: Query) -> dict[str, Any]:
    """A query with its moments in UTC."""
    moments = {"start": query.start, "end": query.end}
    return {
        "symbols": None if query.symbols is None else sorted(query.symbols),
        **{name: None if moment is None else moment.astimezone(UTC).isoformat() for name, moment in moments.items()},
    }


def plain(value: Any) -> Any:
    """A field's value as JSON has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
