"""The fast loops are the ledger: equal to it in every bit, and either goes on from the other's state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.kernels import ledger as K
from gnomon.kernels.ledger_plain import is_plain, run_panel, run_single

NAN = float("nan")
INF = float("inf")
NOTHING = np.empty((0, 0))


def plain_params(symbols: int, **changed: float) -> np.ndarray:
    values = {
        **dict.fromkeys(K.PARAMETERS, 0.0),
        **dict.fromkeys([name for name in K.PARAMETERS if name.startswith("max_")], K.NO_LIMIT),
        "symbols": symbols,
        "latency_bars": 1,
        "initial_cash": 1_000.0,
        "max_gross": 1.0,
        "contract_multiplier": 1.0,
        **changed,
    }
    return np.array([values[name] for name in K.PARAMETERS], float)


def market(seed: int, bars: int, symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """[bars, columns] of time, zeros, opens, closes, targets; large moves, so that some accounts go bankrupt."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, rng.choice([0.01, 0.4]), (bars, symbols)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.02, close.shape))
    target = rng.uniform(-2.0, 2.0, close.shape)
    for values in (close, open_):
        values[rng.random(close.shape) < 0.1] = rng.choice([NAN, 0.0, INF])
    target[rng.random(close.shape) < 0.5] = NAN
    target[rng.random(close.shape) < 0.02] = -INF
    time = 1.5e15 + 6e7 * np.arange(bars)
    x = np.column_stack([time, np.zeros(bars), open_, close, target])
    own = 2 + np.arange(3 * symbols).reshape(3, symbols)
    ones = np.ones(symbols, int)
    return np.ascontiguousarray(x), np.concatenate([[0], own[0], own[1], ones, own[2], ones])


@given(st.data())
def test_the_fast_loops_give_the_bits_of_the_ledger(data: st.DataObject) -> None:
    symbols = data.draw(st.integers(1, 4))
    bars, c = market(data.draw(st.integers(0, 2**32)), data.draw(st.integers(1, 80)), symbols)
    p = plain_params(
        symbols,
        latency_bars=data.draw(st.sampled_from([1, 2, 4])),
        fee_rate=data.draw(st.sampled_from([0.0, 1e-3])),
        half_spread_bps=data.draw(st.sampled_from([0.0, 2.5])),
        slippage_bps=data.draw(st.sampled_from([0.0, 5.0, 2e4])),
        max_gross=data.draw(st.sampled_from([0.5, 1.0, 3.0, K.NO_LIMIT])),
        long_only=data.draw(st.sampled_from([0.0, 1.0])),
        contract_multiplier=data.draw(st.sampled_from([1.0, 50.0])),
    )
    assert is_plain(p, funding=False)
    size, room = K.ledger_state_size(p), 2 * symbols * (len(bars) + 1)

    state, rows, fills = np.zeros(size), np.empty((7, len(bars))), np.empty((room, 6))
    _, count = K.run_rows(state, bars.T, c, p, 0, rows, fills)
    summary = np.zeros(len(K.SUMMARY))
    K.run_summary(np.zeros(size), bars.T, c, p, summary)

    for loop in (run_panel, run_single)[: 2 if symbols == 1 else 1]:
        fast, fast_rows, fast_fills = np.zeros(size), np.zeros_like(rows), np.empty_like(fills)
        fast_summary = np.zeros_like(summary)
        # The first part by the ledger, the rest by the fast loop, on one state.
        cut = data.draw(st.integers(0, len(bars)))
        begin, first = K.run_rows(fast, bars[:cut].T, c, p, 0, fast_rows, fast_fills) if cut else (0, 0)
        end, second = loop(fast, bars, c, p, begin, fast_rows, fast_fills[first:], NOTHING[0:0].ravel())
        assert end == len(bars)
        assert first + second == count
        assert fast_fills[:count].tobytes() == fills[:count].tobytes()
        assert fast_rows.tobytes() == rows.tobytes()
        assert fast.tobytes() == state.tobytes()
        loop(np.zeros(size), bars, c, p, 0, NOTHING, NOTHING, fast_summary)
        assert fast_summary.tobytes() == summary.tobytes()


@pytest.mark.parametrize(
    "option",
    ["min_fee", "slippage_by_share", "borrow_rate", "cash_rate", "lot_size", "tick_size", "min_notional", "guarded"],
)
def test_a_rule_that_the_fast_loops_do_not_know_keeps_them_off(option: str) -> None:
    assert not is_plain(plain_params(1, **{option: 1.0}), funding=False)


def test_funding_and_volume_limits_keep_them_off_too() -> None:
    assert not is_plain(plain_params(1), funding=True)
    assert not is_plain(plain_params(1, max_volume_share=0.5), funding=False)
    assert is_plain(plain_params(1), funding=False)
