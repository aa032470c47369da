"""A registry: names to components, each a frozen dataclass (or a pydantic model) whose fields are its YAML.

Third-party packages join through the entry point group `gnomon.<registry>`; the entry's module registers on import.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, SecretStr, TypeAdapter, ValidationError

from gnomon.core.errors import ConfigError, unknown
from gnomon.core.redaction import redact

T = TypeVar("T")
C = TypeVar("C", bound=type)


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a registry knows of one component: its name, its class, and the facts given at registration."""

    name: str
    component: type
    facts: Mapping[str, Any]


class Registry(Generic[T]):
    """Components of one kind by name.

    >>> sizers = Registry[object]("sizer")
    >>> @sizers.register(name="fixed")
    ... @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Fixed:
    ...     fraction: float = 1.0
    >>> sizers.create("fixed", fraction=0.5)
    Fixed(fraction=0.5)
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self._plugins_loaded = False

    def register(self, *, name: str, **facts: Any) -> Callable[[C], C]:
        """Decorator: adds the class under `name`. A name taken by another class is an error at import."""

        def add(component: C) -> C:
            held = self._entries.get(name)
            if held is not None and (held.component.__module__, held.component.__qualname__) != (
                component.__module__,
                component.__qualname__,
            ):
                raise ConfigError(f"{self.kind} {name!r} is already registered by {held.component.__module__}")
            _refuse_unknown_fields(component)
            self._entries[name] = Entry(name, component, facts)
            return component

        return add

    def entry(self, name: str, *, where: str = "") -> Entry:
        """What is known under `name`; ConfigError names the nearest one when nothing is."""
        if name not in self._entries:
            self._load_plugins()
        if name not in self._entries:
            raise ConfigError(unknown(self.kind, str(name), self._entries, where=where))
        return self._entries[name]

    def get(self, name: str, *, where: str = "") -> type[T]:
        """The class registered under `name`."""
        return self.entry(name, where=where).component

    def create(self, name: str, *, where: str = "", **fields: Any) -> T:
        """An instance with its fields checked; ConfigError says which field, what was given, what would be right."""
        return build(self.get(name, where=where), fields, where=where or self.kind)

    def from_config(self, section: Mapping[str, Any], *, where: str) -> T:
        """An instance from a config section `{kind: name, field: value, ...}`; `where` is its path, for messages."""
        fields = dict(section)
        try:
            name = fields.pop("kind")
        except KeyError:
            raise ConfigError(f"{where} needs a `kind`; known: {', '.join(self.names())}") from None
        return build(self.get(name, where=where), fields, where=where, beside=("kind",))

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._load_plugins()
        return sorted(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter([self._entries[name] for name in self.names()])

    def _load_plugins(self) -> None:
        if not self._plugins_loaded:
            self._plugins_loaded = True
            for point in importlib.metadata.entry_points(group=f"gnomon.{self.kind.replace(' ', '_')}"):
                point.load()


def _refuse_unknown_fields(component: type) -> None:
    """Unknown fields of a dataclass are refused wherever it is built from a config section."""
    if dataclasses.is_dataclass(component) and not hasattr(component, "__pydantic_config__"):
        component.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)  # type: ignore[attr-defined]


def build(component: type[T], fields: Mapping[str, Any], *, where: str, beside: tuple[str, ...] = ()) -> T:
    """Builds a dataclass or pydantic model from plain values, with types checked and unknown keys refused.

    `beside` are keys that may stand beside the fields and that a wrong key may have been meant for.
    Raises ConfigError that names the key as `where.key`, the value, and the nearest known key.
    """
    _refuse_unknown_fields(component)
    # A secret is revealed at this moment and no earlier; a field that takes `SecretStr` gets it as it is.
    hints = getattr(component, "__annotations__", {})
    fields = {k: v if "SecretStr" in str(hints.get(k, "")) else _revealed(v) for k, v in fields.items()}
    try:
        made = TypeAdapter(component).validate_python(dict(fields))
    except ValidationError as error:
        raise ConfigError(explain(error, known=[*field_names(component), *beside], where=where)) from None
    for name, given in fields.items():
        if _was_bent(given, getattr(made, name, given)):
            raise ConfigError(
                redact(f"{where}.{name} = {given!r}: should be a number or true or false, without quotes")
            )
    return made


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {key: _revealed(inner) for key, inner in value.items()}
    return [_revealed(inner) for inner in value] if type(value) is list else value


def _was_bent(given: object, held: object) -> bool:
    """Whether text or a truth value was taken for a number, or text for a truth value, as pydantic does by default."""
    if isinstance(given, list | tuple) and isinstance(held, list | tuple):
        return any(map(_was_bent, given, held))
    return isinstance(given, bool | str) and isinstance(held, bool | int | float) and type(given) is not type(held)


def field_names(component: type) -> list[str]:
    """The configurable fields of a dataclass or pydantic model."""
    if dataclasses.is_dataclass(component):
        return [field.name for field in dataclasses.fields(component) if field.init]
    return list(getattr(component, "model_fields", {}))


def explain(error: ValidationError, *, known: list[str], where: str) -> str:
    """A pydantic error in our words: one line a fault, each with key, value and the way out."""
    lines = []
    for fault in error.errors(include_url=False):
        path = ".".join(str(part) for part in fault["loc"])
        place = f"{where}.{path}" if path else where
        if fault["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            lines.append(unknown("key", str(fault["loc"][-1]), known, where=place))
        elif fault["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
            lines.append(f"{place} is missing")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            lines.append(f"{place} = {fault['input']!r}: {message[:1].lower()}{message[1:]}")
    return redact("\n".join(lines))
