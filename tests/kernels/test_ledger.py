"""The ledger kernel keeps the law: no cut of the bars, and no saving of its state, changes a bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels import ledger as K
from gnomon.kernels.base import Call, Program
from gnomon.testing.kernels import check_kernel

NAN = float("nan")
INF = float("inf")
OFF: dict[str, float] = {
    **dict.fromkeys(K.PARAMETERS, 0.0),
    **dict.fromkeys([name for name in K.PARAMETERS if name.startswith("max_")], K.NO_LIMIT),
    "symbols": 1,
    "latency_bars": 1,
    "initial_cash": 1_000.0,
    "max_gross": 1.0,
    "contract_multiplier": 1.0,
    "drawdown_cooldown_bars": K.NO_LIMIT,
    "rolling_loss_bars": 1,
    "rolling_loss_cooldown_bars": 1,
}


def params_of(**changed: float) -> np.ndarray:
    assert not set(changed) - set(OFF)
    return np.array([{**OFF, **changed}[name] for name in K.PARAMETERS], float)


def columns_of(symbols: int) -> np.ndarray:
    return np.arange(1 + 5 * symbols)


def ragged_market(seed: int, bars: int, symbols: int) -> np.ndarray:
    """[columns, bars]: time, opens, closes, volumes, targets, funding, with holes and every kind of odd number."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.05, (symbols, bars)), axis=1))
    open_ = close * np.exp(rng.normal(0.0, 0.02, close.shape))
    volume = rng.choice([0.0, 5.0, 500.0, NAN], close.shape)
    target = rng.uniform(-1.5, 1.5, close.shape)
    funding = rng.choice([0.0, 1e-3, -2e-3, NAN], close.shape)
    hole = rng.random(close.shape) < 0.15
    open_[hole] = NAN
    close[hole | (rng.random(close.shape) < 0.05)] = NAN
    open_[rng.random(close.shape) < 0.05] = rng.choice([NAN, 0.0, -1.0, INF])
    target[rng.random(close.shape) < 0.4] = NAN
    target[rng.random(close.shape) < 0.02] = INF
    time = 1.6e15 + np.cumsum(rng.choice([6e7, 3.6e9, 8.64e10, 2.6e11], bars))
    return np.ascontiguousarray(np.concatenate([time[None], open_, close, volume, target, funding]))


def pick(draw: Any, name: str, *values: float) -> float:
    return draw(st.sampled_from(values), label=name)


def draw_params(data: st.DataObject, symbols: int) -> np.ndarray:
    draw = data.draw
    return params_of(
        symbols=symbols,
        latency_bars=pick(draw, "latency", 1, 2, 5),
        fee_rate=pick(draw, "fee", 0.0, 1e-3),
        min_fee=pick(draw, "min fee", 0.0, 1.0),
        half_spread_bps=pick(draw, "spread", 0.0, 3.0),
        slippage_bps=pick(draw, "slippage", 0.0, 7.0, 500.0),
        slippage_by_share=pick(draw, "by share", 0.0, 1.0),
        max_volume_share=pick(draw, "share", K.NO_LIMIT, 0.01, 1.0),
        unfilled_waits=pick(draw, "waits", 0.0, 1.0),
        borrow_rate=pick(draw, "borrow", 0.0, 0.5),
        cash_rate=pick(draw, "cash rate", 0.0, 0.2),
        max_gross=pick(draw, "gross", 1.0, 3.0, K.NO_LIMIT),
        lot_size=pick(draw, "lot", 0.0, 0.1, 1.0),
        tick_size=pick(draw, "tick", 0.0, 0.25),
        min_notional=pick(draw, "notional", 0.0, 50.0),
        long_only=pick(draw, "long only", 0.0, 1.0),
        contract_multiplier=pick(draw, "multiplier", 1.0, 0.1),
        guarded=pick(draw, "guarded", 0.0, 1.0),
        max_position=pick(draw, "position", K.NO_LIMIT, 0.4),
        max_drawdown=pick(draw, "drawdown", K.NO_LIMIT, 0.1),
        drawdown_cooldown_bars=pick(draw, "cooldown", K.NO_LIMIT, 3),
        max_daily_loss=pick(draw, "daily", K.NO_LIMIT, 0.02),
        max_rolling_loss=pick(draw, "rolling", K.NO_LIMIT, 0.05),
        rolling_loss_bars=3,
        rolling_loss_cooldown_bars=2,
        max_turnover=pick(draw, "turnover", K.NO_LIMIT, 0.3),
        max_stale_bars=pick(draw, "stale", K.NO_LIMIT, 2),
    )


def run_in_chunks(program: Program, x: np.ndarray, cuts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The rows of all chunks, and the last state; the state travels as bytes from chunk to chunk."""
    saved = program.new_state().tobytes()
    parts = []
    for begin, end in zip([0, *cuts], [*cuts, x.shape[1]], strict=True):
        state = np.frombuffer(saved).copy()
        out = np.empty((program.outputs, end - begin))
        program(state, np.ascontiguousarray(x[:, begin:end]), out)
        saved = state.tobytes()
        parts.append(out)
    return np.concatenate(parts, axis=1), np.frombuffer(saved)


def same_bits(left: np.ndarray, right: np.ndarray) -> bool:
    return left.shape == right.shape and left.tobytes() == right.tobytes()


@given(st.data())
def test_the_account_never_depends_on_the_cuts(data: st.DataObject) -> None:
    symbols = data.draw(st.integers(1, 3))
    bars = data.draw(st.integers(1, 60))
    x = ragged_market(data.draw(st.integers(0, 2**32)), bars, symbols)
    cuts = sorted(data.draw(st.sets(st.integers(0, bars), max_size=6)))
    p = draw_params(data, symbols)
    program = Program([Call(K.ledger, tuple(columns_of(symbols)), tuple(p))])
    whole, last = run_in_chunks(program, x, [])
    chunked, state = run_in_chunks(program, x, cuts)
    assert same_bits(chunked, whole)
    assert same_bits(state, last)


def test_the_battery_of_the_law() -> None:
    p = params_of(
        symbols=2,
        latency_bars=3,
        fee_rate=1e-3,
        lot_size=0.1,
        cash_rate=0.03,
        guarded=1.0,
        max_drawdown=0.3,
        drawdown_cooldown_bars=4,
        max_rolling_loss=0.1,
        rolling_loss_bars=5,
        rolling_loss_cooldown_bars=2,
    )
    check_kernel(K.ledger, params=tuple(p), columns=ragged_market(9, 400, 2))


def test_the_cut_test_catches_a_state_that_forgets() -> None:
    x = ragged_market(5, 60, 2)
    program = Program([Call(K.ledger, tuple(columns_of(2)), tuple(params_of(symbols=2)))])
    whole, _ = run_in_chunks(program, x, [])
    first, _ = run_in_chunks(program, x[:, :30], [])
    second, _ = run_in_chunks(program, np.ascontiguousarray(x[:, 30:]), [])
    assert not same_bits(np.concatenate([first, second], axis=1), whole)


@given(st.data())
def test_sparse_rows_and_the_summary_say_what_the_dense_rows_say(data: st.DataObject) -> None:
    symbols = data.draw(st.integers(1, 3))
    x = ragged_market(data.draw(st.integers(0, 2**32)), 40, symbols)
    p = draw_params(data, symbols)
    c = columns_of(symbols)
    program = Program([Call(K.ledger, tuple(c), tuple(p))])
    dense, _ = run_in_chunks(program, x, [])

    bars = np.ascontiguousarray(x.T)
    state = np.zeros(K.ledger_state_size(p))
    rows, kept, bar = np.empty((7, 40)), [], 0
    while bar < 40:
        fills = np.empty((2 * symbols + data.draw(st.integers(0, 5)), 6))
        bar, count = K.run_rows(state, bars.T, c, p, bar, rows, fills)
        kept.append(fills[:count])
    assert same_bits(rows, dense[:7])
    quantity = np.zeros((symbols, 40))
    fee = np.zeros((symbols, 40))
    for fill in np.concatenate(kept):
        quantity[int(fill[1]), int(fill[0])] += fill[2]
        fee[int(fill[1]), int(fill[0])] += fill[4]
    assert np.array_equal(quantity, dense[7 + symbols : 7 + 2 * symbols])
    assert np.array_equal(fee, dense[7 + 3 * symbols :])

    summary = np.zeros(len(K.SUMMARY))
    K.run_summary(np.zeros_like(state), bars.T, c, p, summary)
    named = dict(zip(K.SUMMARY, summary, strict=True))
    equity = np.concatenate([[1_000.0], rows[0]])
    alive = equity[:-1] > 0.0
    returns = np.where(alive, equity[1:] / np.where(alive, equity[:-1], 1.0) - 1.0, 0.0)
    peak = np.maximum.accumulate(equity)
    assert named["bars"] == 40
    assert named["equity"] == rows[0, -1]
    assert named["returns"] == pytest.approx(returns.sum(), rel=1e-9, abs=1e-15)
    assert named["squares"] == pytest.approx((returns**2).sum(), rel=1e-9, abs=1e-15)
    assert named["max_drawdown"] == pytest.approx((1.0 - equity / peak).max(), abs=1e-12)
    for name, row in (("turnover", 4), ("costs", 5), ("carry", 6)):
        assert named[name] == pytest.approx(rows[row].sum(), rel=1e-9, abs=1e-9)


def test_the_names_of_the_params_stand_where_the_kernel_reads_them() -> None:
    """The kernel's constants and the published names are two lists: they must agree."""
    read = {
        "symbols": K.SYMBOLS,
        "latency_bars": K.LATENCY,
        "initial_cash": K.INITIAL_CASH,
        "fee_rate": K.FEE_RATE,
        "max_volume_share": K.MAX_SHARE,
        "max_gross": K.MAX_GROSS,
        "contract_multiplier": K.MULTIPLIER,
        "guarded": K.GUARDED,
        "max_rolling_loss": K.MAX_ROLLING_LOSS,
        "rolling_loss_bars": K.ROLLING_BARS,
        "max_stale_bars": K.MAX_STALE,
    }
    assert {name: K.PARAMETERS.index(name) for name in read} == read
    assert (K.ACCOUNT[K.EQUITY], K.ACCOUNT[K.CARRY]) == ("equity", "carry")


def test_the_cap_on_gross_by_hand() -> None:
    """Two targets of 0.8 under a cap of 1 get 0.5 each; then a third order gets what the two leave."""
    x = np.array([[0.0, 1.0, 2.0, 3.0], *[[10.0] * 4] * 6, *[[0.0] * 4] * 3, *[[NAN] * 4] * 3, *[[0.0] * 4] * 3])
    x[10:12, 0] = 0.8
    x[12, 1] = 0.3
    x[10, 2] = 0.1
    p = params_of(symbols=3)
    out, _ = run_in_chunks(Program([Call(K.ledger, tuple(columns_of(3)), tuple(p))]), x, [])
    assert out[7:10].T.tolist() == [[0, 0, 0], [50, 50, 0], [50, 50, 0], [10, 50, 0]]
