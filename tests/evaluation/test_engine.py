from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.config.models import EvaluationConfig
from gnomon.core.errors import ConfigError, DataError
from gnomon.data.calendars import periods_per_year
from gnomon.evaluation import Evaluation, evaluate
from gnomon.evaluation.base import DOUBT_COLUMNS, MAX_POINTS
from gnomon.evaluation.benchmarks import BuyAndHold, RandomTiming
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import MaxPosition
from gnomon.metrics import max_drawdown, sharpe_ratio
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples
from gnomon.simulation.engine import simulate


def test_its_figures_are_those_of_the_account(judged: Any) -> None:
    bars, simulation, result = judged(1, n=800, symbols=2, skill=0.1)
    equity = simulation.equity["equity"].to_numpy()
    assert result.n == 800
    assert (result.start, result.end) == (bars["timestamp"][0], bars["timestamp"][-1])
    assert result.periods_per_year == pytest.approx(periods_per_year(simulation.equity["timestamp"]))
    assert result.judged_on == "bars"
    assert result.doubt.sharpe == pytest.approx(sharpe_ratio(simulation.returns))
    assert result.metrics["total_return"] == pytest.approx(equity[-1] / 1e6 - 1)
    assert result.metrics["max_drawdown"] == pytest.approx(max_drawdown(np.concatenate(([1e6], equity))))
    assert result.metrics["costs"] == pytest.approx(simulation.equity["costs"].sum())
    assert result.metrics["cost_share"] == pytest.approx(1e-4)
    assert result.drawdowns["depth"][0] == pytest.approx(result.metrics["max_drawdown"])
    assert np.prod(1 + result.monthly["return"].to_numpy()) == pytest.approx(equity[-1] / 1e6)
    assert np.prod(1 + result.yearly["return"].to_numpy()) == pytest.approx(equity[-1] / 1e6)
    assert set(result.benchmarks) == set(EvaluationConfig().benchmarks)
    assert result.benchmarks["cash"].metrics["total_return"] == 0.0
    assert result.equity.columns == ["timestamp", "equity", "drawdown", "gross", "net", "turnover", "costs"]
    for name in ("shock", "window", "returns", "drawdown"):
        assert name in set(result.stress["kind"])
    assert result.risk["value_at_risk"] < 0


def test_no_sharpe_stands_alone_anywhere_in_its_json(judged: Any) -> None:
    _, _, result = judged(2, n=400)

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            bare = [key for key in value if "sharpe" in key.lower()]
            if bare and not {"schema", "columns"} <= value.keys():
                missing = set(DOUBT_COLUMNS) - value.keys()
                assert not missing, f"{path} has {bare} without {missing}"
            for key, item in value.items():
                walk(item, f"{path}.{key}")
        if isinstance(value, list):
            for index, item in enumerate(value):
                walk(item, f"{path}[{index}]")

    plain = result.to_json()
    walk(plain, "evaluation")
    text = json.dumps(plain, allow_nan=False)
    again = Evaluation.from_json(json.loads(text))
    assert json.dumps(again.to_json(), allow_nan=False) == text
    with pytest.raises(AssertionError, match="without"):  # control
        walk({"metrics": {"sharpe_ratio": 1.0}}, "evaluation")


def test_costs_take_and_the_table_says_how_much(judged: Any) -> None:
    bars, simulation, result = judged(3, n=600, skill=0.15)
    table = result.cost_sensitivity
    assert table["multiple"].to_list() == [0.0, 0.5, 1.0, 2.0, 3.0, 5.0]
    np.testing.assert_allclose(table["cost_bps"], table["multiple"], atol=1e-9)
    assert (np.diff(table["total_return"].to_numpy()) < 0).all()
    own = table.filter(pl.col("multiple") == 1.0).row(0, named=True)
    assert own["sharpe"] == result.doubt.sharpe
    dearer = simulate(bars, simulation.targets, ExecutionConfig(fee_bps=result.break_even_bps))
    assert dearer.equity["equity"][-1] == pytest.approx(1e6, rel=1e-3)


def test_an_execution_without_costs_is_shown_at_multiples_of_a_basis_point(market: Any, targets: Any) -> None:
    bars = market(4, n=200)
    result = evaluate(simulate(bars, targets(bars, 4), ExecutionConfig()), bars=bars)
    np.testing.assert_allclose(result.cost_sensitivity["cost_bps"], result.cost_sensitivity["multiple"], atol=1e-9)
    assert "charged no costs" in " ".join(result.verdict.reasons)


def test_one_bar_later_finds_an_edge_of_one_bar(judged: Any) -> None:
    bars, simulation, result = judged(5, n=1500, skill=0.2)
    later = simulate(bars, simulation.targets, replace(simulation.execution, latency_bars=2))
    assert result.one_bar_lag is not None
    assert result.one_bar_lag.doubt.sharpe == pytest.approx(sharpe_ratio(later.returns))
    assert result.one_bar_lag.suspicious
    assert result.one_bar_lag.kept < 0.5
    noise = judged(5, n=1500)[2].one_bar_lag
    assert noise is not None
    assert not noise.suspicious  # control: luck that comes and goes is not suspected


def test_random_times_are_beaten_by_skill_and_not_by_noise(judged: Any) -> None:
    assert judged(6, n=1000, skill=0.2)[2].benchmarks["random"].percentile > 0.97
    shares = [judged(seed, n=300)[2].benchmarks["random"].percentile for seed in range(7, 13)]
    assert 0.05 < np.mean(shares) < 0.95


def test_the_same_seed_gives_the_same_evaluation(market: Any, targets: Any) -> None:
    bars = market(8, n=300)
    simulation = simulate(bars, targets(bars, 8), ExecutionConfig(fee_bps=1.0))
    first, again, other = (json.dumps(evaluate(simulation, bars=bars, seed=s).to_json()) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_account_that_never_trades_is_judged(market: Any, targets: Any) -> None:
    bars = market(9, n=300)
    result = evaluate(simulate(bars, targets(bars, 9).head(0), ExecutionConfig()), bars=bars)
    assert not result.verdict.edge
    assert result.verdict.text == "No edge was shown: the account did not move."
    assert math.isnan(result.doubt.sharpe)
    assert result.trades.summary["trades"] == 0
    assert not any(line.passed for line in result.thresholds if line.name != "max_drawdown")
    Evaluation.from_json(result.to_json())


@pytest.mark.parametrize("risk_free", [None, 0.0, 0.02])
@pytest.mark.parametrize("minutes", [1440, 240])
def test_interest_on_idle_cash_is_no_edge(market: Any, targets: Any, risk_free: float | None, minutes: int) -> None:
    bars = market(16, n=1000, minutes=minutes)
    execution, config = ExecutionConfig(cash_rate=0.05), EvaluationConfig(risk_free=risk_free, benchmarks=[])
    nothing = evaluate(simulate(bars, targets(bars, 16).head(0), execution), bars=bars, config=config)
    assert not nothing.verdict.edge
    assert nothing.verdict.text == "No edge was shown: the account earned what idle cash does."
    little = targets(bars, 16).with_columns(pl.col("target") / 50)
    noise = evaluate(simulate(bars, little, execution), bars=bars, config=config)
    assert noise.metrics["annual_return"] > 0.04  # control: it earned, by its cash
    assert not noise.verdict.edge
    skilled = targets(bars, 16, skill=0.3).with_columns(pl.col("target") / 50)
    assert evaluate(simulate(bars, skilled, execution), bars=bars, config=config).verdict.edge


def test_sharpe_ratios_are_above_what_cash_earns(market: Any, targets: Any) -> None:
    bars = market(17, n=400)
    simulation = simulate(bars, targets(bars, 17), ExecutionConfig(cash_rate=0.05))
    own, none = (evaluate(simulation, bars=bars, config=EvaluationConfig(risk_free=rate)) for rate in (None, 0.0))
    per_bar = 0.05 / own.periods_per_year
    assert own.doubt.sharpe == pytest.approx(sharpe_ratio(simulation.returns, risk_free=per_bar))
    assert none.doubt.sharpe == pytest.approx(sharpe_ratio(simulation.returns))


def test_buying_and_holding_is_no_edge_over_itself(market: Any) -> None:
    bars = market(10, n=1500, drift=0.0012)
    first = bars.head(1).select("timestamp", "symbol", pl.lit(1.0).alias("target"))
    result = evaluate(simulate(bars, first, ExecutionConfig(fee_bps=1.0)), bars=bars)
    assert result.doubt.psr > 0.95  # control: it did earn, beyond doubt
    assert not result.verdict.edge
    assert result.doubt.spa_pvalue == 1.0


def test_a_very_short_record_says_so(judged: Any) -> None:
    result = judged(11, n=12)[2]
    assert result.verdict.short_record
    assert "too short a record" in result.verdict.text
    assert math.isnan(result.doubt.spa_pvalue)


def test_ruin_is_judged(market: Any) -> None:
    bars = market(12, n=100).with_columns(
        pl.when(pl.int_range(pl.len()) >= 50).then(pl.col("open") * 9).otherwise("open").alias("open"),
        pl.when(pl.int_range(pl.len()) >= 50).then(pl.col("close") * 9).otherwise("close").alias("close"),
    )
    short = bars.head(1).select("timestamp", "symbol", pl.lit(-1.0).alias("target"))
    simulation = simulate(bars, short, ExecutionConfig())
    assert simulation.bankrupt
    result = evaluate(simulation, bars=bars)
    assert result.metrics["total_return"] <= -1.0
    assert result.metrics["annual_return"] == -1.0
    Evaluation.from_json(result.to_json())


def test_guardrails_pandas_history_and_own_benchmarks(market: Any, targets: Any) -> None:
    bars = market(13, n=500, symbols=2)
    late = bars.filter(pl.col("timestamp") > bars["timestamp"][249])
    guard = MaxPosition(limit=0.3)
    simulation = simulate(late, targets(late, 13), ExecutionConfig(fee_bps=1.0), guardrails=[guard])
    result = evaluate(
        simulation,
        bars=bars.to_pandas().set_index("timestamp"),
        guardrails=[guard],
        benchmarks={"hold": BuyAndHold(), "random": RandomTiming(runs=20)},
        execution=ExecutionConfig(),
    )
    assert set(result.benchmarks) == {"hold", "random"}
    assert result.n == 250
    assert "unknown" not in set(result.regimes["value"])
    with pytest.raises(DataError, match="hand in the bars, the guardrails"):
        evaluate(simulation, bars=late)
    with pytest.raises(ConfigError, match="not NoneType"):
        evaluate(simulation, bars=None)


def test_intraday_bars_are_judged_by_days_and_equity_is_thinned(market: Any, targets: Any) -> None:
    bars = market(14, n=24 * 400, minutes=60)
    result = evaluate(simulate(bars, targets(bars, 14, hold=24), ExecutionConfig(fee_bps=0.1)), bars=bars)
    assert result.judged_on == "days"
    assert result.doubt.n == 24 * 400
    assert 1000 < result.equity.height <= MAX_POINTS
    assert result.equity["timestamp"][-1] == result.end
    assert result.equity["drawdown"].max() == pytest.approx(result.metrics["max_drawdown"])
    assert result.equity["costs"].sum() == pytest.approx(result.metrics["costs"])


def test_more_trials_make_more_doubt(market: Any, targets: Any) -> None:
    bars = market(15, n=500)
    runs = {str(seed): simulate(bars, targets(bars, seed), ExecutionConfig()) for seed in range(8)}
    best = max(runs.values(), key=lambda run: sharpe_ratio(run.returns))
    alone, among = evaluate(best, bars=bars), evaluate(best, bars=bars, trials=runs)
    assert among.doubt.trials == 8
    assert among.doubt.dsr < alone.doubt.dsr
    assert among.doubt.spa_pvalue > alone.doubt.spa_pvalue
    assert 0.0 <= among.doubt.pbo <= 1.0
    assert 1.0 <= among.doubt.effective_trials <= 8.0


def test_what_cannot_be_judged_is_refused(market: Any, targets: Any) -> None:
    bars = market(16, n=50)
    simulation = simulate(bars, targets(bars, 16), ExecutionConfig())
    with pytest.raises(ConfigError, match="did you mean 'cash'"):
        evaluate(simulation, bars=bars, config=EvaluationConfig(benchmarks=["cashh"]))
    one = simulate(bars.head(1), targets(bars, 16).head(1), ExecutionConfig())
    with pytest.raises(DataError, match="1 bars cannot be judged"):
        evaluate(one, bars=bars.head(1))


def samples_of(bars: pl.DataFrame, y: np.ndarray, came: np.ndarray) -> Samples:
    n = bars.height
    stamps = bars["timestamp"].dt.timestamp("us").to_numpy()
    end = np.where(np.arange(n) < n - 5, stamps + 1, UNKNOWN_END)
    return Samples(
        x=np.zeros((n, 1), np.float32),
        known_at=stamps,
        symbol=np.zeros(n, np.int32),
        segment=np.zeros(n, np.int32),
        prices=np.zeros((n, 1)),
        y=y.astype(np.int8)[:, None],
        label_end=end[:, None],
        forward_return=came[:, None],
        weight=np.ones((n, 1), np.float32),
        symbols=("S0",),
        feature_names=("f",),
        price_names=("close",),
        horizons=(3,),
    )


def forecast_of(bars: pl.DataFrame, probability: np.ndarray, horizon: int = 3) -> Forecast:
    return Forecast(
        probability=probability,
        known_at=bars["timestamp"].dt.timestamp("us").to_numpy(),
        symbol=np.zeros(bars.height, np.int32),
        symbols=("S0",),
        horizon=horizon,
    )


def test_forecasts_are_judged_by_split(market: Any, targets: Any) -> None:
    bars = market(17, n=300)
    rng = np.random.default_rng(1)
    y = rng.integers(-1, 2, 300)
    perfect = np.eye(3)[y + 1]
    samples = samples_of(bars, y, y * 0.01)
    simulation = simulate(bars, targets(bars, 17), ExecutionConfig())
    result = evaluate(
        simulation,
        bars=bars,
        forecast={"train": forecast_of(bars, perfect), "test": forecast_of(bars, rng.dirichlet([1, 1, 1], 300))},
        samples={"train": samples, "test": samples},
    )
    assert set(result.forecast) == {"train", "test"}
    assert result.forecast["train"].metrics["accuracy"] == 1.0
    assert result.forecast["train"].metrics["information_coefficient"] == pytest.approx(1.0)
    assert result.forecast["train"].metrics["rows"] == 295  # undecided labels are left out
    assert abs(result.forecast["test"].metrics["auc"] - 0.5) < 0.1
    assert result.forecast["test"].confusion.select("short", "flat", "long").sum().sum_horizontal()[0] == 295
    one = evaluate(simulation, bars=bars, forecast=forecast_of(bars, perfect), samples=samples)
    assert set(one.forecast) == {"test"}
    assert evaluate(simulation, bars=bars, forecast=forecast_of(bars, perfect)).forecast == {}
    elsewhere = replace(samples, known_at=samples.known_at + 1)
    with pytest.raises(DataError, match="none of the 300 forecasts meets a sample"):
        evaluate(simulation, bars=bars, forecast=forecast_of(bars, perfect), samples=elsewhere)
