"""The features that have a name, and the decorator by which they join.

A feature is registered as a function that makes its `FeatureSpec`; the function's arguments are the parameters that a
config may set, with their types and bounds. Third-party packages join through the entry point group `gnomon.feature`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast

from pydantic import ConfigDict, Field, ValidationError, validate_call

from gnomon.core.errors import ConfigError
from gnomon.core.registry import Entry, Registry, explain
from gnomon.features.base import FeatureSpec

Window = Annotated[int, Field(ge=2, le=1_000_000)]
"""Bars in a window; 2 or more."""

Lag = Annotated[int, Field(ge=1, le=1_000_000)]
"""Bars back; 1 or more."""

Lags = Annotated[tuple[Lag, ...], Field(min_length=1)]
"""Several numbers of bars back, an output (or more) each."""

Windows = Annotated[tuple[Window, ...], Field(min_length=1)]
"""Windows of one feature, an output (or more) each."""

Factory = Callable[..., FeatureSpec]
F = TypeVar("F", bound=Factory)

BUILT_IN = (
    "calendar",
    "candles",
    "cross_section",
    "distribution",
    "factors",
    "liquidity",
    "macro",
    "memory",
    "momentum",
    "oscillators",
    "positioning",
    "regime",
    "sentiment",
    "timeframes",
    "trend",
    "volatility",
    "volume",
)


class FeatureRegistry(Registry[FeatureSpec]):
    """Features by name, each a factory of `FeatureSpec` with parameters.

    >>> FEATURES.create("rsi", window=7).outputs
    ('rsi_7',)
    """

    def feature(
        self,
        name: str | None = None,
        *,
        basic: bool = False,
        default: bool = False,
        by_name: bool = False,
        cross_section: bool = False,
    ) -> Callable[[F], F]:
        """Decorator: registers the factory under `name` (its own when None).

        `basic` puts it into the small set, `default` into the default one, which holds all of this package anyway but
        those that join `by_name` alone.
        `cross_section` says that its kernel sees all symbols of a moment at once; such a feature joins a set only where
        they are asked for, since a market of one symbol has no cross-section.
        """

        def add(factory: F) -> F:
            alone, ours = not cross_section, factory.__module__.startswith("gnomon.")
            facts = {
                "basic": basic and alone,
                "default": (default or ours) and alone and not by_name,
                "cross_section": cross_section,
            }
            self.register(name=name or factory.__name__, **facts)(cast(type, factory))
            return factory

        return add

    def create(self, name: str, *, where: str = "", **params: Any) -> FeatureSpec:
        """The spec with the given parameters; ConfigError says which is wrong and what would be right."""
        entry = self.entry(name, where=where)
        factory = cast(Factory, entry.component)
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
        if spec.cross_sectional != entry.facts.get("cross_section", False):
            needed = f"cross_section={spec.cross_sectional}"
            raise ConfigError(f"{where}: the kernel of {name!r} needs `@feature({needed})`, see gnomon.kernels.panel")
        return spec

    def values(self) -> list[FeatureSpec]:
        """Every feature with its default parameters, by name."""
        return [self.create(name) for name in self.names()]

    def basic_names(self) -> list[str]:
        """The names of the small set, sorted."""
        return [entry.name for entry in self if entry.facts["basic"]]

    def default_names(self) -> list[str]:
        """The names of the default set, sorted: this package's of one symbol, and plug-ins' that ask for it."""
        return [entry.name for entry in self if entry.facts["default"]]

    def all_names(self) -> list[str]:
        """The names of all features of one symbol, sorted, those of plug-ins too."""
        return [entry.name for entry in self if not entry.facts.get("cross_section", False)]

    def cross_section_names(self, *, plugins: bool = False) -> list[str]:
        """The names of this package's cross-sectional features, sorted; with `plugins` those of plug-ins too."""
        return [entry.name for entry in self if entry.facts.get("cross_section", False) and (plugins or _ours(entry))]

    def entry(self, name: str, *, where: str = "") -> Any:
        """What is known under `name`; ConfigError names the nearest one when nothing is."""
        load_built_in()
        return super().entry(name, where=where)

    def names(self) -> list[str]:
        """All registered names, sorted."""
        load_built_in()
        return super().names()


def each(names: tuple[str, ...], windows: tuple[int, ...]) -> tuple[str, ...]:
    """The names of outputs of several windows, in the order in which kernels write them.

    >>> each(("skewness", "kurtosis"), (20, 60))
    ('skewness_20', 'kurtosis_20', 'skewness_60', 'kurtosis_60')
    """
    return tuple(f"{name}_{window}" for window in windows for name in names)


def pairs(fast: tuple[int, ...], slow: tuple[int, ...]) -> tuple[float, ...]:
    """The params of kernels that set short windows beside long ones. Raises ValueError where they do not pair up.

    >>> pairs((5, 20), (20, 100))
    (5.0, 20.0, 20.0, 100.0)
    """
    if len(fast) != len(slow) or any(a >= b for a, b in zip(fast, slow, strict=False)):
        raise ValueError(f"each of fast needs one of slow above it, were {list(fast)} and {list(slow)}")
    return tuple(float(window) for pair in zip(fast, slow, strict=True) for window in pair)


def across(name: str, fast: tuple[int, ...], slow: tuple[int, ...]) -> tuple[str, ...]:
    """The names of outputs of such kernels. Raises ValueError as `pairs` does.

    >>> across("ratio", (5, 20), (20, 100))
    ('ratio_5_20', 'ratio_20_100')
    """
    pairs(fast, slow)
    return tuple(f"{name}_{short}_{long}" for short, long in zip(fast, slow, strict=True))


def floats(*values: float) -> tuple[float, ...]:
    """Params as kernels take them.

    >>> floats(20, 60)
    (20.0, 60.0)
    """
    return tuple(float(value) for value in values)


def _ours(entry: Entry) -> bool:
    return entry.component.__module__.startswith("gnomon.features.")


@functools.cache
def _checked(factory: Factory) -> Factory:
    return validate_call(config=ConfigDict(strict=True))(factory)


def parameters(factory: Factory) -> list[str]:
    """The names of a factory's parameters."""
    return list(inspect.signature(factory).parameters)


def load_built_in() -> None:
    """Imports the modules that register this package's own features; later calls find them loaded."""
    for module in BUILT_IN:
        importlib.import_module(f"gnomon.features.{module}")


FEATURES = FeatureRegistry("feature")

feature = FEATURES.feature
