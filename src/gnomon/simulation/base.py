"""What a simulation leaves: the account at every bar, every fill, every position."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.execution.base import ExecutionConfig


@dataclass(frozen=True, eq=False)
class Simulation:
    """The account that the targets led to. All amounts are money in the account's currency, none a fraction.

    equity: timestamp, equity, cash, gross, net, turnover, costs; one row a bar, at its close, so that equity =
    cash + net. turnover is the notional traded in the bar; costs are its fees, spread and slippage.
    fills: timestamp, symbol, quantity (signed), price, fee. A fill at a bar's open carries the bar's stamp.
    positions: timestamp, symbol, quantity, price, value; at each close, rows that are not zero.
    targets: timestamp, symbol, target; the signed fractions of equity that were asked for.
    carry: money per bar from funding, borrow and interest, received above zero and paid below. It is not in costs.
    """

    equity: pl.DataFrame
    fills: pl.DataFrame
    positions: pl.DataFrame
    targets: pl.DataFrame
    execution: ExecutionConfig
    carry: Float64[Array, " t"] = field(default_factory=lambda: np.empty(0))

    @cached_property
    def returns(self) -> Float64[Array, " t"]:
        """Simple return of each bar; the first is against the initial cash. 0 once the account is bankrupt."""
        equity = self.equity["equity"].to_numpy()
        before = np.concatenate([[self.execution.initial_cash], equity[:-1]])
        safe = np.where(before > 0.0, before, 1.0)
        return np.where(before > 0.0, equity / safe - 1.0, 0.0)

    @property
    def bankrupt(self) -> bool:
        """Whether equity fell to zero or below, which closed the account."""
        return bool((self.equity["equity"] <= 0.0).any())
