"""Targets to an account: `simulate` for one run with every row kept, `simulate_many` for a summary of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.data.base import TIMESTAMP
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import Guardrail
from gnomon.execution.ledger import Ledger
from gnomon.kernels import ledger as kernels
from gnomon.kernels.ledger_positions import positions
from gnomon.simulation.base import Simulation
from gnomon.simulation.panel import Panel, build_panel

EQUITY_COLUMNS = ("equity", "cash", "gross", "net", "turnover", "costs")


def simulate(
    bars: Any,
    targets: Any,
    execution: ExecutionConfig | None = None,
    *,
    guardrails: Sequence[Guardrail] = (),
    funding: Any = None,
) -> Simulation:
    """Trades the targets on the bars, by the ledger's rules (`gnomon.kernels.ledger`).

    bars: timestamp (with a time zone; the bar's close), symbol, open, close, and volume where the rules need it, in any
    order. Bars of all symbols share one grid of timestamps; a missing bar, or NaN, is a hole.
    targets: timestamp (of a bar, at whose close it is decided), symbol, target: a signed fraction of equity. It fills
    at the open `latency_bars` later. A row that is absent, or null, is no decision: the position stands.
    funding: timestamp (or known_at), symbol, and one column of rates: the fraction of a position's value that longs pay
    to shorts at that moment, booked at the first bar that closes then or later.

    Polars or pandas. DataError, with the rows, for unknown symbols, timestamps that are no bar's, duplicates, stamps
    without a zone, infinite numbers, prices at or below zero.

    >>> from datetime import UTC, datetime
    >>> days = [datetime(2024, 1, d, tzinfo=UTC) for d in (2, 3, 4)]
    >>> bars = pl.DataFrame({"timestamp": days, "symbol": "A", "open": [10.0, 10.0, 11.0], "close": [10.0, 11.0, 12.0]})
    >>> targets = pl.DataFrame({"timestamp": days[:1], "symbol": "A", "target": [1.0]})
    >>> simulate(bars, targets, ExecutionConfig(initial_cash=1_000.0)).equity["equity"].to_list()
    [1000.0, 1100.0, 1200.0]
    """
    execution = ExecutionConfig() if execution is None else execution
    panel = build_panel(bars, targets, funding=funding, execution=(execution,))
    rows, fills = _ledger(panel, execution, guardrails).run(panel.bars)
    account = dict(zip(kernels.ACCOUNT, rows, strict=True))
    return Simulation(
        equity=pl.DataFrame([panel.timestamps, *(pl.Series(name, account[name]) for name in EQUITY_COLUMNS)]),
        fills=_frame(panel, fills, {"quantity": 2, "price": 3, "fee": 4}),
        positions=_positions(panel, fills, execution),
        targets=panel.targets,
        execution=execution,
        carry=account["carry"],
    )


def simulate_many(
    bars: Any,
    targets: Any,
    variants: Sequence[ExecutionConfig],
    *,
    guardrails: Sequence[Guardrail] = (),
    funding: Any = None,
) -> pl.DataFrame:
    """The same targets under many executions, one row each, in memory that does not grow with bars times variants.

    Columns: variant (its index), equity (the last), return (total), sharpe (mean over standard deviation of the bar
    returns, not annualised; null without variation), max_drawdown (of equity, initial cash included), turnover, costs,
    carry (sums, in money). `simulate` of a variant gives the same to the last bit.
    """
    if not variants:
        raise ConfigError("variants is empty; give at least one ExecutionConfig")
    panel = build_panel(bars, targets, funding=funding, execution=tuple(variants))
    rows = []
    for index, execution in enumerate(variants):
        summary = np.zeros(len(kernels.SUMMARY))
        _ledger(panel, execution, guardrails).summarise(panel.bars, summary)
        rows.append({"variant": index, **summary_row(summary, initial_cash=execution.initial_cash)})
    return pl.DataFrame(rows, schema_overrides={"sharpe": pl.Float64})


def summary_row(summary: np.ndarray, *, initial_cash: float) -> dict[str, float | None]:
    """A running summary of the ledger as named figures."""
    values = dict(zip(kernels.SUMMARY, summary.tolist(), strict=True))
    bars = values["bars"]
    mean = values["returns"] / bars
    spread = max(values["squares"] - bars * mean * mean, 0.0)
    deviation = math.sqrt(spread / (bars - 1.0)) if bars > 1.0 else 0.0
    return {
        "equity": values["equity"],
        "return": values["equity"] / initial_cash - 1.0,
        "sharpe": mean / deviation if deviation > 0.0 else None,
        "max_drawdown": values["max_drawdown"],
        "turnover": values["turnover"],
        "costs": values["costs"],
        "carry": values["carry"],
    }


def _ledger(panel: Panel, execution: ExecutionConfig, guardrails: Sequence[Guardrail]) -> Ledger:
    return Ledger(len(panel.symbols), panel.columns, execution, guardrails, funding=panel.funding)


def _frame(panel: Panel, rows: np.ndarray, columns: dict[str, int]) -> pl.DataFrame:
    """Rows that begin with the indices of bar and symbol, as a table."""
    bar, symbol = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int32)
    stamps = panel.bars[:, 0].astype(np.int64)[bar]
    return pl.DataFrame(
        [
            pl.Series("timestamp", stamps).cast(TIMESTAMP),
            pl.Series("symbol", panel.symbols, dtype=pl.String).gather(symbol),
            *(pl.Series(name, np.ascontiguousarray(rows[:, k])) for name, k in columns.items()),
        ]
    )


def _positions(panel: Panel, fills: np.ndarray, execution: ExecutionConfig) -> pl.DataFrame:
    held = positions(fills, panel.bars, panel.column_of(0), panel.column_of(1))
    frame = _frame(panel, held, {"quantity": 2, "price": 3})
    return frame.with_columns(value=pl.col("quantity") * (pl.col("price") * execution.contract_multiplier))
