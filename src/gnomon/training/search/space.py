"""What is searched: the model's own space with the configured ranges in their place, and where the search begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import RangeConfig
from gnomon.core.errors import ConfigError, unknown
from gnomon.models.base import ModelConfig, ModelRegistry
from gnomon.models.search_space import Choice, Dimension, Integer, Real


def resolve_space(
    section: ModelSection,
    ranges: Mapping[str, RangeConfig | None],
    *,
    where: str,
    registry: type[ModelRegistry] = ModelRegistry,
) -> dict[str, Dimension]:
    """The model's search space with `ranges` in place of its own, by field in the order of the names.

    ConfigError, at `where`, for a field that the model lacks (the nearest is named), for values that the model refuses,
    and where nothing is left to search.
    """
    config = registry.models.get(section.model_type, where="model_type").Config
    space = dict(config.search_space)
    for name, given in ranges.items():
        if name not in config.model_fields:
            raise ConfigError(
                unknown(f"setting of {section.model_type}", name, config.model_fields, where=f"{where}.{name}")
            )
        if given is None:
            space.pop(name, None)
            continue
        space[name] = _dimension(given, config, name, where=f"{where}.{name}")
        for value in _ends(space[name]):
            registry.create(section.model_type, where=f"{where}.{name}", **{**section.params, name: value})
    if not space:
        raise ConfigError(
            f"{section.model_type} has no settings to search for; name ranges at {where}, such as "
            "{FIELD: {low: 1, high: 10}}"
        )
    return {name: space[name] for name in sorted(space)}


def start_of(
    section: ModelSection, space: Mapping[str, Dimension], *, registry: type[ModelRegistry] = ModelRegistry
) -> dict[str, Any]:
    """Where a search begins: the configured values, else those of an earlier search, else the defaults.

    A value outside of its range is moved to the nearest end, one that is none of the choices to the first.
    """
    config = registry.models.get(section.model_type, where="model_type").Config
    given = {**config.tuned, **section.params}
    return {
        name: _inside(given.get(name, config.model_fields[name].default), dimension)
        for name, dimension in space.items()
    }


def distributions(space: Mapping[str, Dimension]) -> dict[str, Any]:
    """The space in Optuna's words."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made: dict[str, Any] = {}
    for name, dimension in space.items():
        if isinstance(dimension, Choice):
            made[name] = CategoricalDistribution(dimension.values)
        elif isinstance(dimension, Integer):
            made[name] = IntDistribution(dimension.low, dimension.high, log=dimension.log)
        else:
            made[name] = FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return made


def described(space: Mapping[str, Dimension]) -> dict[str, Any]:
    """The space as plain values, to be hashed."""
    return {
        name: {"values": list(dimension.values)}
        if isinstance(dimension, Choice)
        else {
            "kind": type(dimension).__name__,
            "low": dimension.low,
            "high": dimension.high,
            "log": dimension.log,
        }
        for name, dimension in space.items()
    }


def _dimension(given: RangeConfig, config: type[ModelConfig], name: str, *, where: str) -> Dimension:
    try:
        if given.values is not None:
            return Choice(values=tuple(given.values))
        assert given.low is not None
        assert given.high is not None
        own = config.search_space.get(name)
        whole = isinstance(given.low, int) and isinstance(given.high, int)
        if isinstance(own, Integer) and not whole:
            raise ValueError(f"{name} takes whole numbers, was {given.low} to {given.high}")
        fraction = isinstance(own, Real) or isinstance(config.model_fields[name].default, float)
        if whole and not fraction:
            return Integer(low=int(given.low), high=int(given.high), log=given.log)
        return Real(low=float(given.low), high=float(given.high), log=given.log)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _ends(dimension: Dimension) -> tuple[Any, ...]:
    return dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)


def _inside(value: Any, dimension: Dimension) -> Any:
    if dimension.holds(value):
        return float(value) if isinstance(dimension, Real) else value
    if isinstance(dimension, Choice):
        return dimension.values[0]
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return dimension.low
    moved = min(max(value, dimension.low), dimension.high)
    return round(moved) if isinstance(dimension, Integer) else float(moved)
