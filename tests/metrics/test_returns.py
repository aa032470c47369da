from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import empyrical
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.metrics import (
    alpha_beta,
    annual_return,
    annual_volatility,
    autocorrelation,
    cagr,
    calmar_ratio,
    conditional_value_at_risk,
    correlation,
    cum_returns,
    cum_returns_final,
    down_capture,
    downside_risk,
    drawdown_series,
    excess_sharpe,
    information_ratio,
    kurtosis,
    max_drawdown,
    omega_ratio,
    sharpe_ratio,
    simple_returns,
    skewness,
    sortino_ratio,
    stability_of_timeseries,
    tail_ratio,
    up_capture,
    value_at_risk,
)

PER_YEAR = 252


def equity_of(returns: np.ndarray) -> np.ndarray:
    return np.concatenate(([1.0], 1.0 + cum_returns(returns)))


ORACLE: dict[str, tuple[Callable[[np.ndarray], float], Callable[[np.ndarray], float]]] = {
    "cum_returns_final": (cum_returns_final, empyrical.cum_returns_final),
    "annual_return": (lambda r: annual_return(r, periods_per_year=PER_YEAR), empyrical.annual_return),
    "cagr": (lambda r: cagr(r, periods_per_year=PER_YEAR), empyrical.cagr),
    "annual_volatility": (lambda r: annual_volatility(r, periods_per_year=PER_YEAR), empyrical.annual_volatility),
    "sharpe_ratio": (
        lambda r: sharpe_ratio(r, risk_free=0.0001, periods_per_year=PER_YEAR),
        lambda r: empyrical.sharpe_ratio(r, risk_free=0.0001),
    ),
    "sortino_ratio": (
        lambda r: sortino_ratio(r, required_return=0.0002, periods_per_year=PER_YEAR),
        lambda r: empyrical.sortino_ratio(r, required_return=0.0002),
    ),
    "downside_risk": (
        lambda r: downside_risk(r, required_return=0.0002, periods_per_year=PER_YEAR),
        lambda r: empyrical.downside_risk(r, required_return=0.0002),
    ),
    "calmar_ratio": (lambda r: calmar_ratio(r, periods_per_year=PER_YEAR), empyrical.calmar_ratio),
    "omega_ratio": (
        lambda r: omega_ratio(r, risk_free=0.0001, required_return=0.02, periods_per_year=PER_YEAR),
        lambda r: empyrical.omega_ratio(r, risk_free=0.0001, required_return=0.02),
    ),
    "max_drawdown": (lambda r: -max_drawdown(equity_of(r)), empyrical.max_drawdown),
    "tail_ratio": (tail_ratio, empyrical.tail_ratio),
    "stability_of_timeseries": (stability_of_timeseries, empyrical.stability_of_timeseries),
    "value_at_risk": (value_at_risk, empyrical.value_at_risk),
    "conditional_value_at_risk": (conditional_value_at_risk, empyrical.conditional_value_at_risk),
}


def random_returns(seed: int, n: int = 700) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, n) * 0.01 + 0.0003


@pytest.mark.parametrize("name", ORACLE)
@pytest.mark.parametrize("seed", range(5))
def test_it_equals_empyrical_on_random_returns(name: str, seed: int) -> None:
    ours, theirs = ORACLE[name]
    returns = random_returns(seed, n=[2, 3, 30, 700, 3000][seed])
    assert ours(returns) == pytest.approx(theirs(returns), rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", sorted(set(ORACLE) - {"value_at_risk"}))
def test_it_equals_empyrical_on_returns_with_gaps(name: str) -> None:
    ours, theirs = ORACLE[name]
    returns = random_returns(9)
    returns[[0, 5, 6, 300, 699]] = np.nan
    copy = returns.copy()
    assert ours(returns) == pytest.approx(theirs(returns.copy()), rel=1e-9)
    np.testing.assert_array_equal(returns, copy)


@pytest.mark.parametrize("name", ORACLE)
def test_it_equals_empyrical_on_real_returns(name: str, real_data: Path) -> None:
    bars = pl.read_parquet(real_data / "B_daily" / "lean_daily_unadjusted_aapl_spy_1998_2021.parquet")
    ours, theirs = ORACLE[name]
    for _, group in bars.group_by("symbol"):
        returns = simple_returns(group["close"].to_numpy())
        assert ours(returns) == pytest.approx(theirs(returns), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_figures_against_a_benchmark_equal_empyrical(seed: int) -> None:
    other = random_returns(seed)
    own = 0.7 * other + random_returns(seed + 100)
    alpha, beta = alpha_beta(own, other, risk_free=0.0001, periods_per_year=PER_YEAR)
    np.testing.assert_allclose([alpha, beta], empyrical.alpha_beta(own, other, risk_free=0.0001), rtol=1e-9)
    assert excess_sharpe(own, other) == pytest.approx(empyrical.excess_sharpe(own, other), rel=1e-9)
    assert information_ratio(own, other, periods_per_year=4.0) == pytest.approx(2 * excess_sharpe(own, other))
    for ours, theirs in ((up_capture, empyrical.up_capture), (down_capture, empyrical.down_capture)):
        assert ours(own, other, periods_per_year=PER_YEAR) == pytest.approx(theirs(own, other), rel=1e-9)
    assert correlation(own, other) == pytest.approx(np.corrcoef(own, other)[0, 1], rel=1e-9)


def test_moments_equal_scipy() -> None:
    from scipy import stats

    returns = random_returns(3)
    assert skewness(returns) == pytest.approx(stats.skew(returns), rel=1e-9)
    assert kurtosis(returns) == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)


def test_by_hand() -> None:
    assert simple_returns([100.0, 110.0, 0.0, 5.0])[:2] == pytest.approx([0.1, -1.0])
    assert math.isnan(simple_returns([100.0, 110.0, 0.0, 5.0])[2])
    assert cum_returns([0.1, np.nan, -0.5]) == pytest.approx([0.1, 0.1, -0.45])
    assert max_drawdown([100.0, 120.0, 90.0, 130.0, 65.0]) == 0.5
    assert drawdown_series([100.0, 120.0, np.nan, 90.0])[[0, 1, 3]] == pytest.approx([0.0, 0.0, 0.25])
    assert annual_return([-1.0, 0.5], periods_per_year=252) == -1.0
    assert autocorrelation([1.0, -1.0, 1.0, -1.0]) == -0.75
    # the mean of three returns over their deviation of 2%, a root of 12 a year
    assert sharpe_ratio([0.01, 0.03, -0.01], periods_per_year=12) == pytest.approx(0.01 / 0.02 * math.sqrt(12))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        ([np.nan, np.nan], {"max_drawdown": 0.0, "cum_returns_final": 0.0, "annual_return": 0.0, "cagr": 0.0}),
        ([0.01], {"max_drawdown": 0.0, "cum_returns_final": 0.01, "value_at_risk": 0.01, "tail_ratio": 1.0}),
        ([0.01] * 9, {"sharpe_ratio": math.inf, "annual_volatility": 0.0, "sortino_ratio": math.inf}),
        ([0.0] * 9, {"annual_return": 0.0, "annual_volatility": 0.0, "downside_risk": 0.0029}),
        ([-1.0, 0.0, 0.1], {"annual_return": -1.0, "cum_returns_final": -1.0, "max_drawdown": -1.0}),
    ],
    ids=["empty", "missing", "one", "constant", "zero", "ruin"],
)
def test_edges_have_a_result_and_never_a_warning(values: list[float], expected: dict[str, float]) -> None:
    array = np.array(values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = {name: ours(array) for name, (ours, _) in ORACLE.items()}
        alpha_beta(array, array), excess_sharpe(array, array), correlation(array, array)
        skewness(array), kurtosis(array), autocorrelation(array), drawdown_series(array), simple_returns(array)
        up_capture(array, array, periods_per_year=252.0), down_capture(array, array, periods_per_year=252.0)
    for name, value in expected.items():
        if name == "downside_risk":
            assert results[name] == pytest.approx(0.0002 * math.sqrt(252))
        else:
            assert results[name] == pytest.approx(value, abs=1e-12), name
    if not values:
        empty_drawdown = results.pop("max_drawdown")
        assert empty_drawdown == 0.0  # of the starting equity alone
        assert math.isnan(max_drawdown([]))
        assert all(math.isnan(value) for value in results.values())


def test_equal_returns_that_differ_by_rounding_have_no_volatility() -> None:
    equity = 1.0001 ** np.arange(500)
    assert sharpe_ratio(np.diff(equity) / equity[:-1]) == math.inf
    assert sharpe_ratio(np.diff(equity) / equity[:-1] + np.resize([1e-9, -1e-9], 499)) < 1e6  # control


def test_a_table_or_series_of_other_length_is_refused() -> None:
    with pytest.raises(ValueError, match="for each column"):
        sharpe_ratio(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="same bars, were 2 and 3"):
        alpha_beta([0.1, 0.2], [0.1, 0.2, 0.3])


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60), st.floats(0.1, 10.0))
def test_a_sharpe_ratio_does_not_depend_on_leverage(returns: list[float], leverage: float) -> None:
    array = np.array(returns)
    if array.std() > 1e-6:
        assert sharpe_ratio(array * leverage) == pytest.approx(sharpe_ratio(array), rel=1e-6, abs=1e-9)


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=60))
def test_a_drawdown_is_the_worst_of_all_pairs(equity: list[float]) -> None:
    slow = max((equity[i] - equity[j]) / equity[i] for i in range(len(equity)) for j in range(i, len(equity)))
    assert max_drawdown(equity) == pytest.approx(max(slow, 0.0), abs=1e-12)
