"""Gates before promotion: each with the figure that opens it and the one that does not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from gnomon.config.models import EvaluationConfig, GatesConfig
from gnomon.core.errors import GateError
from gnomon.data.base import TIMESTAMP
from gnomon.evaluation.base import ForecastQuality, Verdict
from gnomon.evaluation.engine import evaluate
from gnomon.evaluation.gates import check_gates, require_gates
from gnomon.evaluation.replay import Replay, break_even_bps
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation.engine import simulate

NAMES = ["edge", "overfitting", "track_record", "benchmarks", "cost_margin", "calibration", "probes"]


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
    with pytest.raises(GateError, match=r"model 1 did not pass 1 of 7 gates") as error:
        require_gates("model 1", check_gates(evaluation))
    assert figure in str(error.value)


def test_a_p_value_without_the_verdict_is_no_edge(good):
    none = replace(good, verdict=replace(good.verdict, edge=False, text="Buy-and-hold earned more."))
    assert failed(none) == ["edge"]
    assert "Buy-and-hold earned more" in check_gates(none)[0].why


def test_one_try_overfits_nothing(good):
    single = replace(good, doubt=replace(good.doubt, trials=1, pbo=math.nan))
    assert failed(single) == []


@pytest.mark.parametrize(
    ("multiple", "passes", "says"),
    [
        (2.01, True, "gone at 2.01 times the costs (12.0 bps of the traded notional leave no gain), above 2"),
        (2.0, False, "gone at 2.00 times the costs (12.0 bps of the traded notional leave no gain), not above 2"),
        (1.5, False, "not above 2"),
        (0.0, False, "even at no cost no more than cash is earned"),
        (math.inf, True, "no multiple of the costs that was looked at"),
        (math.nan, False, "no costs are configured"),
    ],
)
def test_the_gain_has_to_outlive_higher_costs(good, multiple, passes, says):
    evaluation = replace(good, break_even_multiple=multiple, metrics={"traded": 1e6})
    assert failed(evaluation) == ([] if passes else ["cost_margin"])
    gate = next(gate for gate in check_gates(evaluation) if gate.name == "cost_margin")
    assert says in gate.why
    assert failed(evaluation, GatesConfig(cost_margin=None)) == []
    idle = replace(good, break_even_multiple=math.nan, metrics={"traded": 0.0})
    assert "nothing was traded" in next(g for g in check_gates(idle) if g.name == "cost_margin").why


@pytest.fixture(scope="module")
def bounce():
    """Prices that jump between bid and ask around a value that nobody can forecast, and who fades each jump."""
    draw = np.random.default_rng(4)
    count, half = 3000, 10e-4
    value = 100.0 * np.exp(np.cumsum(draw.normal(0.0, 5e-4, count)))
    close = value * (1.0 + half * draw.choice([-1.0, 1.0], count))
    opens = np.append(close[:1], close[:-1])
    stamps = pl.Series([datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(count)])
    bars = pl.DataFrame(
        {
            "timestamp": stamps.cast(TIMESTAMP),
            "symbol": "X",
            "open": opens,
            "high": np.maximum(opens, close),
            "low": np.minimum(opens, close),
            "close": close,
            "volume": 1e6,
        }
    )
    moved = np.sign(close - opens)
    return bars, bars.select("timestamp", "symbol").with_columns(target=pl.Series(-moved))


@pytest.mark.parametrize(("share", "closed"), [(0.3, False), (0.7, True)])
def test_an_edge_that_lives_within_the_spread_does_not_pass(bounce, share, closed):
    """The costs are a share of those that leave nothing. Control: without this gate the edge is believed at both."""
    bars, targets = bounce
    free = break_even_bps(Replay(simulate(bars, targets, ExecutionConfig()), bars))
    execution = ExecutionConfig(fee_bps=share * free)
    evaluation = evaluate(
        simulate(bars, targets, execution),
        bars=bars,
        config=EvaluationConfig(benchmarks=["cash"], cost_multiples=[1.0]),
    )
    gates = {gate.name: gate for gate in check_gates(evaluation)}
    assert gates["edge"].passed
    assert gates["track_record"].passed
    assert gates["benchmarks"].passed
    assert gates["cost_margin"].value == pytest.approx(1.0 / share, rel=1e-3)
    assert gates["cost_margin"].passed is not closed


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
        edge=None,
        overfitting=None,
        track_record=False,
        benchmarks=False,
        cost_margin=None,
        calibration_error=None,
        probes=False,
    )
    gates = check_gates(bad, off)
    assert [gate.passed for gate in gates] == [None] * 7
    assert all("switched off" in gate.why for gate in gates)
    require_gates("model 1", gates)
