"""How orders are filled and what holding costs: one set of rules for environment, backtest and paper trading."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class ExecutionConfig:
    """The ledger's rules as numbers (DESIGN, "The ledger's rules").

    Basis points are of the notional. Rates are per year of 365.25 days, as fractions. A limit of infinity is no limit.
    """

    initial_cash: float = 1_000_000.0
    latency_bars: int = 1
    """Orders decided at the close of bar t fill at the open of bar t + latency_bars."""
    fee_bps: float = 0.0
    min_fee: float = 0.0
    half_spread_bps: float = 0.0
    slippage_bps: float = 0.0
    """Constant slippage; with `slippage_model: volume_share`, basis points at a share of the whole bar's volume."""
    slippage_model: Literal["constant", "volume_share"] = "constant"
    max_volume_share: float = math.inf
    unfilled: Literal["lapse", "wait"] = "lapse"
    """What happens to the part of an order above `max_volume_share`."""
    borrow_rate: float = 0.0
    """Paid on short positions."""
    cash_rate: float = 0.0
    """Earned on positive cash, paid on negative cash."""
    max_gross: float = 1.0
    lot_size: float = 0.0
    """Quantities are multiples of it; 0 allows fractions."""
    tick_size: float = 0.0
    """Fill prices are rounded against the trader to a multiple of it; 0 does not round."""
    min_notional: float = 0.0
    long_only: bool = False
    contract_multiplier: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and (math.isnan(value) or (value < 0 and not field.name.endswith("_rate"))):
                raise ValueError(f"{field.name} must be 0 or more, was {value}")
        if self.latency_bars < 1:
            raise ValueError(
                f"latency_bars must be 1 or more, was {self.latency_bars}: a decision at a close cannot fill before "
                "the next open"
            )
        for name in ("initial_cash", "contract_multiplier", "max_gross", "max_volume_share"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, was {getattr(self, name)}")
