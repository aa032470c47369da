"""The vectors of the literature, to 1e-9 relative where they are closed forms, and to every digit that was printed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.metrics import (
    adjusted_annual_sharpe,
    annualisation_factor,
    deflated_sharpe_ratio,
    effective_trials,
    expected_maximum_sharpe,
    lo_standard_error,
    minimum_backtest_length,
    minimum_track_record_length,
    null_minimum_track_record_length,
    null_probabilistic_sharpe_ratio,
    null_sharpe_standard_error,
    overfitting_logits,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
    sharpe_ratio,
    sharpe_standard_error,
)


@pytest.mark.parametrize(
    ("trials", "approximate", "exact"),
    [(10, 1.574598, 1.538753), (100, 2.530603, 2.507594), (1000, 3.255122, 3.241436)],
)
def test_expected_maximum(trials: int, approximate: float, exact: float) -> None:
    assert round(expected_maximum_sharpe(trials=trials, variance=1.0), 6) == approximate
    assert round(expected_maximum_sharpe(trials=trials, variance=1.0, exact=True), 6) == exact
    assert expected_maximum_sharpe(trials=trials, variance=4.0) == pytest.approx(2 * approximate, rel=1e-6)


def test_expected_maximum_of_few() -> None:
    with pytest.raises(ValueError, match=r"5 or more for the approximation, was 4; pass exact=True"):
        expected_maximum_sharpe(trials=4, variance=1.0)
    with pytest.raises(ValueError, match="exact=True"):
        deflated_sharpe_ratio(0.1, n=100, trials=3, variance=1.0)
    assert expected_maximum_sharpe(trials=1, variance=1.0, exact=True) == 0.0
    assert expected_maximum_sharpe(trials=2, variance=1.0, exact=True) == pytest.approx(
        1 / math.sqrt(math.pi), rel=1e-9
    )
    assert expected_maximum_sharpe(trials=3, variance=1.0, exact=True) == pytest.approx(1.5 / math.sqrt(math.pi))
    assert deflated_sharpe_ratio(0.1, n=101, trials=1, variance=1.0, exact=True) == probabilistic_sharpe_ratio(
        0.1, n=101
    )


def test_the_exact_maximum_is_that_of_draws() -> None:
    draws = np.random.default_rng(1).normal(size=(40_000, 10)).max(axis=1).mean()
    assert expected_maximum_sharpe(trials=10, variance=1.0, exact=True) == pytest.approx(draws, abs=0.015)
    assert abs(expected_maximum_sharpe(trials=10, variance=1.0) - draws) > 0.02  # control: the approximation is not it


def test_deflated_sharpe_ratio() -> None:
    sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    assert expected_maximum_sharpe(trials=100, variance=variance) == pytest.approx(0.1131720019, rel=1e-9)
    assert round(
        deflated_sharpe_ratio(sharpe, n=1250, trials=100, variance=variance, skew=-3, kurtosis=10), 10
    ) == pytest.approx(0.9003968344, abs=1e-12)
    assert (
        round(deflated_sharpe_ratio(sharpe, n=1250, trials=46, variance=variance, skew=-3, kurtosis=10), 7) == 0.9505017
    )
    assert round(deflated_sharpe_ratio(sharpe, n=1250, trials=88, variance=variance), 7) == 0.9504908


def test_probabilistic_sharpe_ratio() -> None:
    value = probabilistic_sharpe_ratio(1.585 / math.sqrt(12), n=24, skew=-2.448, kurtosis=10.164)
    assert round(value, 10) == 0.9132343069
    assert round(probabilistic_sharpe_ratio(0.458, n=24), 7) == 0.9816749


@pytest.mark.parametrize(
    ("sharpe", "skew", "kurtosis", "error", "years"),
    [(0.7079, -0.2250, 2.9570, 0.1028, 0.71522), (0.8183, -1.4455, 7.0497, 0.1550, 1.15930)],
)
def test_standard_error_and_track_record(
    sharpe: float, skew: float, kurtosis: float, error: float, years: float
) -> None:
    assert round(sharpe_standard_error(sharpe, n=134, skew=skew, kurtosis=kurtosis), 4) == error
    assert round(minimum_track_record_length(sharpe, skew=skew, kurtosis=kurtosis) / 12, 5) == years


def test_minimum_backtest_length() -> None:
    assert round(minimum_backtest_length(trials=45, sharpe=1.0), 7) == 4.9980870


def test_the_revision_of_2025() -> None:
    sharpe, shape = 0.036 / 0.079, {"skew": -2.448, "kurtosis": 10.164}
    assert round(null_sharpe_standard_error(sharpe, n=24, **shape), 3) == 0.329
    assert round(null_probabilistic_sharpe_ratio(sharpe, n=24, **shape), 3) == 0.987
    assert round(null_probabilistic_sharpe_ratio(sharpe, n=24, benchmark=0.1, **shape), 3) == 0.939
    assert round(null_minimum_track_record_length(sharpe, **shape), 3) == 13.029
    # control: the older forms give other figures
    assert round(probabilistic_sharpe_ratio(sharpe, n=24, **shape), 3) != 0.987
    assert round(minimum_track_record_length(sharpe, **shape), 3) != 13.029


def test_lo() -> None:
    assert round(lo_standard_error(0.5, n=60), 3) == 0.137
    assert round(lo_standard_error(1.0, n=24), 3) == 0.250
    assert round(annualisation_factor(periods=12, autocorrelation=-0.2), 2) == 4.17
    assert round(annualisation_factor(periods=12, autocorrelation=0.2), 2) == 2.88
    assert annualisation_factor(periods=12, autocorrelation=0.0) == pytest.approx(math.sqrt(12), rel=1e-12)


@given(st.floats(-0.95, 0.95), st.integers(1, 300))
def test_the_closed_form_of_lo_is_his_sum(rho: float, q: int) -> None:
    k = np.arange(1, q)
    slow = q / math.sqrt(q + 2 * float(np.sum((q - k) * rho**k)))
    assert annualisation_factor(periods=q, autocorrelation=rho) == pytest.approx(slow, rel=1e-9)
    assert annualisation_factor(periods=q, autocorrelation=list(rho**k)) == pytest.approx(slow, rel=1e-9)


@given(st.floats(0.01, 0.5), st.floats(-1.5, 1.5), st.floats(5.0, 15.0), st.floats(0.6, 0.99))
def test_a_track_record_of_the_minimum_length_just_passes(
    sharpe: float, skew: float, kurtosis: float, level: float
) -> None:
    length = minimum_track_record_length(sharpe, skew=skew, kurtosis=kurtosis, level=level)
    z = sharpe / math.sqrt(sharpe_standard_error(sharpe, n=2, skew=skew, kurtosis=kurtosis) ** 2 / (length - 1))
    assert 0.5 * math.erfc(-z / math.sqrt(2)) == pytest.approx(level, abs=1e-9)


def test_edges() -> None:
    assert minimum_track_record_length(0.0) == math.inf
    assert null_minimum_track_record_length(0.1, benchmark=0.2) == math.inf
    assert probabilistic_sharpe_ratio(1.0, n=9, skew=2.0, kurtosis=5.0) == 1.0  # no spread at all
    assert math.isnan(adjusted_annual_sharpe([0.1, 0.2], periods_per_year=12))
    for bad in (
        lambda: sharpe_standard_error(0.1, n=1),
        lambda: sharpe_standard_error(3.0, n=10, skew=3.0, kurtosis=1.0),
        lambda: minimum_track_record_length(0.1, level=1.0),
        lambda: minimum_backtest_length(trials=45, sharpe=0.0),
        lambda: expected_maximum_sharpe(trials=0.5, variance=1.0, exact=True),
        lambda: expected_maximum_sharpe(trials=10, variance=-1.0),
        lambda: annualisation_factor(periods=12, autocorrelation=1.0),
        lambda: annualisation_factor(periods=0.5, autocorrelation=0.0),
        lambda: annualisation_factor(periods=12, autocorrelation=[-0.9, -0.9]),
    ):
        with pytest.raises(ValueError, match=r"was|gives|no returns have"):
            bad()


def test_autocorrelation_takes_from_an_annual_sharpe() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(0.001, 0.01, 5000)
    smooth = np.convolve(noise, [0.5, 0.5], mode="valid")
    plain = sharpe_ratio(smooth, periods_per_year=252)
    assert adjusted_annual_sharpe(smooth, periods_per_year=252) < 0.75 * plain
    assert adjusted_annual_sharpe(noise, periods_per_year=252) == pytest.approx(
        sharpe_ratio(noise, periods_per_year=252), rel=0.05
    )


def test_effective_trials() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(size=(500, 10))
    slow = np.corrcoef(noise.T)
    mean = (slow.sum() - 10) / 90
    assert effective_trials(noise) == pytest.approx(min(10.0, mean + (1 - mean) * 10), rel=1e-9)
    assert effective_trials(np.repeat(noise[:, :1], 10, axis=1)) == pytest.approx(1.0)
    assert effective_trials(noise[:, :1]) == 1.0
    assert effective_trials(np.zeros((5, 3))) == 3.0


def test_overfitting_of_demeaned_noise_is_certain() -> None:
    noise = np.random.default_rng(6).normal(0, 0.01, (1000, 100))
    assert probability_of_backtest_overfitting(noise - noise.mean(axis=0)) == 1.0
    assert probability_of_backtest_overfitting(noise) < 1.0  # control


def test_overfitting_has_12870_splits() -> None:
    noise = np.random.default_rng(7).normal(0, 0.01, (200, 3))
    assert overfitting_logits(noise).size == 12_870


def test_overfitting_on_noise_is_a_coin_and_a_true_edge_has_none() -> None:
    coins, edges = [], []
    for seed in range(20):
        rng = np.random.default_rng([10, seed])
        noise = rng.normal(0, 0.01, (1000, 100))
        coins.append(probability_of_backtest_overfitting(noise, blocks=10))
        noise[:, 3] += 0.002
        edges.append(probability_of_backtest_overfitting(noise, blocks=10))
    assert 0.40 < np.mean(coins) < 0.60
    assert np.mean(edges) < 0.05


@given(st.integers(0, 10_000), st.sampled_from([2, 4, 6]), st.integers(2, 6), st.integers(12, 40))
def test_splits_are_scored_as_by_a_slow_loop(seed: int, blocks: int, strategies: int, bars: int) -> None:
    import itertools

    returns = np.random.default_rng(seed).normal(0, 0.01, (max(bars, 2 * blocks), strategies))
    edges = np.linspace(0, len(returns), blocks + 1).round().astype(int)
    pieces = [returns[a:b] for a, b in itertools.pairwise(edges)]
    slow = []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([pieces[b] for b in chosen])
        outside = np.concatenate([pieces[b] for b in range(blocks) if b not in chosen])
        best = int(np.argmax(inside.mean(axis=0) / inside.std(axis=0)))
        scores = outside.mean(axis=0) / outside.std(axis=0)
        rank = 1 + int((scores < scores[best]).sum())
        slow.append(math.log(rank / (strategies + 1 - rank)))
    np.testing.assert_allclose(overfitting_logits(returns, blocks=blocks), slow, rtol=1e-9, atol=1e-9)


def test_bad_tables_are_refused() -> None:
    noise = np.random.default_rng(8).normal(size=(40, 3))
    with pytest.raises(ValueError, match="even and 2 or more, was 3"):
        probability_of_backtest_overfitting(noise, blocks=3)
    with pytest.raises(ValueError, match="24 or fewer"):
        probability_of_backtest_overfitting(noise, blocks=26)
    with pytest.raises(ValueError, match="2 strategies or more, was 1"):
        probability_of_backtest_overfitting(noise[:, :1])
    with pytest.raises(ValueError, match="use fewer blocks"):
        probability_of_backtest_overfitting(noise[:20])
    with pytest.raises(ValueError, match=r"was of shape \(40,\)"):
        probability_of_backtest_overfitting(noise[:, 0])
    noise[7, 2] = np.nan
    with pytest.raises(ValueError, match=r"returns\[7, 2\] is nan"):
        probability_of_backtest_overfitting(noise)
