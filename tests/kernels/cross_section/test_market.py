"""Betas and residuals are those of numpy's least squares, on a small dense panel."""

from __future__ import annotations

import numpy as np
import pytest

from gnomon.kernels.cross_section import market

WINDOW = 30


def log_moves(prices: np.ndarray) -> np.ndarray:
    return np.log(prices[:, 1:] / prices[:, :-1])


def slow_line(mine: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float, float]:
    """Beta, last residual, correlation and deviation of the residuals by numpy."""
    slope, level = np.polyfit(theirs, mine, 1)
    rest = mine - level - slope * theirs
    return slope, rest[-1], np.corrcoef(mine, theirs)[0, 1], np.sqrt((rest**2).sum() / (mine.size - 2))


def assert_lines(out: np.ndarray, moves: np.ndarray, along: np.ndarray, *, first: int) -> None:
    """`along` is the market's move of each symbol; `first` the first bar with a value."""
    assert np.isnan(out[:, :, :first]).all()
    for symbol in range(moves.shape[0]):
        for t in (first, first + 7, moves.shape[1]):
            expected = slow_line(moves[symbol, t - WINDOW : t], along[symbol, t - WINDOW : t])
            np.testing.assert_allclose(out[:, symbol, t], expected, rtol=1e-8, atol=1e-12)


def test_lines_to_the_equal_market(dense: np.ndarray) -> None:
    moves = log_moves(dense[0])
    along = np.tile(moves.mean(axis=0), (9, 1))
    assert_lines(market.market_line.over(dense[0], params=(5, WINDOW)), moves, along, first=WINDOW)


def test_lines_to_a_market_weighted_by_a_column(dense: np.ndarray) -> None:
    moves, weight = log_moves(dense[0]), dense[1][:, :-1]
    along = np.tile((weight * moves).sum(axis=0) / weight.sum(axis=0), (9, 1))
    out = market.weighted_market_line.over(dense[0], dense[1], params=(5, WINDOW, 0))
    assert_lines(out, moves, along, first=WINDOW)


def test_lines_to_a_market_weighted_by_the_value_traded_before(dense: np.ndarray) -> None:
    moves, value = log_moves(dense[0]), dense[0] * dense[1]
    mean = np.stack([value[:, t - 9 : t + 1].mean(axis=1) for t in range(9, value.shape[1] - 1)], axis=1)
    along = np.full_like(moves, np.nan)
    along[:, 9:] = (mean * moves[:, 9:]).sum(axis=0) / mean.sum(axis=0)
    out = market.weighted_market_line.over(*dense, params=(5, WINDOW, 10))
    assert_lines(out, moves, along, first=WINDOW + 9)


def test_lines_to_ones_own_sector(dense: np.ndarray) -> None:
    moves = log_moves(dense[0])
    sector = np.array([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 3.0, np.nan])
    along = np.stack([moves[sector == code].mean(axis=0) for code in (1.0, 2.0)])
    out = market.sector_line.over(dense[0], np.tile(sector[:, None], (1, 160)), params=(3, WINDOW))
    for code in (1.0, 2.0):
        members = sector == code
        theirs = np.tile(along[int(code) - 1], (int(members.sum()), 1))
        assert_lines(out[:, members], moves[members], theirs, first=WINDOW)
    assert np.isnan(out[:, 7:]).all(), "a sector of one, and no sector"


def test_a_hole_is_paired_with_what_the_market_did_meanwhile(dense: np.ndarray) -> None:
    prices = dense[0].copy()
    prices[2, 70:75] = np.nan
    out = market.market_line.over(prices, params=(5, WINDOW))
    moves = log_moves(dense[0])
    others = np.delete(moves, 2, axis=0)
    mine = np.concatenate([moves[2, :69], [moves[2, 69:75].sum()], moves[2, 75:]])
    # While the symbol is away the market is that of the others; on its return its long move counts among theirs.
    away = others[:, 69:74].mean(axis=0)
    back = np.append(others[:, 74], moves[2, 69:75].sum()).mean()
    theirs = np.concatenate([moves[:, :69].mean(axis=0), [away.sum() + back], moves[:, 75:].mean(axis=0)])
    assert np.isnan(out[:, 2, 70:75]).all()
    for t in (75, 90):
        expected = slow_line(mine[t - 5 - WINDOW : t - 5], theirs[t - 5 - WINDOW : t - 5])
        np.testing.assert_allclose(out[:, 2, t], expected, rtol=1e-8)


def test_too_few_symbols_make_no_market(dense: np.ndarray) -> None:
    assert np.isnan(market.market_line.over(dense[0], params=(10, WINDOW))).all()
    thin = dense[0].copy()
    thin[3:, 80] = np.nan
    out = market.market_line.over(thin, params=(5, WINDOW))
    assert np.isnan(out[:, :, 80]).all()
    assert np.isfinite(out[:, :3, 81]).all()


@pytest.mark.parametrize(("window", "skip"), [(20, 0), (20, 4)])
def test_residual_momentum_by_numpy(dense: np.ndarray, window: int, skip: int) -> None:
    moves = log_moves(dense[0])
    index = moves.mean(axis=0)
    history = 40
    out = market.residual_momentum.over(dense[0], params=(5, 0, history, window, skip))
    assert np.isnan(out[:, :, :history]).all()
    for t in (history, 100, 159):
        gains = []
        for symbol in range(9):
            mine, theirs = moves[symbol, t - history : t], index[t - history : t]
            slope, level = np.polyfit(theirs, mine, 1)
            rest = (mine - level - slope * theirs)[history - window : history - skip]
            gains.append(rest.sum() / (rest.std(ddof=1) * np.sqrt(rest.size)))
        np.testing.assert_allclose(out[0, :, t], gains, rtol=1e-8)
        np.testing.assert_allclose(out[1, :, t], np.argsort(np.argsort(gains)) / 8.0)
        np.testing.assert_allclose(out[2, :, t], (gains - np.mean(gains)) / np.std(gains, ddof=1), rtol=1e-8)


def test_a_market_that_stands_still_has_no_beta() -> None:
    still = np.full((6, 40), 50.0)
    still[0] = 50.0 + np.arange(40) % 2
    out = market.market_line.over(still[1:], params=(5, 20))
    assert (out[:, :, 20:] == 0.0).all()
