"""On which keys two resolved configurations differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from gnomon.config.resolved import masked

_ABSENT = object()


class Difference(NamedTuple):
    """One key on which two configurations differ; None where one has no such key."""

    key: str
    a: Any
    b: Any


def difference(a: BaseModel | Mapping[str, Any], b: BaseModel | Mapping[str, Any]) -> list[Difference]:
    """The keys on which two configurations (or masked ones, as read from run folders) differ, in order of the key.

    >>> difference({"seed": 7, "data": {"cache": True}}, {"seed": 8, "data": {"cache": True}})
    [Difference(key='seed', a=7, b=8)]
    """
    left, right = (dict(flat(masked(side) if isinstance(side, BaseModel) else side)) for side in (a, b))
    return [
        Difference(key, left.get(key), right.get(key))
        for key in sorted(left.keys() | right.keys())
        if not _same(left.get(key, _ABSENT), right.get(key, _ABSENT))
    ]


def _same(a: Any, b: Any) -> bool:
    # 1 and True are equal to Python, and not to a reader.
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def flat(values: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested sections by its dotted key; lists and empty sections are leaves."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", value
