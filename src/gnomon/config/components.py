"""Component sections: where they stand, and their check once higher floors bring the registries that know them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from gnomon.config.loader import LoadedConfig
from gnomon.config.models import PipelineConfig
from gnomon.config.validation import Path, dotted, place
from gnomon.core.errors import ConfigError
from gnomon.core.redaction import redact

Builder = Callable[[Mapping[str, Any], str], object]
"""Builds a component from its section and its dotted place; raises ConfigError. `Registry.from_config` is one."""

_UNKNOWN = re.compile(r"unknown key .* at (.+?)(?:;|$)")
_TOKEN = re.compile(r"[A-Za-z_][\w.\-\[\]]*")


@dataclass(frozen=True)
class ComponentSection:
    """A section that a higher floor knows: a component, with the registry of its `kind`, or the raw "execution"."""

    registry: str
    path: Path
    values: Mapping[str, Any]


def component_sections(config: PipelineConfig) -> Iterator[ComponentSection]:
    """Every section that a registry checks, in the order of the schema. A model's is `{"model_type", "params"}`."""
    yield from _walk(config, ())


def check_components(loaded: LoadedConfig, builders: Mapping[str, Callable[..., object]]) -> None:
    """Builds every component whose registry is in `builders` and raises all faults as one ConfigError, with places.

    `builders` are called as `build(section, where="labels")`.
    """
    faults = []
    for section in component_sections(loaded.config):
        if section.registry in builders:
            try:
                builders[section.registry](section.values, where=dotted(section.path))
            except ConfigError as error:
                faults += [_located(line, section.path, loaded) for line in str(error).splitlines()]
    if faults:
        raise ConfigError("\n".join(faults))


def locate(error: ConfigError, loaded: LoadedConfig) -> ConfigError:
    """The same faults, each with the file and line of the first key that it names, where it names one."""
    return type(error)("\n".join(_found(line, loaded) for line in str(error).splitlines()))


def _found(line: str, loaded: LoadedConfig) -> str:
    for token in _TOKEN.findall(line):
        path = _parts(token)
        # A single word is a key only where the fault begins with it.
        if path[0] in PipelineConfig.model_fields and (len(path) > 1 or line.startswith(token)):
            return redact(f"{place(loaded.tree, path)}: {line}")
    return line


def _parts(token: str) -> Path:
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", token))


def _located(line: str, path: Path, loaded: LoadedConfig) -> str:
    """A fault with the place of the key that it is about, the longest one that it names."""
    start = dotted(path)
    unknown_key = _UNKNOWN.match(line)
    tokens = [unknown_key[1]] if unknown_key else _TOKEN.findall(line)
    best = path
    for token in tokens:
        if token.startswith(start):
            best = max(best, (*path, *_parts(token.removeprefix(start))), key=len)
    return redact(f"{place(loaded.tree, best)}: {line}")


def _walk(section: BaseModel, path: Path) -> Iterator[ComponentSection]:
    for name, field in type(section).model_fields.items():
        value, here = getattr(section, name), (*path, name)
        extra = field.json_schema_extra
        registry = (extra.get("x-registry") or extra.get("x-fields")) if isinstance(extra, dict) else None
        if registry == "model":
            yield ComponentSection("model", path, section.model_dump())
        elif isinstance(value, dict) and (registry := registry or _noted(field.annotation, within=Union)):
            yield ComponentSection(str(registry), here, value)
        else:
            yield from _members(value, here, field.annotation)


def _members(value: Any, path: Path, annotation: Any) -> Iterator[ComponentSection]:
    match value:
        case BaseModel():
            yield from _walk(value, path)
        case dict():
            for key, member in value.items():
                if isinstance(member, BaseModel):
                    yield from _walk(member, (*path, key))
                elif registry := _noted(annotation, within=dict):
                    yield ComponentSection(registry, (*path, key), member)
        case list():
            registry = _noted(annotation, within=list)
            for index, member in enumerate(value):
                if registry:
                    yield ComponentSection(registry, (*path, index), member)


def _noted(annotation: Any, *, within: Any) -> str | None:
    """The registry noted on the members of `list[Repair]`, `dict[str, Labels]` or, within Union, `SideTable | None`."""
    if get_origin(annotation) not in ({Union, UnionType} if within is Union else {within}):
        return None
    for argument in get_args(annotation):
        for note in getattr(argument, "__metadata__", ()):
            extra = getattr(note, "json_schema_extra", None)
            if isinstance(extra, dict) and isinstance(name := extra.get("x-registry"), str):
                return name
    return None
