"""`simulate` by hand to the cent, and the facts that hold on every market."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError
from gnomon.execution import ExecutionConfig, MaxDrawdown
from gnomon.simulation import simulate, simulate_many

Frames = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]
Market = Callable[..., tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]]
on_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def flat(price: float, days: int) -> dict[str, list[float]]:
    return {"A": [price] * days}


def test_a_round_trip_to_the_cent(frames: Frames) -> None:
    """10,000 cash; all in at 100.10 after half spread and slippage of 5 bps each; 10 bps fees both ways.

    Day 1: 99 shares of 100 wanted (lot 1; 10,000 / 100 = 100 exactly): buys 100 at 100.10 = 10,010.00, fee 10.01.
    Day 2: half wanted: equity at the open 100 x 110 - 20.01 = 10,979.99; 49.909 -> 49 shares stay, 51 sold at 109.89
    = 5,604.39, fee 5.60439.
    """
    bars, targets = frames({"A": [99.0, 100.0, 110.0]}, {"A": [100.0, 108.0, 120.0]}, {"A": [1.0, 0.5]})
    execution = ExecutionConfig(
        initial_cash=10_000.0, fee_bps=10.0, half_spread_bps=5.0, slippage_bps=5.0, lot_size=1.0
    )
    run = simulate(bars, targets, execution)
    assert run.fills["quantity"].to_list() == [100.0, -51.0]
    assert run.fills["price"].to_list() == pytest.approx([100.10, 109.89], abs=1e-12)
    assert run.fills["fee"].to_list() == pytest.approx([10.01, 5.60439], abs=1e-9)
    assert run.equity["cash"].to_list() == pytest.approx([10_000.0, -20.01, 5_578.77561], abs=1e-9)
    assert run.equity["equity"].to_list() == pytest.approx([10_000.0, 10_779.99, 11_458.77561], abs=1e-9)
    assert run.equity["turnover"].to_list() == pytest.approx([0.0, 10_010.0, 5_604.39], abs=1e-9)
    assert run.equity["costs"].to_list() == pytest.approx([0.0, 20.01, 51 * 0.11 + 5.60439], abs=1e-9)
    assert run.returns.tolist() == pytest.approx([0.0, 0.077999, 11_458.77561 / 10_779.99 - 1.0], abs=1e-9)
    assert run.positions["quantity"].to_list() == [100.0, 49.0]
    assert run.positions["value"].to_list() == pytest.approx([10_800.0, 5_880.0])
    assert not run.bankrupt


def test_carry_to_the_cent(frames: Frames) -> None:
    """Short 100 at 10 on 1,000 cash, so 2,000 cash; two days later: interest 2,000 x 36.525% x 2 / 365.25 = 4.00,
    borrow 1,000 x 18.2625% x 2 / 365.25 = 1.00; funding of 1% is paid to the short: 10.00."""
    days = [datetime(2024, 1, d, tzinfo=UTC) for d in (1, 2, 4)]
    bars = pl.DataFrame({"timestamp": days, "symbol": "A", "open": [10.0] * 3, "close": [10.0] * 3})
    targets = pl.DataFrame({"timestamp": days[:1], "symbol": "A", "target": [-1.0]})
    funding = pl.DataFrame({"known_at": [datetime(2024, 1, 3, 8, tzinfo=UTC)], "symbol": "A", "funding_rate": [0.01]})
    execution = ExecutionConfig(initial_cash=1_000.0, cash_rate=0.36525, borrow_rate=0.182625)
    run = simulate(bars, targets, execution, funding=funding)
    # The first day's cash earns one day: 1,000 x 36.525% / 365.25 = 1.00, so 100.1 are sold short.
    assert run.carry.tolist() == pytest.approx([0.0, 1.0, 2_002.0 * 0.002 - 1_001.0 * 0.001 + 10.01], abs=1e-9)
    assert run.equity["equity"].to_list() == pytest.approx([1_000.0, 1_001.0, 1_001.0 + 4.004 - 1.001 + 10.01])
    assert run.equity["costs"].sum() == 0.0


def test_a_volume_limit_lapses_or_waits(frames: Frames) -> None:
    """A tenth of a volume of 300 is 30 a bar; 100 are wanted."""
    bars, targets = frames(flat(10.0, 6), flat(10.0, 6), {"A": [1.0]}, {"A": [300.0, 300.0, None, 300.0, 95.0, 300.0]})
    execution = ExecutionConfig(initial_cash=1_000.0, max_volume_share=0.1, lot_size=5.0)
    assert simulate(bars, targets, execution).fills["quantity"].to_list() == [30.0]
    waits = ExecutionConfig(initial_cash=1_000.0, max_volume_share=0.1, lot_size=5.0, unfilled="wait")
    run = simulate(bars, targets, waits)
    assert run.fills["quantity"].to_list() == [30.0, 30.0, 5.0, 30.0]
    assert run.fills["timestamp"].dt.day().to_list() == [2, 4, 5, 6]


def test_slippage_by_volume_share(frames: Frames) -> None:
    """100 of a volume of 400 at 80 bps for the whole volume: 20 bps."""
    bars, targets = frames(flat(10.0, 2), flat(10.0, 2), {"A": [1.0]}, {"A": [400.0, 400.0]})
    execution = ExecutionConfig(initial_cash=1_000.0, slippage_bps=80.0, slippage_model="volume_share")
    assert simulate(bars, targets, execution).fills["price"].to_list() == pytest.approx([10.02])


def test_ticks_go_against_the_trader(frames: Frames) -> None:
    bars, targets = frames({"A": [10.0, 10.01, 10.01]}, flat(10.0, 3), {"A": [1.0, 0.0]})
    execution = ExecutionConfig(initial_cash=1_000.0, tick_size=0.05)
    assert simulate(bars, targets, execution).fills["price"].to_list() == pytest.approx([10.05, 10.0])
    on_tick = ExecutionConfig(initial_cash=1_000.0, tick_size=0.01)
    assert simulate(bars, targets, on_tick).fills["price"].to_list() == pytest.approx([10.01, 10.01])


def test_small_orders_are_dropped_and_small_fees_raised(frames: Frames) -> None:
    bars, targets = frames(flat(10.0, 4), flat(10.0, 4), {"A": [0.5, 0.504, 0.6]})
    execution = ExecutionConfig(initial_cash=1_000.0, min_notional=5.0, min_fee=0.75, fee_bps=10.0)
    run = simulate(bars, targets, execution)
    assert run.fills["fee"].to_list() == [0.75, 0.75]
    assert run.fills["timestamp"].dt.day().to_list() == [2, 4]


def test_lots_do_not_lose_one_to_rounding(frames: Frames) -> None:
    """0.3 is three lots of 0.1, although 0.3 / 0.1 is 2.9999999999999996."""
    bars, targets = frames(flat(10.0, 2), flat(10.0, 2), {"A": [0.3]})
    run = simulate(bars, targets, ExecutionConfig(initial_cash=10.0, lot_size=0.1))
    assert run.fills["quantity"].to_list() == pytest.approx([0.3])


def test_a_hole_keeps_the_order_until_it_is_replaced(frames: Frames) -> None:
    opens = {"A": [10.0, None, None, 10.0], "B": [10.0] * 4}
    bars, targets = frames(opens, opens, {"A": [0.4]})
    execution = ExecutionConfig(initial_cash=1_000.0)
    kept = simulate(bars, targets, execution).fills
    assert kept.select("quantity", pl.col("timestamp").dt.day()).rows() == [(40.0, 4)]
    replaced = targets.with_columns(pl.col("timestamp").dt.offset_by("2d"), target=pl.lit(-0.2))
    later = targets.vstack(replaced)
    assert simulate(bars, later, execution).fills["quantity"].to_list() == [-20.0]


def test_a_null_target_leaves_the_position_alone(frames: Frames) -> None:
    bars, targets = frames(flat(10.0, 4), {"A": [10.0, 20.0, 20.0, 20.0]}, {"A": [0.5]})
    undecided = pl.DataFrame(
        {"timestamp": bars["timestamp"][1:3], "symbol": "A", "target": [None, float("nan")]},
        schema_overrides={"target": pl.Float64},
    )
    execution = ExecutionConfig(initial_cash=1_000.0)
    run = simulate(bars, targets.vstack(undecided), execution)
    assert len(run.fills) == 1
    assert run.equity.equals(simulate(bars, targets, execution).equity)


@pytest.mark.parametrize("latency", [1, 2, 5])
def test_latency_is_the_open_of_bar_t_plus_l(frames: Frames, latency: int) -> None:
    opens = {"A": [float(10 + t) for t in range(8)]}
    bars, targets = frames(opens, opens, {"A": [None, 1.0]})
    fills = simulate(bars, targets, ExecutionConfig(latency_bars=latency)).fills
    assert fills["price"].to_list() == [float(10 + 1 + latency)]


def test_targets_above_the_cap_shrink_together_and_closing_is_never_blocked(frames: Frames) -> None:
    """1.5 and 0.5 under a cap of 1 become 0.75 and 0.25. When A has doubled beyond the cap, B can still be closed."""
    opens = {"A": [10.0, 10.0, 40.0, 40.0], "B": [10.0] * 4}
    bars, targets = frames(opens, opens, {"A": [1.5], "B": [0.5, None, 0.0]})
    run = simulate(bars, targets, ExecutionConfig(initial_cash=1_000.0))
    assert run.fills["quantity"].to_list() == [75.0, 25.0, -25.0]
    # A has run up to a gross far above the cap; the short B is closed all the same.
    bars, targets = frames(opens, opens, {"A": [1.5], "B": [-0.5, None, 0.0]})
    run = simulate(bars, targets, ExecutionConfig(initial_cash=1_000.0, max_gross=0.9))
    assert run.fills["quantity"].to_list() == pytest.approx([67.5, -22.5, 22.5])


def test_an_account_at_zero_is_closed_for_good(frames: Frames) -> None:
    """Short all at 10, the close is at 25: 2,000 - 2,500 = -500 owed."""
    bars, targets = frames(flat(10.0, 4), {"A": [10.0, 25.0, 1.0, 1.0]}, {"A": [-1.0, 1.0, 1.0]})
    run = simulate(bars, targets, ExecutionConfig(initial_cash=1_000.0))
    assert run.bankrupt
    assert run.equity["equity"].to_list() == [1_000.0, -500.0, -500.0, -500.0]
    assert run.equity["cash"].to_list() == [1_000.0, -500.0, -500.0, -500.0]
    assert run.equity["gross"].to_list() == [0.0] * 4
    assert run.fills["quantity"].to_list() == [-100.0, 100.0]
    assert run.fills["price"].to_list() == [10.0, 25.0]
    assert run.positions.is_empty()
    assert run.returns[2:].tolist() == [0.0, 0.0]


def test_a_contract_multiplier_makes_a_point_worth_more(frames: Frames) -> None:
    bars, targets = frames(flat(10.0, 3), {"A": [10.0, 11.0, 11.0]}, {"A": [1.0]})
    run = simulate(bars, targets, ExecutionConfig(initial_cash=10_000.0, contract_multiplier=50.0))
    assert run.fills["quantity"].to_list() == [20.0]
    assert run.equity["equity"].to_list() == [10_000.0, 11_000.0, 11_000.0]
    assert run.positions["value"].to_list() == [11_000.0, 11_000.0]


def test_long_only(frames: Frames) -> None:
    bars, targets = frames(flat(10.0, 3), flat(10.0, 3), {"A": [0.5, -0.5]})
    run = simulate(bars, targets, ExecutionConfig(initial_cash=1_000.0, long_only=True))
    assert run.fills["quantity"].to_list() == [50.0, -50.0]


executions = st.builds(
    ExecutionConfig,
    latency_bars=st.integers(1, 3),
    fee_bps=st.sampled_from([0.0, 10.0]),
    half_spread_bps=st.sampled_from([0.0, 4.0]),
    slippage_bps=st.sampled_from([0.0, 40.0]),
    slippage_model=st.sampled_from(["constant", "volume_share"]),
    unfilled=st.sampled_from(["lapse", "wait"]),
    max_gross=st.sampled_from([1.0, 2.5]),
    borrow_rate=st.sampled_from([0.0, 0.3]),
    tick_size=st.sampled_from([0.0, 0.01]),
    contract_multiplier=st.sampled_from([1.0, 5.0]),
)


@on_fixtures
@given(seed=st.integers(0, 2**32), execution=executions)
def test_the_books_balance(market: Market, seed: int, execution: ExecutionConfig) -> None:
    bars, targets, rates = market(seed, bars=40, symbols=3)
    run = simulate(bars, targets, execution, funding=rates)
    value = run.positions.group_by("timestamp").agg(pl.col("value").sum())
    account = run.equity.join(value, on="timestamp", how="left").with_columns(pl.col("value").fill_null(0.0))
    equity = account["equity"].to_numpy()
    assert (account["cash"] + account["value"]).to_numpy() == pytest.approx(equity, rel=1e-9, abs=1e-6)
    assert (account["cash"] + account["net"]).to_numpy() == pytest.approx(equity, rel=1e-9, abs=1e-6)
    assert (run.equity["costs"] >= 0.0).all()
    assert (run.fills["fee"] >= 0.0).all()
    assert (run.equity["gross"] >= run.equity["net"].abs() - 1e-6).all()
    # Cash is the first cash, what carry brought, what fills cost, and nothing else.
    paid = (run.fills["quantity"] * run.fills["price"] * execution.contract_multiplier + run.fills["fee"]).sum()
    assert run.equity["cash"][-1] == pytest.approx(execution.initial_cash + run.carry.sum() - paid, rel=1e-9, abs=1e-5)


@on_fixtures
@given(seed=st.integers(0, 2**32), execution=executions, bar=st.integers(0, 38))
def test_the_future_leaves_the_past_untouched(market: Market, seed: int, execution: ExecutionConfig, bar: int) -> None:
    bars, targets, rates = market(seed, bars=40, symbols=3)
    cut = bars["timestamp"].unique().sort()[bar]
    later = pl.col("timestamp") > cut
    changed = bars.with_columns(
        pl.when(later).then(pl.col(name) * 3.0).otherwise(name).alias(name) for name in ("open", "close", "volume")
    )
    other = targets.with_columns(pl.when(later).then(-pl.col("target")).otherwise("target").alias("target"))
    rails = [MaxDrawdown(limit=0.1)]
    before = simulate(bars, targets, execution, guardrails=rails, funding=rates)
    after = simulate(changed, other, execution, guardrails=rails, funding=rates)
    for name in ("equity", "fills", "positions"):
        assert getattr(before, name).filter(~later).equals(getattr(after, name).filter(~later)), name
    # The control: what comes before the cut does count.
    earlier = bars.with_columns(pl.when(~later).then(pl.col("close") * 3.0).otherwise("close").alias("close"))
    if len(before.fills.filter(~later)) and bar > 5:
        assert not simulate(earlier, targets, execution).equity.filter(~later).equals(before.equity.filter(~later))


@on_fixtures
@given(seed=st.integers(0, 2**32), latency=st.integers(1, 4))
def test_without_costs_a_constant_price_keeps_equity(market: Market, seed: int, latency: int) -> None:
    bars, targets, _ = market(seed, bars=40, symbols=3)
    still = bars.with_columns(pl.when(pl.col(name).is_not_null()).then(80.0).alias(name) for name in ("open", "close"))
    run = simulate(still, targets, ExecutionConfig(latency_bars=latency, max_gross=3.0))
    assert len(run.fills)
    assert run.equity["equity"].to_numpy() == pytest.approx(1e6, rel=1e-12)
    charged = simulate(still, targets, ExecutionConfig(latency_bars=latency, max_gross=3.0, fee_bps=1.0))
    assert charged.equity["equity"][-1] < 1e6


@on_fixtures
@given(seed=st.integers(0, 2**32), latency=st.integers(1, 4))
def test_nothing_fills_before_the_open_of_t_plus_l(market: Market, seed: int, latency: int) -> None:
    bars, targets, _ = market(seed, bars=40, symbols=2)
    stamps = bars["timestamp"].unique().sort().to_list()
    first = {
        s: stamps.index(t) for s, t in targets.drop_nulls().group_by("symbol").agg(pl.col("timestamp").min()).rows()
    }
    fills = simulate(bars, targets, ExecutionConfig(latency_bars=latency)).fills
    for stamp, symbol in fills.select("timestamp", "symbol").iter_rows():
        assert stamps.index(stamp) >= first[symbol] + latency


@on_fixtures
@given(seed=st.integers(0, 2**32), variants=st.lists(executions, min_size=1, max_size=4))
def test_many_variants_are_the_single_runs(market: Market, seed: int, variants: list[ExecutionConfig]) -> None:
    bars, targets, rates = market(seed, bars=40, symbols=3)
    table = simulate_many(bars, targets, variants, funding=rates)
    for row, execution in zip(table.iter_rows(named=True), variants, strict=True):
        run = simulate(bars, targets, execution, funding=rates)
        equity = np.concatenate([[execution.initial_cash], run.equity["equity"].to_numpy()])
        assert row["equity"] == equity[-1]
        assert row["return"] == equity[-1] / equity[0] - 1.0
        spread = run.returns.std(ddof=1)
        if spread > 0.0:
            assert row["sharpe"] == pytest.approx(run.returns.mean() / spread, rel=1e-9)
        fall = 1.0 - equity / np.maximum.accumulate(equity)
        assert row["max_drawdown"] == pytest.approx(fall.max(), abs=1e-12)
        assert row["turnover"] == pytest.approx(run.equity["turnover"].sum())
        assert row["costs"] == pytest.approx(run.equity["costs"].sum())
        assert row["carry"] == pytest.approx(run.carry.sum())


def test_many_variants_need_one(frames: Frames) -> None:
    bars, targets = frames(flat(10.0, 2), flat(10.0, 2), {"A": [1.0]})
    with pytest.raises(ConfigError, match="variants is empty"):
        simulate_many(bars, targets, [])
    flat_row = simulate_many(bars, targets.clear(), [ExecutionConfig()]).row(0, named=True)
    assert flat_row["sharpe"] is None
    assert flat_row["equity"] == 1e6


def test_many_fills_are_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """More fills than one buffer of the ledger holds."""
    monkeypatch.setattr("gnomon.execution.ledger.MOST_FILLS", 3_000)
    rng = np.random.default_rng(3)
    n = 7_000
    price = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 1e-4, n)))
    stamps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=t) for t in range(n)]
    bars = pl.DataFrame({"timestamp": stamps, "symbol": "A", "open": price, "close": price})
    targets = pl.DataFrame({"timestamp": stamps, "symbol": "A", "target": rng.uniform(-1.0, 1.0, n)})
    for execution in (ExecutionConfig(), ExecutionConfig(lot_size=1e-9)):
        run = simulate(bars, targets, execution)
        assert len(run.fills) == n - 1
        assert run.fills["timestamp"].is_sorted()
        assert run.fills["quantity"].sum() == pytest.approx(run.positions["quantity"][-1])
        assert math.isfinite(run.equity["equity"][-1])
