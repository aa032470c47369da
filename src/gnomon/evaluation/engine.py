"""From a simulation to an `Evaluation`: figures, doubt, benchmarks, regimes, costs, stress, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import EvaluationConfig
from gnomon.core.errors import DataError
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64
from gnomon.data.base import TIMESTAMP
from gnomon.data.calendars import periods_per_year as count_periods
from gnomon.data.frames import as_bars
from gnomon.evaluation.base import BenchmarkResult, Evaluation, LagResult, SharpeDoubt, TradeReport
from gnomon.evaluation.benchmarks import Benchmark, BenchmarkManager, BuyAndHold, RandomTiming, random_offsets
from gnomon.evaluation.doubt import ONE_TRY, Tries, sharpe_doubt
from gnomon.evaluation.forecasts import qualities
from gnomon.evaluation.performance import (
    account_metrics,
    equity_frame,
    equity_line,
    growth_metrics,
    relative_metrics,
)
from gnomon.evaluation.regimes import regime_frame, regime_results
from gnomon.evaluation.replay import Account, Replay, break_even_bps, break_even_multiple, flat_costs, scale_costs
from gnomon.evaluation.stress import risk_metrics, stress_table
from gnomon.evaluation.thresholds import judge_thresholds
from gnomon.evaluation.trials import Family, as_trials, family_of
from gnomon.evaluation.verdict import Circumstances, edge_test, give_verdict
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import Guardrail
from gnomon.metrics.periods import drawdown_table, monthly_returns, yearly_returns
from gnomon.metrics.trades import round_trips, trade_distribution, trade_summary
from gnomon.samples.base import Forecast, Samples
from gnomon.simulation.base import Simulation

INTRADAY = 400.0
"""More bars in a year than this are intraday: their returns are joined to days for the tests of luck."""

LARGEST_TRIPS = 20


@dataclass(frozen=True, eq=False)
class _Case:
    """What every part of an evaluation needs. Rates are per bar; `timestamps` is the grid of the simulation."""

    simulation: Simulation
    bars: pl.DataFrame
    history: pl.DataFrame
    execution: ExecutionConfig
    funding: pl.DataFrame | None
    replay: Replay
    periods: float
    risk_free: float
    seed: int

    @property
    def timestamps(self) -> pl.Series:
        return self.simulation.equity["timestamp"]

    @property
    def returns(self) -> Float64[Array, " t"]:
        return self.simulation.returns

    def doubt(self, returns: Float64[Array, " t"], tries: Tries = ONE_TRY) -> SharpeDoubt:
        return sharpe_doubt(returns, periods_per_year=self.periods, risk_free=self.risk_free, tries=tries)

    def growth(self, returns: Float64[Array, " t"], equity: Float64[Array, " t"]) -> dict[str, float]:
        return growth_metrics(
            returns,
            equity,
            periods_per_year=self.periods,
            risk_free=self.risk_free,
            initial=self.simulation.execution.initial_cash,
        )


def evaluate(
    simulation: Simulation,
    *,
    bars: Any,
    name: str = "strategy",
    config: EvaluationConfig | None = None,
    execution: ExecutionConfig | None = None,
    guardrails: Sequence[Guardrail] = (),
    funding: pl.DataFrame | None = None,
    forecast: Forecast | Mapping[str, Forecast] | None = None,
    samples: Samples | Mapping[str, Samples] | None = None,
    trials: object = None,
    benchmarks: Mapping[str, Benchmark] | None = None,
    seed: int = 7,
    out_of_sample: bool = True,
) -> Evaluation:
    """Judges a simulation.

    bars: what it was made with (polars or pandas); they may begin before it, for moving averages and regimes.
    guardrails, funding: those that it was made with, because its targets are traded again at other costs and latency.
    execution: what benchmarks pay; the simulation's own by default.
    forecast, samples: for the quality of forecasts; one each, or by split.
    trials: every configuration scored on these data: a `TrialLedger`, simulations by name, a frame of returns
    (timestamp and a column a trial) or `Trials`; the simulation itself is one of them.
    benchmarks: by name, in place of `config.benchmarks`.
    out_of_sample: False where the bars were used to fit or to choose; then no edge is claimed.

    The verdict needs no benchmark in the config: buy-and-hold is always made. Intraday returns are joined to UTC days
    for the tests of the maximum, PBO and the risk figures; the Sharpe ratio and its error are per bar. DataError where
    the simulation cannot be repeated.
    """
    config = EvaluationConfig() if config is None else config
    case = _case(simulation, bars, config, execution, guardrails, funding, seed)
    intraday = case.periods > INTRADAY
    judged = "days" if intraday else "bars"
    family = family_of(as_trials(trials), case.returns, case.timestamps, intraday=intraday)
    hold = _simulated(case, "buy_and_hold", BuyAndHold())
    years = len(case.returns) / case.periods
    idle = _cash(case)
    held, cash = (
        family_of(as_trials(None), returns, case.timestamps, intraday=intraday).matrix[:, 0]
        for returns in (hold.returns, idle)
    )
    test = edge_test(
        family.matrix,
        held,
        risk_free=cash,
        level=config.significance,
        rng=generator(seed, "evaluation", "edge"),
    )
    tries = Tries(
        count=family.count, effective=family.effective, variance=family.variance, pbo=family.pbo, spa_pvalue=test.pvalue
    )
    doubt = case.doubt(case.returns, tries)
    trips = round_trips(simulation.fills, contract_multiplier=simulation.execution.contract_multiplier)
    trade_figures = trade_summary(trips, case.timestamps)
    metrics = {
        **case.growth(case.returns, simulation.equity["equity"].to_numpy()),
        **account_metrics(simulation, periods_per_year=case.periods),
        **{key: trade_figures[key] for key in ("trades", "win_rate", "profit_factor", "expectancy")},
    }
    results = _benchmarks(case, config, benchmarks, hold)
    lag = _one_bar_later(case, doubt, tries)
    break_even = break_even_bps(case.replay)
    percentiles = [one.percentile for one in results.values() if not math.isnan(one.percentile)]
    facts = Circumstances(
        judged=judged,
        rows=len(family.matrix),
        years=years,
        hold=case.doubt(hold.returns),
        cost_bps=round(1e4 * metrics["cost_share"], 2) if metrics["traded"] else 0.0,
        break_even_bps=break_even,
        random_percentile=next(iter(percentiles), math.nan),
        suspicious_lag=lag.suspicious,
        unknown_trials=family.unknown,
        out_of_sample=out_of_sample,
        level=config.significance,
    )
    equity = np.concatenate(([simulation.execution.initial_cash], simulation.equity["equity"].to_numpy()))
    return Evaluation(
        name=name,
        start=case.timestamps[0],
        end=case.timestamps[-1],
        n=len(case.returns),
        periods_per_year=case.periods,
        judged_on=judged,
        metrics=metrics,
        doubt=doubt,
        benchmarks=results,
        thresholds=judge_thresholds(metrics, doubt, config.thresholds),
        verdict=give_verdict(doubt, test, facts),
        equity=equity_frame(simulation),
        regimes=_regimes(case, family),
        trades=_trade_report(trips, trade_figures),
        risk=risk_metrics(family.matrix[:, 0]),
        stress=stress_table(
            simulation, family.matrix[:, 0], judged=judged, rng=generator(seed, "evaluation", "stress")
        ),
        cost_sensitivity=_cost_sensitivity(case, config.cost_multiples, replace(tries, spa_pvalue=math.nan)),
        break_even_bps=break_even,
        break_even_multiple=break_even_multiple(case.replay, cash=float(np.log1p(idle).sum())),
        forecast=qualities(forecast, samples, seed=seed),
        monthly=monthly_returns(case.returns, case.timestamps),
        yearly=yearly_returns(case.returns, case.timestamps),
        # The account starts at the close before the first bar, so the first bar stands for that too.
        drawdowns=drawdown_table(equity, pl.concat([case.timestamps.head(1), case.timestamps])),
        one_bar_lag=lag,
    )


def _case(
    simulation: Simulation,
    bars: Any,
    config: EvaluationConfig,
    execution: ExecutionConfig | None,
    guardrails: Sequence[Guardrail],
    funding: pl.DataFrame | None,
    seed: int,
) -> _Case:
    grid = simulation.equity.select("timestamp")
    if grid.height < 2:
        raise DataError(f"a simulation of {grid.height} bars cannot be judged; it needs 2 or more")
    table = as_bars(bars)
    table = table.with_columns(pl.col("timestamp").dt.convert_time_zone("UTC").cast(TIMESTAMP))
    own = table.join(grid, on="timestamp", how="semi")
    before = table.filter(pl.col("timestamp") < grid["timestamp"][0])
    periods = config.periods_per_year or count_periods(grid["timestamp"])
    risk_free = simulation.execution.cash_rate if config.risk_free is None else config.risk_free
    return _Case(
        simulation=simulation,
        bars=own,
        history=pl.concat([before, own]) if before.height else own,
        execution=simulation.execution if execution is None else execution,
        funding=funding,
        replay=Replay(simulation, own, guardrails=guardrails, funding=funding),
        periods=periods,
        risk_free=risk_free / periods,
        seed=seed,
    )


def _cash(case: _Case) -> Float64[Array, " t"]:
    """What has to be beaten: the interest that the account gets for doing nothing, or the risk-free rate if higher."""
    if case.risk_free > case.simulation.execution.cash_rate / case.periods:
        return np.full(len(case.returns), case.risk_free)
    return case.replay.idle().returns


def _simulated(case: _Case, name: str, benchmark: Benchmark) -> Simulation:
    manager = BenchmarkManager(benchmarks={name: benchmark}, seed=case.seed)
    return manager.run(name, case.simulation, bars=case.history, execution=case.execution, funding=case.funding)


def _benchmarks(
    case: _Case, config: EvaluationConfig, given: Mapping[str, Benchmark] | None, hold: Simulation
) -> dict[str, BenchmarkResult]:
    if given is None:
        given = BenchmarkManager.of(config.benchmarks).benchmarks
    results = {}
    for name, benchmark in given.items():
        if isinstance(benchmark, RandomTiming):
            results[name] = _random(case, name, benchmark)
            continue
        account = hold
        if benchmark != BuyAndHold():
            account = _simulated(case, name, benchmark)
        results[name] = _result(case, name, benchmark, account.returns, account.equity["equity"].to_numpy(), math.nan)
    return results


def _random(case: _Case, name: str, benchmark: RandomTiming) -> BenchmarkResult:
    rng = generator(case.seed, "evaluation", "benchmark", name)
    runs = benchmark.count(case.replay.own_targets.size)
    offsets = random_offsets(len(case.returns), runs, rng)
    replay = case.replay
    totals = np.array(
        [replay.run(case.execution, targets=replay.shifted_targets(int(offset))).total_return for offset in offsets]
    )
    own = replay.run(case.execution).total_return
    percentile = float(np.mean(totals < own) + 0.5 * np.mean(totals == own))
    if replay.decisions().size == 0:
        percentile = math.nan
    middle = int(offsets[np.argsort(totals, kind="stable")[(runs - 1) // 2]])
    median = replay.run(case.execution, targets=replay.shifted_targets(middle))
    return _result(case, name, benchmark, median.returns, median.equity, percentile)


def _result(
    case: _Case,
    name: str,
    benchmark: Benchmark,
    returns: Float64[Array, " t"],
    equity: Float64[Array, " t"],
    percentile: float,
) -> BenchmarkResult:
    return BenchmarkResult(
        name=name,
        description=benchmark.description,
        metrics=case.growth(returns, equity),
        relative=relative_metrics(case.returns, returns, periods_per_year=case.periods, risk_free=case.risk_free),
        equity=equity_line(case.timestamps, equity),
        doubt=case.doubt(returns),
        percentile=percentile,
    )


def _one_bar_later(case: _Case, doubt: SharpeDoubt, tries: Tries) -> LagResult:
    later = replace(case.simulation.execution, latency_bars=case.simulation.execution.latency_bars + 1)
    account = case.replay.run(later)
    late = case.doubt(account.returns, replace(tries, spa_pvalue=math.nan))
    kept = late.sharpe / doubt.sharpe if doubt.sharpe > 0.0 else math.nan
    # A ratio that may well be 0 anyway loses or doubles by luck: only one that stands out can be suspected.
    return LagResult(
        metrics=case.growth(account.returns, account.equity),
        doubt=late,
        kept=kept,
        suspicious=bool(kept < 0.5 and doubt.psr > 0.95),
    )


def _cost_sensitivity(case: _Case, multiples: Sequence[float], tries: Tries) -> pl.DataFrame:
    """Other costs; where the execution charges none, multiples of 1 bp of the traded notional."""
    execution = case.simulation.execution
    free = execution == scale_costs(execution, 0.0)
    rows = []
    for multiple in sorted(set(multiples)):
        account: Account = case.replay.run(
            flat_costs(execution, multiple) if free else scale_costs(execution, multiple)
        )
        growth = case.growth(account.returns, account.equity)
        rows.append(
            {
                "multiple": float(multiple),
                "cost_bps": 1e4 * account.costs / account.turnover if account.turnover > 0.0 else math.nan,
                "total_return": growth["total_return"],
                "annual_return": growth["annual_return"],
                "costs": account.costs,
                **case.doubt(account.returns, tries).row(),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _regimes(case: _Case, family: Family) -> pl.DataFrame:
    tries = Tries(count=family.count, effective=family.effective, variance=family.variance, pbo=family.pbo)
    labels = regime_frame(case.history, case.timestamps)
    return regime_results(case.returns, labels, lambda held: case.doubt(held, tries))


def _trade_report(trips: pl.DataFrame, summary: Mapping[str, float]) -> TradeReport:
    ordered = trips.sort("pnl", descending=True, maintain_order=True)
    half = LARGEST_TRIPS // 2
    largest = ordered if ordered.height <= LARGEST_TRIPS else pl.concat([ordered.head(half), ordered.tail(half)])
    return TradeReport(summary=summary, distribution=trade_distribution(trips), largest=largest)
