"""From merged layers to a `PipelineConfig`, or one line a fault: file, line, key, value, and what would be right."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from gnomon.config import yaml
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import ConfigError, nearest
from gnomon.core.redaction import redact

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

LISTED = 12
"""Known keys are listed in full up to this many."""

_WORDS = {
    "missing": "is missing",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be text; quote it",
    "list_type": "must be a list; write [a, b]",
    "dict_type": "must be a section of keys",
    "model_type": "must be a section of keys",
}


def validate(tree: yaml.Mapping, values: dict[str, Any], *, shown: dict[Path, str] | None = None) -> PipelineConfig:
    """Checks the merged values. `tree` gives the places, `shown` what to print in place of values from outside.

    Raises ConfigError with one line for every fault.
    """
    try:
        return PipelineConfig.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    # A union reports each of its members; the longest path is the member that the person meant.
    lines = dict.fromkeys(_explain(fault, tree, shown or {}) for fault in _meant(faults))
    raise ConfigError("\n".join(lines))


def dotted(path: Path) -> str:
    """The path as people write it.

    >>> dotted(("pipelines", "default", 0, "stage"))
    'pipelines.default[0].stage'
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def place(tree: yaml.Node, path: Path) -> yaml.Mark:
    """Where the key at `path` stands, or its nearest parent that was written."""
    mark = tree.mark
    for part in path:
        match tree, part:
            case yaml.Mapping(), str() if part in tree.entries:
                mark, tree = tree.keys[part], tree.entries[part]
            case yaml.Sequence(), int() if part < len(tree.items):
                tree = tree.items[part]
                mark = tree.mark
            case _:
                break
    return mark


def known_keys(path: Path) -> list[str] | None:
    """The keys that the section at `path` may hold; None where any key may stand."""
    annotation: Any = PipelineConfig
    for part in path:
        annotation = _member(annotation, part)
    section = _section(annotation)
    return list(section.model_fields) if section is not None else None


def every_path(section: type[BaseModel] = PipelineConfig, under: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of the schema, as a path; `*` stands for a name that the person chooses."""
    for name, field in section.model_fields.items():
        yield (*under, name)
        inner = _section(field.annotation)
        star: tuple[str, ...] = ()
        if inner is None and (member := _member(field.annotation, "*")) is not None:
            inner, star = _section(member), ("*",)
        if inner is not None:
            yield from every_path(inner, (*under, name, *star))


def suggestion(key: str, path: Path) -> str:
    """What a person who wrote `key` in the section at `path` most likely meant, as the end of a message."""
    known = known_keys(path[:-1]) or []
    plain = yaml.latinised(key)
    elsewhere = [".".join(other) for other in every_path() if other[-1] == plain and "*" not in other]
    close = nearest(plain, known)
    if elsewhere and close != plain:
        here = f" or {close!r} here" if close else ""
        return f"did you mean {' or '.join(elsewhere)}{here}?"
    if close is not None:
        other = nearest(plain, [name for name in known if name != close])
        as_near = other is not None and _likeness(plain, other) > _likeness(plain, close) - 0.1
        return f"did you mean {close!r}{f' or {other!r}' if as_near else ''}?"
    if len(known) <= LISTED:
        return f"known: {', '.join(known)}"
    far = nearest(plain, {other[-1]: None for other in every_path()})
    hint = next((f"; or did you mean {'.'.join(other)}?" for other in every_path() if other[-1] == far), "")
    return f"known: {', '.join(known)}{hint}"


def _likeness(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _meant(faults: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Faults without those of union members that the value is no attempt at."""
    groups: dict[Path, list[ErrorDetails]] = {}
    for fault in faults:
        groups.setdefault(_written(fault["loc"]), []).append(fault)
    kept = []
    for path, group in groups.items():
        inside = any(len(other) > len(path) and other[: len(path)] == path for other in groups)
        if not (inside and all(_union_member(fault["loc"]) for fault in group)):
            kept.append(group[-1] if _union_member(group[-1]["loc"]) else group[0])
    return kept


def _union_member(loc: Path) -> bool:
    return any(part in {"str", "StageConfig"} for part in loc)


def _written(loc: Path) -> Path:
    """A fault's path without the names of union members, which pydantic puts between."""
    return tuple(
        part
        for index, part in enumerate(loc)
        if not (part in {"str", "StageConfig"} and index and isinstance(loc[index - 1], int))
    )


def _explain(fault: ErrorDetails, tree: yaml.Mapping, shown: dict[Path, str]) -> str:
    path = _written(fault["loc"])
    if fault["type"] == "unknown_pipeline":
        return f"{place(tree, ('pipeline',))}: pipeline: {fault['msg']}"
    where, mark = dotted(path), place(tree, path)
    if fault["type"] == "extra_forbidden":
        key = str(path[-1])
        return f"{mark}: unknown key {key!r} at {where}; {suggestion(key, path)}"
    if fault["type"] == "missing":
        return f"{mark}: {where} is missing"
    value = fault["input"]
    if value is None and fault["type"] in {"model_type", "dict_type", "list_type"}:
        return f"{mark}: {where} is empty; give it entries or remove the key"
    if isinstance(value, SecretStr):
        return f"{mark}: {where} holds a secret, by its name or its variable's, where plain text is kept"
    message = _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return redact(f"{mark}: {where} = {shown.get(path) or _short(value)}: {message[:1].lower()}{message[1:]}")


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"a section ({', '.join(map(str, list(value)[:4]))})"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _section(annotation: Any) -> type[BaseModel] | None:
    """The section in an annotation such as `ModelConfig | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (Union, types.UnionType, Annotated):
        return next((found for arg in typing.get_args(annotation) if (found := _section(arg))), None)
    return None


def _member(annotation: Any, part: str | int) -> Any:
    """The annotation one step further down."""
    if (section := _section(annotation)) is not None:
        field = section.model_fields.get(str(part))
        return field.annotation if field else None
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (dict, list):
        return args[-1]
    if origin in (Union, types.UnionType, Annotated):
        return next((found for arg in args if (found := _member(arg, part)) is not None), None)
    return None
