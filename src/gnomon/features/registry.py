"""The features that have a name, and the decorator by which they join.

A feature is registered as a function that makes its `FeatureSpec`; the function's arguments are the parameters that a
config may set, with their types and bounds. Third-party packages join through the entry point group `gnomon.feature`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

from pydantic import ConfigDict, Field, ValidationError, validate_call

from gnomon.core.errors import ConfigError
from gnomon.core.registry import Registry, explain
from gnomon.features.base import FeatureSpec

Window = Annotated[int, Field(ge=2, le=1_000_000)]
"""Bars in a window; 2 or more."""

Lag = Annotated[int, Field(ge=1, le=1_000_000)]
"""Bars back; 1 or more."""

Factory = Callable[..., FeatureSpec]
F = TypeVar("F", bound=Factory)

BUILT_IN = ("macro", "momentum", "oscillators", "trend", "volatility", "volume")


class FeatureRegistry(Registry[FeatureSpec]):
    """Features by name, each a factory of `FeatureSpec` with parameters.

    >>> FEATURES.create("rsi", window=7).outputs
    ('rsi_7',)
    """

    def feature(self, name: str | None = None, *, default: bool = False) -> Callable[[F], F]:
        """Decorator: registers the factory under `name` (its own when None); `default` puts it into the default set."""

        def add(factory: F) -> F:
            self.register(name=name or factory.__name__, default=default)(cast(type, factory))
            return factory

        return add

    def create(self, name: str, *, where: str = "", **params: Any) -> FeatureSpec:
        """The spec with the given parameters; ConfigError says which is wrong and what would be right."""
        factory = cast(Factory, self.entry(name, where=where).component)
        where = where or f"feature {name}"
        # YAML knows no tuples.
        plain = {key: tuple(value) if isinstance(value, list) else value for key, value in params.items()}
        try:
            spec = _checked(factory)(**plain)
        except ValidationError as error:
            raise ConfigError(explain(error, known=parameters(factory), where=where)) from None
        except ValueError as error:
            raise ConfigError(f"{where}: {error}") from None
        if spec.name != name:
            raise ConfigError(f"{where}: the factory registered as {name!r} makes a feature named {spec.name!r}")
        return spec

    def values(self) -> list[FeatureSpec]:
        """Every feature with its default parameters, by name."""
        return [self.create(name) for name in self.names()]

    def default_names(self) -> list[str]:
        """The names of the default set, sorted."""
        return [entry.name for entry in self if entry.facts["default"]]

    def entry(self, name: str, *, where: str = "") -> Any:
        """What is known under `name`; ConfigError names the nearest one when nothing is."""
        load_built_in()
        return super().entry(name, where=where)

    def names(self) -> list[str]:
        """All registered names, sorted."""
        load_built_in()
        return super().names()


@functools.cache
def _checked(factory: Factory) -> Factory:
    return validate_call(config=ConfigDict(strict=True))(factory)


def parameters(factory: Factory) -> list[str]:
    """The names of a factory's parameters."""
    code = factory.__code__
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def load_built_in() -> None:
    """Imports the modules that register this package's own features; later calls find them loaded."""
    for module in BUILT_IN:
        importlib.import_module(f"gnomon.features.{module}")


FEATURES = FeatureRegistry("feature")

feature = FEATURES.feature
