from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from gnomon.metrics import (
    SCENARIOS,
    Scenario,
    bootstrap_drawdowns,
    conditional_value_at_risk,
    cornish_fisher_conditional_value_at_risk,
    cornish_fisher_value_at_risk,
    cum_returns,
    gaussian_conditional_value_at_risk,
    gaussian_value_at_risk,
    max_drawdown,
    shock_return,
    value_at_risk,
    worst_windows,
)


def test_all_methods_agree_on_normal_returns() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.02, 200_000)
    exact = stats.norm.ppf(0.05, 0.001, 0.02)
    for method in (value_at_risk, gaussian_value_at_risk, cornish_fisher_value_at_risk):
        assert method(returns) == pytest.approx(exact, rel=0.01)
    tail = 0.001 - 0.02 * stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05
    for method in (
        conditional_value_at_risk,
        gaussian_conditional_value_at_risk,
        cornish_fisher_conditional_value_at_risk,
    ):
        assert method(returns) == pytest.approx(tail, rel=0.01)


def test_the_bent_quantile_is_nearer_to_a_skewed_truth() -> None:
    returns = 0.02 - np.random.default_rng(2).gamma(4.0, 0.01, 200_000)
    truth, tail = np.quantile(returns, 0.05), returns[returns <= np.quantile(returns, 0.05)].mean()
    assert abs(cornish_fisher_value_at_risk(returns) - truth) < 0.2 * abs(gaussian_value_at_risk(returns) - truth)
    bent, normal = cornish_fisher_conditional_value_at_risk(returns), gaussian_conditional_value_at_risk(returns)
    assert abs(bent - tail) < 0.2 * abs(normal - tail)


def test_the_closed_form_of_the_bent_tail_is_its_mean() -> None:
    returns = np.random.default_rng(3).gamma(4.0, 0.01, 1000)
    cutoffs = (np.arange(20_000) + 0.5) / 20_000 * 0.05
    slow = np.mean([cornish_fisher_value_at_risk(returns, cutoff=float(c)) for c in cutoffs[::20]])
    assert cornish_fisher_conditional_value_at_risk(returns) == pytest.approx(slow, rel=1e-2)


@pytest.mark.parametrize("values", [[], [0.01], [0.01] * 8, [math.nan] * 4])
def test_edges_never_warn(values: list[float]) -> None:
    for method in (
        gaussian_value_at_risk,
        gaussian_conditional_value_at_risk,
        cornish_fisher_value_at_risk,
        cornish_fisher_conditional_value_at_risk,
    ):
        result = method(values)
        assert math.isnan(result) or result == pytest.approx(0.01)
    assert worst_windows(values, windows=(20,)).is_empty()


def test_shocks_by_hand() -> None:
    weights = {"A": 0.8, "B": -0.3}
    assert shock_return(weights, Scenario(name="fall", move=-0.2)) == pytest.approx(-0.1)
    assert shock_return(weights, Scenario(name="own", move=-0.2, moves={"B": 0.5})) == pytest.approx(-0.31)
    assert shock_return({}, SCENARIOS[0]) == 0.0
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    with pytest.raises(ValueError, match=r"by less than -1, was -1\.5"):
        Scenario(name="absurd", move=-1.5)


def test_worst_windows_by_a_slow_loop() -> None:
    returns = np.random.default_rng(4).normal(0, 0.02, 80)
    table = worst_windows(returns, windows=(1, 5, 21, 500))
    assert table["bars"].to_list() == [1, 5, 21]
    for bars, worst, start, end in table.rows():
        slow = [np.prod(1 + returns[i : i + bars]) - 1 for i in range(80 - bars + 1)]
        assert worst == pytest.approx(min(slow))
        assert start == int(np.argmin(slow))
        assert end == start + bars - 1
    stamps = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=i) for i in range(80)]
    dated = worst_windows(returns, stamps, windows=(5,))
    assert dated["start"][0] == stamps[table["start"][1]]
    with pytest.raises(ValueError, match="a window must be 1 bar or more"):
        worst_windows(returns, windows=(0,))


def test_bootstrapped_drawdowns() -> None:
    returns = np.random.default_rng(5).normal(0.0005, 0.01, 500)
    depths = bootstrap_drawdowns(returns, rng=np.random.default_rng(1), reps=400)
    again = bootstrap_drawdowns(returns, rng=np.random.default_rng(1), reps=400)
    np.testing.assert_array_equal(depths, again)
    own = max_drawdown(np.concatenate(([1.0], 1 + cum_returns(returns))))
    assert depths.min() < own < depths.max()
    assert ((depths > 0) & (depths < 1)).all()
    # one block as long as the history, from its own start, is the history
    whole = bootstrap_drawdowns(np.full(9, -0.1), rng=np.random.default_rng(1), reps=3, block=9)
    np.testing.assert_allclose(whole, 1 - 0.9**9)
    assert bootstrap_drawdowns([], rng=np.random.default_rng(1)).size == 0
    assert bootstrap_drawdowns([-1.0, -1.5], rng=np.random.default_rng(1), reps=2).max() <= 1.0
    with pytest.raises(ValueError, match="block must be 1"):
        bootstrap_drawdowns([0.1], rng=np.random.default_rng(1), block=0)


def test_a_cutoff_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1, was 5"):
        gaussian_value_at_risk([0.1, 0.2], cutoff=5)
