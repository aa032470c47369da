"""The gate on a person's money: what it says, and how often it is wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnomon.config.models import ThresholdsConfig
from gnomon.core.seeds import generator
from gnomon.evaluation.doubt import Tries, sharpe_doubt
from gnomon.evaluation.thresholds import judge_thresholds
from gnomon.evaluation.verdict import Circumstances, EdgeTest, edge_test, give_verdict
from gnomon.metrics import probabilistic_sharpe_ratio, sharpe_ratio

RNG = np.random.default_rng(1)
GOOD = sharpe_doubt(
    RNG.normal(0.002, 0.01, 1000), periods_per_year=252, tries=Tries(count=9, effective=3.0, variance=1e-4)
)
BAD = sharpe_doubt(RNG.normal(-0.002, 0.01, 1000), periods_per_year=252)
HOLD = sharpe_doubt(RNG.normal(0.0003, 0.01, 1000), periods_per_year=252)
FACTS = Circumstances(
    judged="bars",
    rows=1000,
    years=4.0,
    hold=HOLD,
    cost_bps=2.0,
    break_even_bps=30.0,
    random_percentile=0.99,
    suspicious_lag=False,
    unknown_trials=0,
    out_of_sample=True,
    level=0.05,
)
PASSED = EdgeTest(cash_pvalue=0.001, hold_pvalue=0.01, superior=True)


def test_an_edge_needs_every_condition() -> None:
    verdict = give_verdict(GOOD, PASSED, FACTS)
    assert verdict.edge
    assert verdict.text.startswith("An edge. Counting all 9 recorded tries, and after costs")
    assert not verdict.short_record
    for doubt, test, facts, says in (
        (GOOD, EdgeTest(cash_pvalue=0.2, hold_pvalue=0.01, superior=True), FACTS, "luck alone would do as well"),
        (GOOD, EdgeTest(cash_pvalue=0.01, hold_pvalue=0.2, superior=True), FACTS, "luck alone would do as well"),
        (GOOD, EdgeTest(cash_pvalue=0.01, hold_pvalue=0.01, superior=False, superior_tries=4), FACTS,
         "of all 9 recorded tries, 4 earned more after costs than luck would, and it is not among them"),
        (GOOD, PASSED, replace(FACTS, hold=replace(HOLD, annual_sharpe=9.0)), "buy-and-hold earned more for its risk"),
        (GOOD, PASSED, replace(FACTS, out_of_sample=False), "fitted or chosen on these same bars"),
        (GOOD, EdgeTest(cash_pvalue=math.nan, hold_pvalue=0.0, superior=True), FACTS, "too short a record"),
        (BAD, EdgeTest(cash_pvalue=0.9, hold_pvalue=0.9, superior=False), FACTS, "did not earn more than cash"),
        (replace(GOOD, sharpe=math.nan), EdgeTest(cash_pvalue=math.nan, hold_pvalue=math.nan, superior=False), FACTS,
         "the account did not move"),
    ):  # fmt: skip
        refused = give_verdict(doubt, test, facts)
        assert not refused.edge
        assert refused.text.startswith("No edge")
        assert says in refused.text, (says, refused.text)


def test_the_reasons_say_what_a_person_needs() -> None:
    doubt = replace(GOOD, pbo=0.4, n=50, minimum_track_record=100.0)
    facts = replace(FACTS, suspicious_lag=True, unknown_trials=3, out_of_sample=False, cost_bps=0.0)
    verdict = give_verdict(doubt, PASSED, facts)
    told = " ".join(verdict.reasons)
    for words in (
        "p = 0.001 against cash, p = 0.010 against holding the market",
        "standard error",
        "50 bars long (4.0 years)",
        "needs 100 bars to be told from 0 at 95%: too short",
        "deflated Sharpe ratio",
        "overfits with a probability of 40%",
        "charged no costs; the gain is gone at 30.0 bps",
        "earned less in 99% of runs",
        "one bar later",
        "3 recorded tries are not at hand",
        "used to fit or to choose",
    ):
        assert words in told, words
    assert verdict.short_record
    nothing = give_verdict(
        replace(BAD, minimum_track_record=math.inf),
        PASSED,
        replace(FACTS, break_even_bps=math.nan, random_percentile=math.nan),
    )
    assert "no length would do" in " ".join(nothing.reasons)
    assert "no gain even at no cost" in " ".join(nothing.reasons)
    unbounded = give_verdict(GOOD, PASSED, replace(FACTS, break_even_bps=math.inf))
    assert "no cost that was looked at" in " ".join(unbounded.reasons)
    still = give_verdict(
        replace(GOOD, annual_sharpe=math.nan, minimum_track_record=math.nan, dsr=math.nan),
        EdgeTest(cash_pvalue=math.nan, hold_pvalue=math.nan, superior=False),
        FACTS,
    )
    assert "cannot be held against buy-and-hold" in " ".join(still.reasons)
    assert "unknown size" in " ".join(still.reasons)


def test_holding_the_market_is_no_edge() -> None:
    """Drift alone: what follows the market earns more than cash, and has no alpha."""
    market = np.random.default_rng(2).normal(0.0015, 0.01, 1500)
    for own in (market, 0.5 * market, np.where(np.arange(1500) % 3 > 0, market, 0.0)):
        test = edge_test(own[:, None], market, risk_free=0.0, level=0.05, rng=generator(1, "a"))
        assert test.cash_pvalue < 0.05  # control: the test against cash alone would claim it
        assert test.hold_pvalue > 0.05
        assert not test.superior or test.pvalue > 0.05


def test_thresholds() -> None:
    metrics = {"max_drawdown": 0.25, "profit_factor": 1.4}
    sharpe, drawdown, factor = judge_thresholds(metrics, GOOD, ThresholdsConfig())
    assert (sharpe.name, sharpe.passed, sharpe.doubt) == ("sharpe_ratio", True, GOOD)
    assert sharpe.value == min(GOOD.annual_sharpe, GOOD.adjusted_annual_sharpe)
    assert (drawdown.value, drawdown.limit, drawdown.passed) == (0.25, 0.20, False)
    assert (factor.value, factor.limit, factor.passed) == (1.4, 1.3, True)
    unknown = judge_thresholds(
        {"max_drawdown": math.nan, "profit_factor": math.nan}, replace(GOOD, annual_sharpe=math.nan), ThresholdsConfig()
    )
    assert not any(result.passed for result in unknown)


def claims(seed: int, *, tries: int, drift: float, skill: float = 0.0) -> tuple[bool, bool]:
    """Whether the verdict, and the best PSR alone, claim an edge for the best of some random tries on one market."""
    rng = np.random.default_rng([3, seed])
    market = rng.standard_t(5, 500) * 0.008 + drift
    signs = np.sign(
        rng.normal(0, 1, (500, tries)) + np.where(np.arange(tries) == 0, skill, 0.0) * market[:, None] / 0.01
    )
    matrix = signs * market[:, None]
    best = int(np.argmax(matrix.mean(axis=0) / matrix.std(axis=0)))
    ordered = np.column_stack([matrix[:, best], np.delete(matrix, best, axis=1)])
    test = edge_test(ordered, market, risk_free=0.0, level=0.05, rng=generator(seed, "edge"), reps=200)
    doubt = sharpe_doubt(ordered[:, 0], periods_per_year=252, tries=Tries(count=tries, effective=tries, variance=1e-3))
    hold = sharpe_doubt(market, periods_per_year=252)
    naive = probabilistic_sharpe_ratio(sharpe_ratio(ordered[:, 0]), n=500) > 0.95
    return give_verdict(doubt, test, replace(FACTS, hold=hold)).edge, naive


def test_on_noise_it_claims_at_most_a_few() -> None:
    """40 null markets, half of them with a drift that anyone long would earn."""
    results = [claims(seed, tries=10, drift=0.0008 * (seed % 2)) for seed in range(40)]
    assert sum(edge for edge, _ in results) <= 5  # 5% of 40 is 2; more than 5 has a chance below 2%
    assert sum(naive for _, naive in results) >= 12  # control: the best PSR claims on noise a third of the time


def test_a_planted_edge_is_found() -> None:
    results = [claims(seed, tries=10, drift=0.0, skill=0.35)[0] for seed in range(15)]
    assert sum(results) >= 12


@pytest.mark.parametrize("seed", [1, 2])
def test_the_whole_evaluation_tells_noise_from_skill(judged: Any, seed: int) -> None:
    assert not judged(seed, n=1500)[2].verdict.edge
    found = judged(seed, n=1500, skill=0.2)[2]
    assert found.verdict.edge
    assert found.doubt.spa_pvalue < 0.05
