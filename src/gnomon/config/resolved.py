"""A configuration as plain values: masked for run folders and screens, hashed, and asked by key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, SecretStr

from gnomon.config import yaml
from gnomon.config.secrets import Secret
from gnomon.core.errors import ConfigError, unknown
from gnomon.core.hashing import hash_value
from gnomon.core.redaction import MASK

_ABSENT = object()


def masked(config: BaseModel) -> dict[str, Any]:
    """Every key as plain values (dict, list, str, int, float, bool, None), secrets as the `${VAR}` they came from.

    What is returned can stand as a `gnomon.yaml` of its own and means the same.
    """
    plain = _plain(config.model_dump())
    assert isinstance(plain, dict)
    return plain


def to_yaml(config: BaseModel) -> str:
    """The masked configuration as YAML: what a run folder keeps as config.yaml. The same values, the same bytes."""
    return yaml.dump(masked(config))


def config_hash(config: BaseModel, *parts: str) -> str:
    """Hash of the parts at these dotted keys, of the whole without any. Secrets do not enter, only their `${VAR}`."""
    values = masked(config)
    chosen = {part: lookup(values, part) for part in parts} if parts else values
    return hash_value(_hashable(chosen))


def lookup(values: Any, key: str, *, default: Any = _ABSENT) -> Any:
    """The value at a dotted key of sections, mappings and lists. ConfigError names the nearest key when it is absent.

    >>> lookup({"model": {"params": {"folds": 3}}}, "model.params.folds")
    3
    """
    found = values
    for depth, part in enumerate(parts := key.split(".")):
        options = _options(found)
        if part in options:
            found = options[part]
        elif default is not _ABSENT:
            return default
        else:
            where = ".".join(parts[:depth]) or "the top"
            raise ConfigError(unknown("key", part, options, where=where))
    return default if found is None and default is not _ABSENT else found


def _options(value: Any) -> Mapping[str, Any]:
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return value.shown
        case SecretStr():
            return MASK
        case str():
            return value.replace("${", "$${")
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case None | bool() | int() | float():
            return value
    raise ConfigError(f"a configuration holds plain values, not {type(value).__name__}")


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hashable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hashable(inner) for inner in value]
    # Canonical JSON has no infinity; the name cannot be taken for a text, which would carry quotes in YAML.
    return {"float": repr(value)} if isinstance(value, float) and math.isinf(value) else value
