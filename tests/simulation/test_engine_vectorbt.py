"""Against vectorbt on what both can express: targets of equity at the open, fees, slippage, many assets, one purse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gnomon.execution import ExecutionConfig
from gnomon.simulation import simulate

vbt = pytest.importorskip("vectorbt", reason="vectorbt is a rival for benchmarks, not a dependency")


@pytest.mark.parametrize(
    ("bars", "symbols", "decided"), [(3_000, 1, 1.0), (3_000, 1, 0.05), (400, 6, 1.0), (400, 6, 0.2)]
)
def test_equity_is_vectorbts(bars: int, symbols: int, decided: float) -> None:
    rng = np.random.default_rng(bars + symbols)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (bars, symbols)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.004, close.shape))
    # Up to 0.95: vectorbt buys less where costs would take cash below zero, the ledger borrows the difference.
    target = rng.uniform(-0.95, 0.95, close.shape) / symbols
    target[rng.random(close.shape) > decided] = np.nan

    late = np.full_like(target, np.nan)
    late[1:] = target[:-1]
    theirs = vbt.Portfolio.from_orders(
        close,
        late,
        size_type="targetpercent",
        price=open_,
        val_price=open_,
        fees=1e-3,
        slippage=7e-4,
        init_cash=1e6,
        cash_sharing=True,
        group_by=True,
        freq="1D",
    )
    stamps = [datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=t) for t in range(bars)]
    names = [f"S{k:02}" for k in range(symbols)]
    frame = pl.DataFrame({"timestamp": np.repeat(stamps, symbols).tolist(), "symbol": names * bars}).with_columns(
        open=pl.Series(open_.ravel()), close=pl.Series(close.ravel()), target=pl.Series(target.ravel())
    )
    execution = ExecutionConfig(fee_bps=10.0, half_spread_bps=3.0, slippage_bps=4.0)
    ours = simulate(frame, frame.select("timestamp", "symbol", "target"), execution)
    assert len(ours.fills) == theirs.orders.count()
    assert ours.equity["equity"].to_numpy() == pytest.approx(np.asarray(theirs.value()).ravel(), rel=1e-9)
    assert ours.equity["cash"].to_numpy() == pytest.approx(np.asarray(theirs.cash()).ravel(), rel=1e-9, abs=1e-3)
    assert ours.fills["fee"].sum() == pytest.approx(float(theirs.orders.fees.sum()), rel=1e-9)

    # The control: half a basis point more is told apart.
    dearer = simulate(
        frame, frame.select("timestamp", "symbol", "target"), ExecutionConfig(fee_bps=10.5, slippage_bps=7.0)
    )
    assert dearer.equity["equity"][-1] != pytest.approx(ours.equity["equity"][-1], rel=1e-9)
