"""Gates before promotion: each with the figure that opens it and the one that does not."""

from __future__ import annotations

import math
from dataclasses import replace

import polars as pl
import pytest

from gnomon.config.models import GatesConfig
from gnomon.core.errors import GateError
from gnomon.evaluation.base import ForecastQuality, Verdict
from gnomon.evaluation.gates import check_gates, require_gates

NAMES = ["edge", "overfitting", "track_record", "benchmarks", "calibration", "probes"]


@pytest.fixture
def good(evaluation_with, doubt):
    """An evaluation that passes every gate."""
    own = replace(doubt, annual_sharpe=2.0, spa_pvalue=0.01, pbo=0.05, minimum_track_record=500.0)
    quality = ForecastQuality(metrics={"calibration_error": 0.02}, calibration=pl.DataFrame(), confusion=pl.DataFrame())
    return evaluation_with(
        doubt=own,
        verdict=Verdict(edge=True, text="An edge.", reasons=(), short_record=False),
        forecast={"test": quality},
    )


def failed(evaluation, config=None, **more):
    return [gate.name for gate in check_gates(evaluation, config, **more) if gate.passed is False]


def test_all_pass(good):
    gates = check_gates(good, probes={"overlap_audit": True})
    assert [gate.name for gate in gates] == NAMES
    assert all(gate.passed for gate in gates)
    require_gates("model 1", gates)


@pytest.mark.parametrize(
    ("changes", "gate", "figure"),
    [
        ({"spa_pvalue": 0.05}, "edge", "p = 0.050"),
        ({"spa_pvalue": math.nan}, "edge", "could not be made"),
        ({"pbo": 0.2}, "overfitting", "PBO 0.20, not below 0.2"),
        ({"pbo": math.nan}, "overfitting", "could not be had"),
        ({"minimum_track_record": 1000.5}, "track_record", "1001 are needed"),
        ({"minimum_track_record": math.inf}, "track_record", "no record is long enough"),
        ({"annual_sharpe": 0.5}, "benchmarks", "not above cash"),
    ],
)
def test_a_figure_closes_its_own_gate_alone(good, changes, gate, figure):
    evaluation = replace(good, doubt=replace(good.doubt, **changes))
    assert failed(evaluation) == [gate]
    with pytest.raises(GateError, match=r"model 1 did not pass 1 of 6 gates") as error:
        require_gates("model 1", check_gates(evaluation))
    assert figure in str(error.value)


def test_a_p_value_without_the_verdict_is_no_edge(good):
    none = replace(good, verdict=replace(good.verdict, edge=False, text="Buy-and-hold earned more."))
    assert failed(none) == ["edge"]
    assert "Buy-and-hold earned more" in check_gates(none)[0].why


def test_one_try_overfits_nothing(good):
    single = replace(good, doubt=replace(good.doubt, trials=1, pbo=math.nan))
    assert failed(single) == []


@pytest.mark.parametrize(("error", "passes"), [(0.05, True), (0.051, False), (math.nan, False)])
def test_calibration(good, error, passes):
    quality = replace(good.forecast["test"], metrics={"calibration_error": error})
    assert failed(replace(good, forecast={"test": quality})) == ([] if passes else ["calibration"])


def test_forecasts_that_were_not_judged_do_not_pass(good):
    assert failed(replace(good, forecast={})) == ["calibration"]


def test_a_probe_that_fails(good):
    assert failed(good, probes={"overlap_audit": False}) == ["probes"]
    assert "overlap_audit" in check_gates(good, probes={"overlap_audit": False})[-1].why


def test_an_edge_of_one_bar_is_no_failed_probe(good):
    assert failed(replace(good, one_bar_lag=replace(good.one_bar_lag, suspicious=True))) == []


@pytest.mark.parametrize(("better", "passes"), [(12, True), (11, False), (None, False)])
def test_tries_that_are_all_superior_cannot_overfit(good, better, passes):
    alike = replace(good, doubt=replace(good.doubt, pbo=0.9), verdict=replace(good.verdict, superior_tries=better))
    assert failed(alike) == ([] if passes else ["overfitting"])


def test_random_runs_have_to_be_beaten(good):
    luck = replace(good.benchmarks["cash"], name="random", percentile=0.94)
    assert failed(replace(good, benchmarks={"random": luck})) == ["benchmarks"]
    assert failed(replace(good, benchmarks={"random": replace(luck, percentile=0.96)})) == []


def test_a_gate_that_is_off_says_so(good):
    bad = replace(good, doubt=replace(good.doubt, spa_pvalue=0.9, pbo=0.9), forecast={})
    off = GatesConfig(
        edge=None, overfitting=None, track_record=False, benchmarks=False, calibration_error=None, probes=False
    )
    gates = check_gates(bad, off)
    assert [gate.passed for gate in gates] == [None] * 6
    assert all("switched off" in gate.why for gate in gates)
    require_gates("model 1", gates)
