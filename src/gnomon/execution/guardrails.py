"""Guardrails: limits that see the account at each close and may replace the targets decided there.

They act inside the ledger (step 4), so that research, paper and live obey the same ones. A guardrail is a frozen
dataclass whose `limits()` are numbers for the ledger kernel; what it must remember lives in the ledger's state. They
act in one order, whatever order they are listed in: position, stale prices, turnover, then the losses that flatten.

What is already in the queue (`latency_bars` above 1) still fills: a guardrail decides at a close, like everyone else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gnomon.core.errors import ConfigError
from gnomon.core.registry import Registry


@runtime_checkable
class Guardrail(Protocol):
    """A limit, as numbers that the ledger kernel knows."""

    def limits(self) -> Mapping[str, float]:
        """Entries of `gnomon.kernels.ledger.PARAMETERS`."""
        ...


GUARDRAILS: Registry[Guardrail] = Registry("guardrail")
"""Guardrails by name: the risk manager's list."""


def _above_zero(name: str, value: float, *, below: float = math.inf) -> None:
    if not 0.0 < value < below:
        upper = f" and below {below:g}" if below < math.inf else " and finite"
        raise ValueError(f"{name} must be above 0{upper}, was {value}")


def _bars(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{name} must be 1 or more bars, was {value}")


@GUARDRAILS.register(name="max_position")
@dataclass(frozen=True, kw_only=True)
class MaxPosition:
    """No symbol above `limit` of equity: larger targets are cut to it, a position that grew past it is cut back."""

    limit: float

    def __post_init__(self) -> None:
        _above_zero("limit", self.limit)

    def limits(self) -> Mapping[str, float]:
        """See `Guardrail`."""
        return {"max_position": self.limit}


@GUARDRAILS.register(name="max_drawdown")
@dataclass(frozen=True, kw_only=True)
class MaxDrawdown:
    """Closes everything once equity is `limit` or more below its peak, as a fraction of the peak.

    The account stays flat for `cooldown_bars` closes and then starts again with a new peak; None is for good.
    """

    limit: float
    cooldown_bars: int | None = None

    def __post_init__(self) -> None:
        _above_zero("limit", self.limit, below=1.0)
        _bars("cooldown_bars", self.cooldown_bars)

    def limits(self) -> Mapping[str, float]:
        """See `Guardrail`."""
        cooldown = math.inf if self.cooldown_bars is None else float(self.cooldown_bars)
        return {"max_drawdown": self.limit, "drawdown_cooldown_bars": cooldown}


@GUARDRAILS.register(name="max_daily_loss")
@dataclass(frozen=True, kw_only=True)
class MaxDailyLoss:
    """Flat for the rest of the UTC day once equity is `limit` or more below where the day before left it."""

    limit: float

    def __post_init__(self) -> None:
        _above_zero("limit", self.limit, below=1.0)

    def limits(self) -> Mapping[str, float]:
        """See `Guardrail`."""
        return {"max_daily_loss": self.limit}


@GUARDRAILS.register(name="max_rolling_loss")
@dataclass(frozen=True, kw_only=True)
class MaxRollingLoss:
    """Flat for `cooldown_bars` closes (default: `bars`) once equity is `limit` or more below that of `bars` ago."""

    limit: float
    bars: int = 20
    cooldown_bars: int | None = None

    def __post_init__(self) -> None:
        _above_zero("limit", self.limit, below=1.0)
        _bars("bars", self.bars)
        _bars("cooldown_bars", self.cooldown_bars)

    def limits(self) -> Mapping[str, float]:
        """See `Guardrail`."""
        cooldown = self.bars if self.cooldown_bars is None else self.cooldown_bars
        return {
            "max_rolling_loss": self.limit,
            "rolling_loss_bars": float(self.bars),
            "rolling_loss_cooldown_bars": float(cooldown),
        }


@GUARDRAILS.register(name="max_turnover")
@dataclass(frozen=True, kw_only=True)
class MaxTurnover:
    """At most `limit` of equity changes hands by one close's decisions: larger moves go the same part of their way."""

    limit: float

    def __post_init__(self) -> None:
        _above_zero("limit", self.limit)

    def limits(self) -> Mapping[str, float]:
        """See `Guardrail`."""
        return {"max_turnover": self.limit}


@GUARDRAILS.register(name="stale_price")
@dataclass(frozen=True, kw_only=True)
class StalePrice:
    """No new decision for a symbol whose close has been missing or unchanged for `bars` bars on end."""

    bars: int = 10

    def __post_init__(self) -> None:
        _bars("bars", self.bars)

    def limits(self) -> Mapping[str, float]:
        """See `Guardrail`."""
        return {"max_stale_bars": float(self.bars)}


def combined_limits(guardrails: Iterable[Guardrail]) -> dict[str, float]:
    """The limits of all; ConfigError when two set the same one."""
    limits: dict[str, float] = {}
    for guardrail in guardrails:
        if not isinstance(guardrail, Guardrail):
            raise ConfigError(
                f"a guardrail must have `limits()`, {guardrail!r} has not; known: {', '.join(GUARDRAILS.names())}"
            )
        for name, value in guardrail.limits().items():
            if name in limits:
                raise ConfigError(f"two guardrails set {name} ({limits[name]:g} and {value:g}); keep one of them")
            limits[name] = value
    return limits
