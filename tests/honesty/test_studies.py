"""The whole pipeline on markets of known truth: small forms of the studies, each with its control."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import GateError
from gnomon.honesty.markets import NULLS, planted
from gnomon.honesty.studies import SHUFFLED, NullStudy, PlantedStudy, null_study, planted_study
from gnomon.honesty.trial import TrialConfig, put_on_trial
from gnomon.metrics.returns import sharpe_ratio


@pytest.mark.parametrize("kind", NULLS)
def test_a_null_market_is_a_market(kind):
    market = NULLS[kind](3, 600)
    bars = market.bars
    assert bars.height == 600
    assert (bars["high"] >= bars.select(pl.max_horizontal("open", "close")).to_series()).all()
    assert (bars["low"] <= bars.select(pl.min_horizontal("open", "close")).to_series()).all()
    assert (bars["open"][1:] == bars["close"][:-1]).all()
    assert NULLS[kind](3, 600).bars.equals(bars)
    assert not NULLS[kind](4, 600).bars.equals(bars)


def test_the_oracle_earns_what_was_planted():
    market = planted(5, 60_000, ic=0.1)
    close = market.bars["close"].to_numpy()
    moves = close[1:] / close[:-1] - 1
    held = market.oracle[:-1] * moves
    assert sharpe_ratio(held) == pytest.approx(0.1, abs=0.013)  # three standard errors
    assert np.corrcoef(market.oracle[:-1], moves)[0, 1] == pytest.approx(0.1, abs=0.013)
    blind = planted(5, 60_000, ic=0.0)
    later = blind.bars["close"].to_numpy()
    assert abs(np.corrcoef(blind.oracle[:-1], later[1:] / later[:-1])[0, 1]) < 0.013
    with pytest.raises(ValueError, match="ic must be"):
        planted(1, 100, ic=1.0)


def test_no_edge_is_claimed_on_noise_and_the_control_claims():
    study = null_study(15)
    assert study.claims <= study.most == 4
    study.raise_excess()
    # The control: the same pipeline with rows shuffled between training and test, labels unpurged.
    broken = null_study(6, SHUFFLED)
    assert broken.claims >= 3
    with pytest.raises(GateError, match="looks ahead"):
        replace(broken, outcomes=broken.outcomes * 3).raise_excess()
    assert null_study(6, replace(SHUFFLED, fault="none")).claims <= 1


def test_a_planted_edge_is_found_and_the_gates_let_it_pass():
    study = planted_study(3)
    assert study.faults() == []
    assert study.gates_passed == 3
    study.raise_faults()


def test_the_gates_are_asked_with_costs_and_the_rest_without():
    study = planted_study(1, learned=1_000, gates=True, blind=False)
    margin = {gate.name: gate for gate in study.gated[0].gates}["cost_margin"]
    assert margin.passed
    assert margin.value > 2.0
    # Where nothing costs anything, no multiple of it is known.
    assert {gate.name: gate.passed for gate in study.outcomes[0].gates}["cost_margin"] is None
    assert study.outcomes[0].bars == pytest.approx(4_000, abs=10)
    assert study.blind == ()


def test_faults_are_told():
    outcome = put_on_trial(planted(1, 3_000, ic=0.2))
    better = replace(outcome, oracle=1.0, sharpe=1.5)
    leak = PlantedStudy(outcomes=(better, replace(better, sharpe=1.6)))
    assert "a leak" in leak.faults()[0]
    poor = PlantedStudy(outcomes=(replace(better, sharpe=0.4), replace(better, sharpe=0.5)))
    assert len(poor.faults()) == 2
    closed = tuple(replace(gate, passed=False) for gate in outcome.gates)
    good = (replace(better, sharpe=0.9), replace(better, sharpe=0.8))
    refused = PlantedStudy(outcomes=good, gated=(replace(outcome, gates=closed),) * 5)
    assert "0 of 5 true edges" in refused.faults()[0]
    skewed = PlantedStudy(outcomes=good, blind=(replace(outcome, sharpe=2.0, bars=4_000),) * 5)
    assert "where nothing is to be known" in skewed.faults()[0]
    with pytest.raises(GateError, match="planted edges"):
        skewed.raise_faults()


def test_the_same_seed_says_the_same():
    market = planted(2, 2_000)
    first, again = (put_on_trial(market, seed=3) for _ in range(2))
    assert replace(first, seconds=0.0) == replace(again, seconds=0.0)


def test_a_study_counts():
    outcome = put_on_trial(planted(1, 2_000), TrialConfig())
    claims = tuple(replace(outcome, claimed=number < 13) for number in range(100))
    assert NullStudy(outcomes=claims).claims == 13
    assert NullStudy(outcomes=claims).most == 13
    NullStudy(outcomes=claims).raise_excess()


@pytest.mark.torture
def test_500_null_markets():
    study = null_study(500)
    assert study.claims <= 41


@pytest.mark.torture
def test_20_planted_markets():
    planted_study(20).raise_faults()
