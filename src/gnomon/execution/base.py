"""How orders are filled and what holding costs: one set of rules for environment, backtest and paper trading."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

NO_LIMIT = ("max_gross", "max_volume_share")
"""The fields that may be infinite."""


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    """The ledger's rules as numbers (`gnomon.kernels.ledger` has their order). One config holds for all symbols.

    Basis points are of the notional. Rates are per year of 365.25 days, as fractions, simple over the time since the
    last bar. A limit of infinity is no limit.
    """

    initial_cash: float = 1_000_000.0
    latency_bars: int = 1
    """Orders decided at the close of bar t fill at the open of bar t + latency_bars."""
    fee_bps: float = 0.0
    min_fee: float = 0.0
    """A fill's fee is at least this much money."""
    half_spread_bps: float = 0.0
    slippage_bps: float = 0.0
    """Constant slippage; with `slippage_model: volume_share`, basis points at a share of the whole bar's volume."""
    slippage_model: Literal["constant", "volume_share"] = "constant"
    max_volume_share: float = math.inf
    """At most this share of a bar's volume fills. With a limit, or slippage by volume share, a bar without volume fills
    nothing."""
    unfilled: Literal["lapse", "wait"] = "lapse"
    """What happens to the part of an order above `max_volume_share`. An order that waits keeps its target: the quantity
    is worked out anew at the next bar, unless a new decision has replaced it."""
    borrow_rate: float = 0.0
    """Paid on the value of short positions."""
    cash_rate: float = 0.0
    """Earned on positive cash, paid on negative cash."""
    max_gross: float = 1.0
    """Orders that would take the account above this gross exposure, as a fraction of equity at the opens, are scaled
    down together; positions without an order keep what they have. Price moves alone sell nothing."""
    lot_size: float = 0.0
    """Positions, and the filled part of a limited order, are multiples of it; 0 allows fractions."""
    tick_size: float = 0.0
    """Fill prices are rounded against the trader to a multiple of it; 0 does not round."""
    min_notional: float = 0.0
    """An order whose value at the open is below this is dropped."""
    long_only: bool = False
    """Targets below zero count as zero."""
    contract_multiplier: float = 1.0
    """Money per point of price and unit of quantity."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str | bool):
                continue
            if math.isnan(value) or (value < 0 and not field.name.endswith("_rate")):
                raise ValueError(f"{field.name} must be 0 or more, was {value}")
            if math.isinf(value) and field.name not in NO_LIMIT:
                raise ValueError(f"{field.name} must be finite, was {value}")
        if self.latency_bars < 1 or self.latency_bars != int(self.latency_bars):
            raise ValueError(
                f"latency_bars must be 1 or more whole bars, was {self.latency_bars}: a decision at a close cannot "
                "fill before the next open"
            )
        for name in ("initial_cash", "contract_multiplier", "max_gross", "max_volume_share"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, was {getattr(self, name)}")
        for name, known in (("slippage_model", ("constant", "volume_share")), ("unfilled", ("lapse", "wait"))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be {' or '.join(known)}, was {getattr(self, name)!r}")
