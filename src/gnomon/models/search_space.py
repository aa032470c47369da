"""What a search may change in a model's config, and in which ranges. Plain values: any searcher can read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Integer:
    """Whole numbers from `low` to `high`, both included; `log` draws them by magnitude."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check(self.low, self.high, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether it is one of them."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Real:
    """Numbers from `low` to `high`; `log` draws them by magnitude."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        _check(self.low, self.high, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether it is one of them."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of some values, which have no order."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2:
            raise ValueError(f"a choice needs two different values or more, was {self.values}")

    def holds(self, value: Any) -> bool:
        """Whether it is one of them."""
        return value in self.values


Dimension: TypeAlias = Integer | Real | Choice
SearchSpace: TypeAlias = Mapping[str, Dimension]
"""Dimensions by the name of the config's field."""


def _check(low: float, high: float, *, log: bool) -> None:
    if not low < high:
        raise ValueError(f"a range must rise from low to high, was {low} to {high}")
    if log and low <= 0:
        raise ValueError(f"a range by magnitude must begin above 0, was {low}")
