"""The same ledger again, on a grid that is laid out once: other costs, other latency, other targets, in little time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64, Int64
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import Guardrail
from gnomon.execution.ledger import Ledger
from gnomon.kernels.ledger import ACCOUNT
from gnomon.simulation.base import Simulation
from gnomon.simulation.panel import Panel, build_panel


@dataclass(frozen=True, eq=False)
class Account:
    """What a repeated simulation leaves: one value a bar. `returns` as in `Simulation.returns`."""

    equity: Float64[Array, " t"]
    returns: Float64[Array, " t"]
    turnover: float
    costs: float

    @property
    def total_return(self) -> float:
        """Compounded return of all bars."""
        return float(np.prod(1.0 + self.returns) - 1.0)


class Replay:
    """Repeats a simulation on its own bars. Equal to `gnomon.simulation.simulate` to the last bit.

    bars: those of the simulation's period. Raises DataError when the simulation's own targets do not lead to its own
    equity: then guardrails or funding were left out, or the bars are not the ones it was made with.
    """

    def __init__(
        self,
        simulation: Simulation,
        bars: pl.DataFrame,
        *,
        guardrails: Sequence[Guardrail] = (),
        funding: pl.DataFrame | None = None,
    ) -> None:
        self.execution = simulation.execution
        self.guardrails = guardrails
        self.panel: Panel = build_panel(bars, simulation.targets, funding=funding, execution=(simulation.execution,))
        self._target_columns = self.panel.column_of(3)
        self.own_targets: Float64[Array, "t k"] = self.panel.bars[:, self._target_columns].copy()
        again = self.run().equity
        own = simulation.equity["equity"].to_numpy()
        same_length = again.shape == own.shape
        # Not bit by bit: a simulation may come from another machine.
        apart = ~np.isclose(again, own, rtol=1e-9, atol=0.0) if same_length else np.ones(1, bool)
        if apart.any():
            where = "another number of bars"
            if same_length:
                where = f"another equity from {simulation.equity['timestamp'][int(np.argmax(apart))]} on"
            raise DataError(
                f"the simulation's targets, traded again on these bars, lead to {where}; hand in the bars, the "
                "guardrails and the funding that it was made with"
            )

    @property
    def open_close(self) -> tuple[Float64[Array, "t k"], Float64[Array, "t k"]]:
        """Opens and closes of the grid, NaN where a symbol has no bar."""
        return self.panel.bars[:, self.panel.column_of(0)], self.panel.bars[:, self.panel.column_of(1)]

    def run(self, execution: ExecutionConfig | None = None, *, targets: Float64[Array, "t k"] | None = None) -> Account:
        """The account under another execution, or for other targets (NaN is no decision)."""
        execution = self.execution if execution is None else execution
        panel = self.panel
        panel.bars[:, self._target_columns] = self.own_targets if targets is None else targets
        ledger = Ledger(len(panel.symbols), panel.columns, execution, self.guardrails, funding=panel.funding)
        rows, _ = ledger.run(panel.bars)
        account = dict(zip(ACCOUNT, rows, strict=True))
        equity = account["equity"]
        before = np.concatenate(([execution.initial_cash], equity[:-1]))
        safe = np.where(before > 0.0, before, 1.0)
        return Account(
            equity=equity,
            returns=np.where(before > 0.0, equity / safe - 1.0, 0.0),
            turnover=float(account["turnover"].sum()),
            costs=float(account["costs"].sum()),
        )

    def idle(self) -> Account:
        """The account that decides nothing: what its cash earns."""
        return self.run(targets=np.full_like(self.own_targets, np.nan))

    def shifted_targets(self, bars: int) -> Float64[Array, "t k"]:
        """The simulation's own targets, moved `bars` later; those that fall off the end come back at the start."""
        return np.roll(self.own_targets, bars, axis=0)

    def decisions(self) -> Int64[Array, " n"]:
        """The bars at which the simulation's targets decide anything."""
        return np.flatnonzero(~np.isnan(self.own_targets).all(axis=1))


def scale_costs(execution: ExecutionConfig, multiple: float) -> ExecutionConfig:
    """Every cost of trading and of borrowing, times `multiple`; interest on cash stays."""
    return replace(
        execution,
        fee_bps=execution.fee_bps * multiple,
        min_fee=execution.min_fee * multiple,
        half_spread_bps=execution.half_spread_bps * multiple,
        slippage_bps=execution.slippage_bps * multiple,
        borrow_rate=execution.borrow_rate * multiple,
    )


def flat_costs(execution: ExecutionConfig, bps: float) -> ExecutionConfig:
    """One cost in place of all others: `bps` of the notional of every fill."""
    return replace(execution, fee_bps=bps, min_fee=0.0, half_spread_bps=0.0, slippage_bps=0.0)


def break_even_bps(replay: Replay, *, highest: float = 10_000.0, tolerance: float = 1e-4) -> float:
    """The cost a traded notional at which nothing is left: total return 0, with `flat_costs` in place of all others.

    NaN where there is no gain even at no cost, or nothing is traded; infinity where `highest` still leaves a gain.
    """

    def gain(bps: float) -> float:
        return _growth(replay.run(flat_costs(replay.execution, bps)))

    free = replay.run(flat_costs(replay.execution, 0.0))
    if free.total_return <= 0.0 or free.turnover == 0.0:
        return math.nan
    at_low = math.log1p(free.total_return)
    guess = 2e4 * at_low * float(free.equity.mean()) / free.turnover + 1e-6
    return _root(gain, at_low, guess=guess, highest=highest, tolerance=tolerance)


def break_even_multiple(
    replay: Replay, *, cash: float = 0.0, highest: float = 1_000.0, tolerance: float = 1e-4
) -> float:
    """The multiple of the configured costs (`scale_costs`) at which the account earns what cash does.

    `cash`: the logarithm of the growth of idle cash over the same bars. 0 where there is no gain over cash even at no
    cost; NaN where no costs are configured or nothing is traded, of which no multiple says anything; infinity where
    `highest` still leaves a gain.
    """
    free = scale_costs(replay.execution, 0.0)
    if replay.execution == free:
        return math.nan

    def gain(multiple: float) -> float:
        return _growth(replay.run(scale_costs(replay.execution, multiple))) - cash

    costless = replay.run(free)
    if costless.turnover == 0.0:
        return math.nan
    at_low = _growth(costless) - cash
    if at_low <= 0.0:
        return 0.0
    paid = at_low - gain(1.0)
    guess = 2.0 * at_low / paid if paid > 0.0 else highest
    return _root(gain, at_low, guess=guess, highest=highest, tolerance=tolerance)


def _growth(account: Account) -> float:
    total = account.total_return
    return math.log1p(total) if total > -1.0 else -50.0


def _root(gain: Callable[[float], float], at_low: float, *, guess: float, highest: float, tolerance: float) -> float:
    """Where a gain that is `at_low` (above 0) at 0 falls to 0; infinity where it is above 0 at `highest` still.

    The gain's logarithm is nearly a line in the cost, so regula falsi (Illinois) needs a handful of simulations.
    """
    low, high = 0.0, min(highest, guess)
    at_high = gain(high)
    while at_high > 0.0:
        if high >= highest:
            return math.inf
        low, at_low = high, at_high
        high = min(2.0 * high, highest)
        at_high = gain(high)
    side = 0
    for _ in range(60):
        if high - low <= tolerance * max(high, 1e-9):
            break
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        at_middle = gain(middle)
        if abs(at_middle) < 1e-10:
            return middle
        if at_middle > 0.0:
            low, at_low = middle, at_middle
            at_high *= 0.5 if side == 1 else 1.0
            side = 1
        else:
            high, at_high = middle, at_middle
            at_low *= 0.5 if side == -1 else 1.0
            side = -1
    return (low + high) / 2.0
