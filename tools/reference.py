"""Writes the reference pages that are made from the code: configuration keys, components, commands.

The documentation's build calls `write`; nothing it makes is committed, so none of it can be stale.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import itertools
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import typer.main
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gnomon.cli.config import registries
from gnomon.cli.main import COMMANDS
from gnomon.config import yaml
from gnomon.config.models import PipelineConfig
from gnomon.execution.base import ExecutionConfig
from gnomon.models.base import ModelRegistry

WORDS = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", Any: "any value"}
PLACES = {
    "data source": "`data.source`",
    "side table": "`data.side_tables.NAME.source`, `data.actions`, `data.universe`",
    "repair": "`data.repair`",
    "labeler": "`labels`",
    "splitter": "`split`",
    "projection": "`training.projection`",
    "sizer": "`sizing`",
    "guardrail": "`guardrails`",
    "selection rule": "`selection.rule`",
}


def write(folder: Path) -> None:
    """Writes every page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in {"keys": keys(), "components": components(), "commands": commands()}.items():
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def keys() -> Iterator[str]:
    """A table for each section of the configuration."""
    yield from _section(PipelineConfig, "")


def components() -> Iterator[str]:
    """For each registry, each component with its fields."""
    for kind, registry in registries().items():
        yield from (f"## {kind.capitalize()}s", "", f"In {PLACES[kind]}, chosen by `kind`.", "")
        for entry in registry:
            yield from _component(entry.name, entry.component)
    yield from ("## Models", "", "In `models.NAME`, chosen by `model_type`; the fields stand in `params`.", "")
    for name in ModelRegistry.names():
        model = ModelRegistry.models.get(name)
        yield from (f"### `{name}`", "", _first_paragraph(model), "")
        yield from _table(_model_rows(model.Config))
    yield from ("## Execution", "", "In `execution`: the [ledger's rules](ledger.md) as numbers.", "")
    yield from _table(_dataclass_rows(ExecutionConfig))


def commands() -> Iterator[str]:
    """Every command with its arguments and options."""
    for name, place in COMMANDS.items():
        if importlib.util.find_spec(f"gnomon.cli.{place.module}") is None:
            continue
        module = importlib.import_module(f"gnomon.cli.{place.module}")
        yield from _command(typer.main.get_command(module.app), f"gnomon {name}", level=2, lead=place.help)


def _section(section: type[BaseModel], path: str) -> Iterator[str]:
    nested = []
    rows = []
    for name, field in section.model_fields.items():
        rows.append((name, _words(field.annotation), _default(field.default), field.description or ""))
        inner, star = _inner(field.annotation)
        if inner is not None:
            nested.append((inner, f"{path}{name}{star}"))
    yield from (f"### {path.rstrip('.') or 'The top level'}", "", _first_paragraph(section), "")
    yield from _table(rows)
    for inner, name in nested:
        yield from _section(inner, f"{name}.")


def _inner(annotation: Any) -> tuple[type[BaseModel] | None, str]:
    """The section inside an annotation, and how its members are named."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    star = {dict: ".NAME", list: "[]"}.get(typing.get_origin(annotation), "")
    for argument in typing.get_args(annotation):
        inner, more = _inner(argument)
        if inner is not None:
            return inner, star + more
    return None, ""


def _component(name: str, component: type) -> Iterator[str]:
    yield from (f"### `{name}`", "", _first_paragraph(component), "")
    yield from _table(_dataclass_rows(component) if dataclasses.is_dataclass(component) else _model_rows(component))


def _dataclass_rows(component: Any) -> list[tuple[str, str, str, str]]:
    notes, hints = _notes(component), _hints(component)
    return [
        (
            field.name,
            _words(hints[field.name]) if field.name in hints else f"`{field.type}`",
            "required" if _required(field) else _default(_default_of(field)),
            notes.get(field.name, ""),
        )
        for field in dataclasses.fields(component)
        if field.init
    ]


def _model_rows(model: Any) -> list[tuple[str, str, str, str]]:
    notes = _notes(model)
    return [
        (
            name,
            _words(field.annotation),
            "required" if field.is_required() else _default(field.default),
            notes.get(name, field.description or ""),
        )
        for name, field in model.model_fields.items()
    ]


def _hints(component: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(component, include_extras=True)
    except NameError:
        # A name that is imported for type checkers alone: the annotation is shown as it is written.
        return {}


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _default_of(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _table(rows: list[tuple[str, str, str, str]]) -> Iterator[str]:
    if rows:
        yield from ("| key | takes | default | meaning |", "|---|---|---|---|")
        for name, takes, default, meaning in rows:
            yield f"| `{name}` | {_cell(takes)} | {_cell(default)} | {_cell(meaning)} |"
    else:
        yield "It has no fields."
    yield ""


def _command(command: Any, name: str, *, level: int, lead: str = "") -> Iterator[str]:
    yield from (f"{'#' * level} `{name}`", "", lead or (command.help or "").split("\n\n")[0].replace("\n", " "), "")
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        rows = [
            (
                ", ".join(f"`{option}`" for option in parameter.opts)
                if parameter.param_type_name == "option"
                else f"`{parameter.name.upper()}`",
                getattr(parameter, "help", None) or "",
            )
            for parameter in command.params
            if parameter.name != "help"
        ]
        yield from ("| argument or option | meaning |", "|---|---|")
        yield from (f"| {names} | {_cell(meaning)} |" for names, meaning in rows)
        yield ""
    for sub, inner in subcommands.items():
        yield from _command(inner, f"{name} {sub}", level=level + 1)


def _words(annotation: Any) -> str:
    """A type in a reader's words."""
    if annotation in WORDS:
        return WORDS[annotation]
    if annotation is types.NoneType:
        return "`null`"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    if origin in (list, tuple, Sequence):
        return f"list of {_words(arguments[0])}"
    if origin in (dict, Mapping):
        return "section" if arguments[1] is Any else f"section of NAME: {_words(arguments[1])}"
    if origin is Annotated:
        return _words(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_words(argument) for argument in arguments)
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        return "section"
    return {"datetime": "date or time", "date": "date"}.get(getattr(annotation, "__name__", ""), f"`{annotation}`")


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, dict) and value:
        inside = ", ".join(f"{key}: {yaml.dump(inner).strip()}" for key, inner in value.items())
        return f"`{{{inside}}}`"
    try:
        return f"`{yaml.dump(value).strip()}`"
    except TypeError:
        return f"`{value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _first_paragraph(thing: Any) -> str:
    return " ".join(inspect.cleandoc(thing.__doc__ or "").split("\n\n")[0].split())


def _notes(component: type) -> dict[str, str]:
    """The text under each field of a class, its bases' too."""
    notes: dict[str, str] = {}
    for base in reversed(component.__mro__):
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):
            continue
        statements = ast.parse(source).body[0]
        body = statements.body if isinstance(statements, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                notes[ast.unparse(field.target)] = " ".join(str(text.value.value).split())
    return notes
