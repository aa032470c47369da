from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.evaluation.doubt import Tries, recounted, sharpe_doubt
from gnomon.metrics import (
    deflated_sharpe_ratio,
    kurtosis,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
    sharpe_standard_error,
    skewness,
)

RETURNS = np.random.default_rng(1).standard_t(5, 600) * 0.01 + 0.001


def test_its_figures_are_those_of_the_metrics() -> None:
    doubt = sharpe_doubt(
        RETURNS, periods_per_year=252, risk_free=0.0001, tries=Tries(count=20, effective=8.0, variance=0.001)
    )
    sharpe = sharpe_ratio(RETURNS, risk_free=0.0001)
    shape = {"skew": skewness(RETURNS), "kurtosis": kurtosis(RETURNS)}
    assert doubt.sharpe == sharpe
    assert doubt.annual_sharpe == pytest.approx(sharpe * math.sqrt(252))
    assert doubt.standard_error == sharpe_standard_error(sharpe, n=600, **shape)
    assert doubt.annual_standard_error == pytest.approx(doubt.standard_error * math.sqrt(252))
    assert doubt.psr == probabilistic_sharpe_ratio(sharpe, n=600, **shape)
    assert doubt.dsr == deflated_sharpe_ratio(sharpe, n=600, trials=20, variance=0.001, **shape)
    assert doubt.dsr < doubt.dsr_effective < doubt.psr
    assert doubt.minimum_track_record == minimum_track_record_length(sharpe, **shape)


def test_one_try_deflates_nothing_and_few_are_exact() -> None:
    one = sharpe_doubt(RETURNS, periods_per_year=252)
    assert one.dsr == one.dsr_effective == one.psr
    three = sharpe_doubt(RETURNS, periods_per_year=252, tries=Tries(count=3, effective=2.5, variance=0.001))
    assert three.dsr < three.dsr_effective < three.psr


@pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 5, [0.01] * 5])
def test_a_ratio_that_is_not_finite_is_unknown(returns: list[float]) -> None:
    doubt = sharpe_doubt(np.array(returns), periods_per_year=252)
    assert doubt.n == len(returns)
    for name in ("sharpe", "annual_sharpe", "standard_error", "psr", "dsr", "minimum_track_record"):
        assert math.isnan(getattr(doubt, name)), name


def test_two_returns_have_a_doubt() -> None:
    assert math.isfinite(sharpe_doubt(np.array([0.01, 0.03]), periods_per_year=252).standard_error)


def test_recounting_is_the_doubt_with_the_new_tries() -> None:
    returns = np.random.default_rng(3).normal(0.001, 0.01, 400)
    tries = Tries(count=40, effective=12.0, variance=0.002, pbo=0.3, spa_pvalue=0.2)
    alone = sharpe_doubt(returns, periods_per_year=252.0)
    assert recounted(alone, tries) == sharpe_doubt(returns, periods_per_year=252.0, tries=tries)
    assert recounted(alone, tries).dsr < alone.dsr == pytest.approx(alone.psr)
    still = sharpe_doubt(np.zeros(5), periods_per_year=252.0)
    assert np.isnan(recounted(still, tries).dsr)
    assert recounted(still, tries).trials == 40
