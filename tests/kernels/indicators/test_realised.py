from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from gnomon.kernels.indicators import realised as kernels

NAN = float("nan")


def moves_of(close: np.ndarray) -> pd.Series:
    return pd.Series(np.log(close)).diff()


def test_drift_free_is_its_definition(market, agrees) -> None:
    o, h, w, y = (np.log(column) for column in (market.open, market.high, market.low, market.close))
    terms = pd.Series((h - y) * (h - o) + (w - y) * (w - o))
    gap, body = pd.Series(o - np.roll(y, 1)), pd.Series(y - o)
    gap[0] = NAN
    k = 0.34 / (1.34 + 21 / 19)
    mean = terms.rolling(20).mean()
    expected = np.sqrt(gap.rolling(20).var() + k * body.rolling(20).var() + (1 - k) * mean).to_numpy()
    one, two = kernels.drift_free.over(market.open, market.high, market.low, market.close, params=(20,))
    agrees(two, expected)
    agrees(one[20:], np.sqrt(mean).to_numpy()[20:])


def test_drift_free_sees_no_drift() -> None:
    """A price that only rises: close to close it moves, within the bar nothing goes to and fro."""
    low = np.exp(0.01 * np.arange(40))
    high = low * math.exp(0.01)
    one, two = kernels.drift_free.over(low, high, low, high, params=(20,))
    assert one[-1] == pytest.approx(0.0, abs=1e-9)
    assert two[-1] == pytest.approx(0.0, abs=1e-9)


def test_realised_by_hand() -> None:
    close = np.exp(np.cumsum([0.0, 0.1, -0.2, 0.3]))
    volatility, bipower, jump, down = kernels.realised.over(close, params=(3,))
    assert volatility[-1] == pytest.approx(math.sqrt(0.14 / 3))
    assert bipower[-1] == pytest.approx(math.sqrt(math.pi / 2 * 0.08 / 2))
    assert jump[-1] == 0.0
    assert down[-1] == pytest.approx(0.04 / 0.14)
    assert np.isnan(volatility[:3]).all()


def test_a_jump_is_seen_by_the_realised_volatility_alone() -> None:
    chance = np.random.default_rng(4)
    moves = 0.001 * chance.choice([-1.0, 1.0], 100)
    moves[80] = 0.1
    volatility, bipower, jump, _ = kernels.realised.over(np.exp(np.cumsum(moves)), params=(60,))
    assert volatility[-1] > 3 * bipower[-1]
    assert jump[-1] > 0.9


def test_realised_is_its_definition(market, agrees) -> None:
    moves = moves_of(market.close)
    size = moves.abs()
    variance = (moves**2).rolling(60).mean()
    steady = math.pi / 2 * (size * size.shift()).rolling(59).mean()
    expected = (
        np.sqrt(variance),
        np.sqrt(steady).where(variance.notna()),
        (1 - steady / variance).clip(lower=0),
        (moves.where(moves < 0, 0.0) ** 2).where(moves.notna()).rolling(60).sum() / variance / 60,
    )
    for ours, theirs in zip(kernels.realised.over(market.close, params=(10, 60))[4:], expected, strict=True):
        agrees(ours, theirs.to_numpy(), scale=1.0)


def test_ewma_volatility_is_its_definition(market, agrees) -> None:
    squares = moves_of(market.close).to_numpy()[1:] ** 2
    variance, expected = squares[:20].mean(), np.full(market.close.size, NAN)
    expected[20] = math.sqrt(variance)
    for t in range(20, squares.size):
        variance = 0.94 * variance + 0.06 * squares[t]
        expected[t + 1] = math.sqrt(variance)
    agrees(kernels.ewma_volatility.over(market.close, params=(0.94, 20))[0], expected)


def test_volatility_ratio_is_its_definition(market, agrees) -> None:
    moves = moves_of(market.close)
    out = kernels.volatility_ratio.over(market.close, params=(5, 20, 20, 120))
    for row, (fast, slow) in enumerate(((5, 20), (20, 120))):
        agrees(out[row], (moves.rolling(fast).std() / moves.rolling(slow).std()).to_numpy(), scale=1.0)
    assert kernels.volatility_ratio.over(np.full(30, 2.0), params=(2, 5))[0, -1] == 1.0


def test_volatility_rank_is_its_definition(market, agrees) -> None:
    spread = moves_of(market.close).rolling(20).std()
    expected = ((spread.rolling(120).rank() - 1) / 119).to_numpy()
    agrees(kernels.volatility_rank.over(market.close, params=(20, 120))[0], expected)
    assert kernels.volatility_rank.over(np.full(30, 2.0), params=(2, 5))[0, -1] == 0.5
