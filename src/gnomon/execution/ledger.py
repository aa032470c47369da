"""The account as an object: an `ExecutionConfig` and guardrails turned into the ledger kernel's numbers, and a state.

`Ledger` takes bars in chunks of any size and goes on where it stopped; its state is a flat array that can be saved.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gnomon.core.errors import ConfigError, unknown
from gnomon.core.types import Array, Float64, Int64
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import Guardrail, combined_limits
from gnomon.kernels import ledger as kernels
from gnomon.kernels import ledger_plain

MOST_FILLS = 4_000_000
"""Fills that one buffer holds; an account with more has several."""

_OFF = {
    "max_position": math.inf,
    "max_drawdown": math.inf,
    "drawdown_cooldown_bars": math.inf,
    "max_daily_loss": math.inf,
    "max_rolling_loss": math.inf,
    "rolling_loss_bars": 1.0,
    "rolling_loss_cooldown_bars": 1.0,
    "max_turnover": math.inf,
    "max_stale_bars": math.inf,
}


def ledger_params(
    execution: ExecutionConfig, guardrails: Sequence[Guardrail] = (), *, symbols: int
) -> Float64[Array, " params"]:
    """The ledger kernel's params for an account of so many symbols, in the order of `PARAMETERS`."""
    limits = combined_limits(guardrails)
    for name in limits:
        if name not in _OFF:
            raise ConfigError(unknown("limit", name, _OFF, where="guardrails"))
    values: dict[str, float] = {
        "symbols": symbols,
        "latency_bars": execution.latency_bars,
        "initial_cash": execution.initial_cash,
        "fee_rate": execution.fee_bps / 1e4,
        "min_fee": execution.min_fee,
        "half_spread_bps": execution.half_spread_bps,
        "slippage_bps": execution.slippage_bps,
        "slippage_by_share": execution.slippage_model == "volume_share",
        "max_volume_share": execution.max_volume_share,
        "unfilled_waits": execution.unfilled == "wait",
        "borrow_rate": execution.borrow_rate,
        "cash_rate": execution.cash_rate,
        "max_gross": execution.max_gross,
        "lot_size": execution.lot_size,
        "tick_size": execution.tick_size,
        "min_notional": execution.min_notional,
        "long_only": execution.long_only,
        "contract_multiplier": execution.contract_multiplier,
        "guarded": bool(limits),
        **_OFF,
        **limits,
    }
    numbers = np.array([values[name] for name in kernels.PARAMETERS], np.float64)
    return np.minimum(numbers, kernels.NO_LIMIT)


@dataclass
class Ledger:
    """One account over one list of symbols.

    `bars[bars, columns]` holds, by `columns`: time (UTC, microseconds), then for each symbol open, close, volume,
    target and funding rate (`gnomon.kernels.ledger`). `state` is all that it remembers: save it and give it back to go
    on, to the last bit.
    """

    symbols: int
    columns: Int64[Array, " columns"]
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    guardrails: Sequence[Guardrail] = ()
    funding: bool = True
    """Whether the funding columns hold anything; False lets the fast loops run."""
    state: Float64[Array, " size"] = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        size = kernels.ledger_state_size(tuple(self.params))
        if self.state.size == 0:
            self.state = np.zeros(size)
        if self.state.size != size:
            raise ConfigError(
                f"the saved account has {self.state.size} numbers, this one needs {size}: "
                "symbols, latency or guardrails have changed since it was saved"
            )

    @cached_property
    def params(self) -> Float64[Array, " params"]:
        """The kernel's params."""
        return ledger_params(self.execution, self.guardrails, symbols=self.symbols)

    @cached_property
    def _plain(self) -> bool:
        starts = self.columns[1:].reshape(5, self.symbols)[[0, 1, 3]]
        adjacent = bool((np.diff(starts, axis=1) == 1).all())
        return adjacent and ledger_plain.is_plain(self.params, funding=self.funding)

    def run(self, bars: Float64[Array, "bars columns"]) -> tuple[Float64[Array, "7 bars"], Float64[Array, "fills 6"]]:
        """The account's rows (`ACCOUNT`) and the fills (`FILL`) of the next bars."""
        # Zeros, not empty: the row of carry is left alone by the fast loops, and its pages cost nothing.
        rows = np.zeros((kernels.ACCOUNT_SIZE, len(bars)))
        chunks: list[np.ndarray] = []
        bar = 0
        while bar < len(bars):
            # Room for every order there could be: pages that are never written take no memory.
            room = min((len(bars) - bar + 1) * self.symbols, MOST_FILLS) + 2 * self.symbols
            fills = np.empty((room, len(kernels.FILL)))
            if not self._plain:
                bar, count = kernels.run_rows(self.state, bars.T, self.columns, self.params, bar, rows, fills)
            else:
                loop = ledger_plain.run_single if self.symbols == 1 else ledger_plain.run_panel
                bar, count = loop(self.state, bars, self.columns, self.params, bar, rows, fills, np.empty(0))
            chunks.append(fills[:count])
        if len(chunks) == 1:
            return rows, chunks[0]
        return rows, np.concatenate(chunks) if chunks else np.empty((0, len(kernels.FILL)))

    def summarise(self, bars: Float64[Array, "bars columns"], summary: Float64[Array, " 9"]) -> None:
        """Adds the next bars to a running summary (`SUMMARY`, zeros at the start), in memory that does not grow."""
        if not self._plain:
            kernels.run_summary(self.state, bars.T, self.columns, self.params, summary)
        else:
            none = np.empty((0, 0))
            loop = ledger_plain.run_single if self.symbols == 1 else ledger_plain.run_panel
            loop(self.state, bars, self.columns, self.params, 0, none, none, summary)
