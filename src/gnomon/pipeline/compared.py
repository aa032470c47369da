"""From configurations that are fitted and scored to what a comparison says of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import polars as pl

from gnomon.config.models import PipelineConfig
from gnomon.core.seeds import generator
from gnomon.evaluation.base import Evaluation
from gnomon.evaluation.doubt import Tries, sharpe_doubt
from gnomon.evaluation.forecasts import forecast_quality
from gnomon.evaluation.performance import equity_line
from gnomon.metrics.resampled import middle_of, resample
from gnomon.metrics.returns import annual_return, max_drawdown
from gnomon.metrics.risk import bootstrap_drawdowns
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.base import Key
from gnomon.pipeline.executor import PipelineExecutor
from gnomon.pipeline.keys import (
    CROSS_VALIDATION,
    EVALUATION,
    FOLD,
    FORECAST,
    SAMPLES,
    SELECTION,
    SIMULATION,
    SOURCE,
    TRIALS,
)
from gnomon.pipeline.stages.base import is_ensemble
from gnomon.pipeline.stages.report import LIMITATIONS
from gnomon.reporting.comparison import (
    Ablation,
    Approach,
    Comparison,
    Difference,
    Estimate,
    Horizon,
    Kind,
    ModelResult,
    Searched,
)
from gnomon.reporting.standings import Standing, standing
from gnomon.samples.base import Forecast
from gnomon.simulation.base import Simulation
from gnomon.training.choice import SELECTION_RULES
from gnomon.training.scores import SCORES, judged
from gnomon.training.search.base import SearchResult

T = TypeVar("T")
REPS = 2000
"""Resamples behind an interval."""
SHARED_SCORES = ("ic", "total_return")
"""Scores that mean the same whatever the label is."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """A configuration whose models are all fitted, chosen among and scored on the test rows."""

    kind: str
    name: str
    what: str
    executor: PipelineExecutor

    def value(self, key: Key[T]) -> T:
        """What a stage made."""
        return self.executor.value(key)

    @property
    def config(self) -> PipelineConfig:
        """The whole configuration."""
        return self.executor.plan.setup.config

    @property
    def chosen(self) -> str:
        """The model that its selection chose."""
        return str(self.value(SELECTION)["chosen"])


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """What all figures are held against: the tries, and how rates are counted. `risk_free` is per bar."""

    tries: Tries
    periods: float
    risk_free: float


def judge(
    scored: Sequence[Scored],
    config: PipelineConfig,
    *,
    dropped: Sequence[str],
    before: int,
    searches: Mapping[str, SearchResult] | None = None,
) -> Comparison:
    """What the configurations say, `scored[0]` being the base.

    `dropped`: models that are left out in turn. `before`: tries on the market before the study. `searches`: what was
    found of each model whose settings were searched for.
    Only now is the ledger complete, so the approaches are evaluated against every try.
    """
    base = scored[0]
    ways = [one for one in scored if one.kind == "approach"]
    evaluations: dict[str, Evaluation] = {}
    trials: Mapping[str, Any] = {}
    for one in ways:
        evaluations[one.name], trials = _evaluated(one)
    first = next(iter(evaluations.values()))
    rate = first_rate(base, config)
    terms = _Terms(
        tries=Tries(
            count=first.doubt.trials,
            effective=first.doubt.effective_trials,
            variance=first.doubt.trials_variance,
            pbo=first.doubt.pbo,
            spa_pvalue=first.doubt.spa_pvalue,
        ),
        periods=first.periods_per_year,
        risk_free=rate / first.periods_per_year,
    )
    names = list(config.candidates())
    models = {name: _result(base, name, terms) for name in names}
    chosen = {one.name: _chosen(one, base, models, terms) for one in ways}
    return Comparison(
        title=config.report.title or config.project,
        start=first.start,
        end=first.end,
        market=base.value(SOURCE),
        approaches=tuple(_approach(one, evaluations[one.name], chosen[one.name], terms, config.seed) for one in ways),
        differences=tuple(
            _difference(a, b, terms, config.seed, same=chosen[a.name].model == chosen[b.name].model)
            for a, b in combinations(ways, 2)
        ),
        searches=tuple(_searched(found) for found in (searches or {}).values()),
        models=tuple(models.values()),
        horizons=tuple(
            Horizon(bars=int(one.name), candidates=len(names), result=_result(one, one.chosen, terms))
            for one in scored
            if one.kind == "horizon"
        ),
        ablations=(*_refitted(scored, terms), *_without_models(base, config, dropped, models)),
        correlations=edge_correlations({name: _tested(base, name) for name in names}),
        trials={"count": trials["count"], "effective": trials["effective"]},
        before=before,
        limitations=LIMITATIONS,
        standings=tuple(
            held for one in scored if one.kind == "horizon" for held in _standings(one, terms, config.seed)
        ),
    )


def _standings(one: Scored, terms: _Terms, seed: int) -> list[Standing]:
    """Every candidate of a configuration on its test rows."""
    candidates = one.config.candidates()
    tested = one.value(SAMPLES).take(one.value(FOLD).test)
    accounts = {name: one.value(SIMULATION.of(name)).returns for name in candidates}
    drawn = resample(
        np.column_stack(list(accounts.values())),
        rng=generator(seed, "comparison", "standings", one.name),
        risk_free=terms.risk_free,
        reps=REPS,
    )
    found = []
    for number, (name, section) in enumerate(candidates.items()):
        forecast = _tested(one, name)
        doubt = sharpe_doubt(
            accounts[name], periods_per_year=terms.periods, risk_free=terms.risk_free, tries=terms.tries
        )
        found.append(
            standing(
                forecast_quality(forecast, tested, seed=seed),
                doubt,
                model=name,
                family=str(ModelRegistry.models.entry(section.model_type).facts["family"]),
                horizon=forecast.horizon,
                chosen=name == one.chosen,
                interval=middle_of(drawn.sharpe[:, number] * math.sqrt(terms.periods)),
            )
        )
    return found


def first_rate(base: Scored, config: PipelineConfig) -> float:
    """What cash earns a year, as evaluations count it."""
    simulation: Simulation = base.value(SIMULATION.of(next(iter(config.candidates()))))
    given = config.evaluation.risk_free
    return simulation.execution.cash_rate if given is None else given


def _evaluated(one: Scored) -> tuple[Evaluation, Mapping[str, Any]]:
    """The evaluation of what was chosen, and the tries that it is held against."""
    # An executor of its own: the one that scored holds the ledger as it stood then, and would judge by that.
    executor = PipelineExecutor(one.executor.plan, one.executor.products)
    executor.run(until=f"evaluate.{one.chosen}")
    return executor.value(EVALUATION.of(one.chosen)), executor.value(TRIALS)


def _chosen(one: Scored, base: Scored, models: Mapping[str, ModelResult], terms: _Terms) -> ModelResult:
    """What an approach chose; a model with other settings than the base's says so in its name."""
    if one.config.candidates()[one.chosen] == base.config.candidates()[one.chosen]:
        return models[one.chosen]
    return replace(_result(one, one.chosen, terms), model=f"{one.chosen} (searched)")


def _searched(found: SearchResult) -> Searched:
    scores = found.metrics[0]
    return Searched(
        model=found.name,
        metric=scores,
        trials=len(found.records),
        given_up=sum(trial.state == "pruned" for trial in found.records),
        failed=sum(trial.state == "failed" for trial in found.records),
        first=found.records[0].value,
        best=found.best_value,
        settings=found.best_params,
    )


def _approach(one: Scored, evaluation: Evaluation, result: ModelResult, terms: _Terms, seed: int) -> Approach:
    returns = one.value(SIMULATION.of(one.chosen)).returns
    drawn = resample(
        returns[:, None], rng=generator(seed, "comparison", "approach"), risk_free=terms.risk_free, reps=REPS
    )
    falls = bootstrap_drawdowns(returns, rng=generator(seed, "comparison", "falls"), reps=REPS)
    return Approach(
        name=one.name,
        what=one.what,
        chosen_by=one.value(SELECTION)["by"],
        result=result,
        verdict=evaluation.verdict.text,
        edge=evaluation.verdict.edge,
        annual_return=annual_return(returns, periods_per_year=terms.periods),
        annual_return_interval=middle_of(np.expm1(drawn.growth[:, 0] * terms.periods)),
        annual_sharpe_interval=middle_of(drawn.sharpe[:, 0] * math.sqrt(terms.periods)),
        drawdown_interval=middle_of(falls),
    )


def _difference(first: Scored, second: Scored, terms: _Terms, seed: int, *, same: bool) -> Difference:
    both = [one.value(SIMULATION.of(one.chosen)) for one in (first, second)]
    panel = np.column_stack([simulation.returns for simulation in both])
    drawn = resample(panel, rng=generator(seed, "comparison", "difference"), risk_free=terms.risk_free, reps=REPS)
    growth = np.log(np.maximum(1.0 + panel, 1e-12)).mean(axis=0) * terms.periods
    sharpes = [
        sharpe_doubt(simulation.returns, periods_per_year=terms.periods, risk_free=terms.risk_free).annual_sharpe
        for simulation in both
    ]
    return Difference(
        first=first.name,
        second=second.name,
        same=same,
        growth=float(growth[0] - growth[1]),
        growth_interval=middle_of((drawn.growth[:, 0] - drawn.growth[:, 1]) * terms.periods),
        sharpe=sharpes[0] - sharpes[1],
        sharpe_interval=middle_of((drawn.sharpe[:, 0] - drawn.sharpe[:, 1]) * math.sqrt(terms.periods)),
    )


def _tested(one: Scored, model: str) -> Forecast:
    frame = one.value(FORECAST.of(model))
    return Forecast.from_frame(frame.filter(pl.col("part") == "test").drop("part"))


def _result(one: Scored, model: str, terms: _Terms) -> ModelResult:
    simulation: Simulation = one.value(SIMULATION.of(model))
    held = judged(one.value(SAMPLES).take(one.value(FOLD).test), _tested(one, model))
    equity = simulation.equity["equity"].to_numpy()
    return ModelResult(
        model=model,
        folds=fold_estimates(one.value(CROSS_VALIDATION)["summary"], model),
        total_return=float(equity[-1] / simulation.execution.initial_cash - 1.0),
        max_drawdown=max_drawdown(np.concatenate(([simulation.execution.initial_cash], equity))),
        information_coefficient=SCORES["ic"].function(held),
        log_loss=SCORES["log_loss"].function(held),
        doubt=sharpe_doubt(
            simulation.returns, periods_per_year=terms.periods, risk_free=terms.risk_free, tries=terms.tries
        ),
        equity=equity_line(simulation.equity["timestamp"], equity),
    )


def fold_estimates(summary: pl.DataFrame, model: str) -> dict[str, Estimate]:
    """A model's scores over folds. A ratio of so few returns cannot carry its doubt, so none is among them."""
    rows = summary.filter((pl.col("model") == model) & (pl.col("metric") != "sharpe"))
    columns = rows.select("metric", "mean", "standard_error")
    return {metric: Estimate(value=mean, error=error) for metric, mean, error in columns.iter_rows()}


def fold_changes(before: pl.DataFrame, after: pl.DataFrame, model: str, scores: Sequence[str]) -> dict[str, Estimate]:
    """The mean change of a model's scores, fold by fold, with its standard error over folds.

    Taken fold by fold, what makes a fold hard for both cancels. Empty where the folds are not as many.
    """
    own = [frame.filter(pl.col("model") == model).sort("fold") for frame in (before, after)]
    if own[0].height != own[1].height:
        return {}
    changes = {}
    for score in scores:
        gap = own[1][score].to_numpy() - own[0][score].to_numpy()
        gap = gap[np.isfinite(gap)]
        error = float(np.std(gap, ddof=1) / math.sqrt(gap.size)) if gap.size > 1 else math.nan
        changes[score] = Estimate(value=float(gap.mean()) if gap.size else math.nan, error=error)
    return changes


def _refitted(scored: Sequence[Scored], terms: _Terms) -> list[Ablation]:
    """Themes and label settings: every model was fitted again without them."""
    base = scored[0]
    before = base.value(CROSS_VALIDATION)["scores"]
    kinds: Mapping[str, tuple[Kind, Sequence[str]]] = {
        "theme": ("theme", ("log_loss", "f1", *SHARED_SCORES)),
        "labels": ("labels", SHARED_SCORES),
    }
    found = []
    for one in scored:
        if one.kind in kinds:
            kind, scores = kinds[one.kind]
            changes = fold_changes(before, one.value(CROSS_VALIDATION)["scores"], base.chosen, scores)
            result = _result(one, one.chosen, terms)
            found.append(
                Ablation(kind=kind, name=one.name, what=one.what, base=base.chosen, changes=changes, result=result)
            )
    return found


def _without_models(
    base: Scored, config: PipelineConfig, dropped: Sequence[str], models: Mapping[str, ModelResult]
) -> list[Ablation]:
    """Who would be chosen among the others: nothing is fitted again."""
    rule = SELECTION_RULES.from_config(base.config.selection.rule, where="compare.rule")
    summary = base.value(CROSS_VALIDATION)["summary"]
    families = {
        name: str(ModelRegistry.models.entry(model.model_type).facts["family"])
        for name, model in config.candidates().items()
    }
    found = []
    for name in dropped:
        others = left_without(config, name)
        if not others:
            continue
        chosen = rule.choose(summary.filter(pl.col("model").is_in(others)), families).chosen
        found.append(
            Ablation(
                kind="model",
                name=name,
                what=f"without {name}",
                base=base.chosen,
                changes={},
                result=models[chosen],
            )
        )
    return found


def left_without(config: PipelineConfig, model: str) -> list[str]:
    """The candidates that are left when a model is: an ensemble that it is a member of would bring it back."""
    return [
        name
        for name, section in config.candidates().items()
        if name != model and not (is_ensemble(section) and model in section.params["members"])
    ]


def edge_correlations(forecasts: Mapping[str, Forecast]) -> pl.DataFrame:
    """Rank correlation of the edge (probability of long minus short) between models: model, and a column a model.

    Over the rows that all have a forecast of; NaN where a model says the same of every row.
    """
    frame: pl.DataFrame | None = None
    for name, forecast in forecasts.items():
        own = forecast.to_frame().select("timestamp", "symbol", pl.Series(name, forecast.edge()))
        frame = own if frame is None else frame.join(own, on=["timestamp", "symbol"], how="inner")
    names = list(forecasts)
    if frame is None:
        return pl.DataFrame({"model": names})
    ranks = frame.select(pl.col(names).fill_nan(None)).drop_nulls().select(pl.col(names).rank())
    rows: list[dict[str, Any]] = []
    for first in names:
        row: dict[str, Any] = {"model": first}
        for second in names:
            moving = ranks[first].n_unique() > 1 and ranks[second].n_unique() > 1
            row[second] = float(np.corrcoef(ranks[first], ranks[second])[0, 1]) if moving else math.nan
        rows.append(row)
    return pl.DataFrame(rows, schema={"model": pl.String, **dict.fromkeys(names, pl.Float64)})
