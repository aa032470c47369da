"""The account as an object goes on from a saved state, through whichever loop its rules allow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.core.errors import ConfigError
from gnomon.execution import ExecutionConfig, Ledger, MaxDrawdown, MaxRollingLoss
from gnomon.execution.ledger import ledger_params
from gnomon.kernels.ledger import NO_LIMIT, PARAMETERS


def market(symbols: int, bars: int = 50) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(symbols)
    price = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (bars, symbols)), axis=0))
    target = rng.uniform(-1.0, 1.0, price.shape)
    x = np.column_stack([np.arange(bars) * 6e7, np.zeros(bars), price, price, target])
    own = 2 + np.arange(3 * symbols).reshape(3, symbols)
    ones = np.ones(symbols, int)
    return np.ascontiguousarray(x), np.concatenate([[0], own[0], own[1], ones, own[2], ones])


@pytest.mark.parametrize("symbols", [1, 3])
@pytest.mark.parametrize("execution", [ExecutionConfig(fee_bps=5.0), ExecutionConfig(fee_bps=5.0, lot_size=0.5)])
def test_a_saved_account_goes_on(symbols: int, execution: ExecutionConfig) -> None:
    x, columns = market(symbols)
    whole = Ledger(symbols, columns, execution, funding=False)
    rows, fills = whole.run(x)
    first = Ledger(symbols, columns, execution, funding=False)
    early, early_fills = first.run(x[:20])
    second = Ledger(symbols, columns, execution, funding=False, state=np.frombuffer(first.state.tobytes()).copy())
    late, late_fills = second.run(np.ascontiguousarray(x[20:]))
    assert np.array_equal(np.concatenate([early, late], axis=1), rows)
    late_fills[:, 0] += 20
    assert np.array_equal(np.concatenate([early_fills, late_fills]), fills)
    assert second.state.tobytes() == whole.state.tobytes()


def test_columns_out_of_order_take_the_general_loop_to_the_same_bits() -> None:
    x, columns = market(3)
    rows, _ = Ledger(3, columns, funding=False).run(x)
    order = np.random.default_rng(0).permutation(x.shape[1])
    place = np.argsort(order)
    shuffled, _ = Ledger(3, place[columns], funding=False).run(np.ascontiguousarray(x[:, order]))
    assert np.array_equal(shuffled, rows)


def test_no_bars_no_fills() -> None:
    x, columns = market(2)
    rows, fills = Ledger(2, columns).run(x[:0])
    assert rows.shape == (7, 0)
    assert fills.shape == (0, 6)


def test_a_state_of_another_account_is_refused() -> None:
    x, columns = market(1)
    ledger = Ledger(1, columns)
    ledger.run(x)
    with pytest.raises(ConfigError, match="have changed since it was saved"):
        Ledger(1, columns, guardrails=[MaxRollingLoss(limit=0.1, bars=5)], state=ledger.state)


def test_params_stand_under_their_names() -> None:
    execution = ExecutionConfig(fee_bps=5.0, unfilled="wait", slippage_model="volume_share", max_gross=math.inf)
    params = ledger_params(execution, [MaxDrawdown(limit=0.2)], symbols=7)
    named = dict(zip(PARAMETERS, params, strict=True))
    assert named["symbols"] == 7
    assert named["fee_rate"] == 5e-4
    assert named["unfilled_waits"] == named["slippage_by_share"] == named["guarded"] == 1.0
    assert named["max_drawdown"] == 0.2
    assert named["max_gross"] == named["drawdown_cooldown_bars"] == named["max_position"] == NO_LIMIT
    assert np.isfinite(params).all()
