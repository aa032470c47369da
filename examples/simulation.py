"""A person's own targets to an account: two frames, no model, no pipeline.

Run it with `python examples/simulation.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from gnomon.execution import ExecutionConfig, MaxDrawdown
from gnomon.simulation import Simulation, simulate, simulate_many


def market(days: int = 500) -> pl.DataFrame:
    """Daily bars of two made-up shares, each stamped when its day was over."""
    chance = np.random.default_rng(7)
    stamps = [datetime(2022, 1, 3, 21, tzinfo=UTC) + timedelta(days=day) for day in range(days)]
    shares = []
    for symbol in ("ACME", "GLOBEX"):
        close = 100.0 * np.exp(np.cumsum(chance.normal(0.0003, 0.012, days)))
        opens = np.concatenate([[100.0], close[:-1]]) * np.exp(chance.normal(0.0, 0.002, days))
        volume = chance.uniform(2e5, 6e5, days)
        shares.append(
            pl.DataFrame({"timestamp": stamps, "symbol": symbol, "open": opens, "close": close, "volume": volume})
        )
    return pl.concat(shares)


def trend_targets(bars: pl.DataFrame) -> pl.DataFrame:
    """Half of equity in each share whose close is above its mean of 50 days, decided once a week."""
    trend = pl.col("close") > pl.col("close").rolling_mean(50).over("symbol")
    return (
        bars.select("timestamp", "symbol", target=pl.when(trend).then(0.5).otherwise(0.0))
        .filter(pl.col("timestamp").dt.weekday() == 5)
        .drop_nulls()
    )


def main() -> Simulation:
    """Trades the targets, prints the account, and shows what dearer trading would have left."""
    bars = market()
    targets = trend_targets(bars)
    execution = ExecutionConfig(
        initial_cash=100_000.0,
        fee_bps=1.0,
        min_fee=1.0,
        half_spread_bps=2.0,
        slippage_bps=50.0,
        slippage_model="volume_share",
        lot_size=1.0,
        tick_size=0.01,
        cash_rate=0.02,
    )
    run = simulate(bars, targets, execution, guardrails=[MaxDrawdown(limit=0.25)])
    print(
        f"equity {run.equity['equity'][-1]:,.2f} after {len(run.fills)} fills, costs {run.equity['costs'].sum():,.2f}"
    )
    print(run.fills.head(3))

    spreads = [2.0, 5.0, 10.0, 20.0]
    variants = [ExecutionConfig(initial_cash=100_000.0, fee_bps=1.0, half_spread_bps=spread) for spread in spreads]
    table = simulate_many(bars, targets, variants).with_columns(half_spread_bps=pl.Series(spreads))
    print(table.select("half_spread_bps", "return", "sharpe", "max_drawdown", "costs"))
    return run


if __name__ == "__main__":
    main()
