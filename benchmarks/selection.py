"""Which way of choosing finds the model that is best afterwards, on markets whose truth is known.

Planted markets of the honesty study: 8,000 bars to learn from and choose by, 4,000 to be judged on. Each way takes one
of four models before the test bars are looked at. Shares are of the Sharpe ratio that the oracle, who knows the signal,
earned on the same bars; nothing costs anything.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.execution.sizing import ProportionalSizer
from gnomon.honesty.markets import KnownMarket, planted
from gnomon.labels import FixedHorizon
from gnomon.metrics import sharpe_ratio
from gnomon.samples.assemble import build_samples
from gnomon.simulation import simulate
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits import Holdout, PurgedKFold
from gnomon.training import CrossValidator
from gnomon.training.choice import OneMetric, OneStandardError, SelectionRule, Weighted
from gnomon.training.fit import fit_model
from gnomon.training.scores import SCORES, judged

MARKETS = 20
LEARNED, TESTED = 8_000, 4_000
DAYS = 252.0
MODELS = {
    "logistic": ModelConfig(model_type="logistic_regression"),
    "ridge": ModelConfig(model_type="ridge"),
    "small_trees": ModelConfig(model_type="lightgbm", params={"rounds": 40, "num_leaves": 7, "max_bins": 63}),
    "large_trees": ModelConfig(model_type="lightgbm", params={"rounds": 80, "num_leaves": 31, "max_bins": 63}),
}
FAMILIES = {"logistic": "linear", "ridge": "linear", "small_trees": "boosting", "large_trees": "boosting"}
METRICS = ("log_loss", "ic", "sharpe")
RULES: dict[str, SelectionRule] = {
    **{metric: OneMetric(metric=metric) for metric in METRICS},
    "weighted": Weighted(),
}
SIMPLER = OneStandardError(metric="log_loss")


def run(markets: int = MARKETS) -> dict[str, Any]:
    """For each way of choosing: how often it takes the model that is best on the test bars, and its mean share."""
    hits: dict[str, list[float]] = {}
    shares: dict[str, list[float]] = {}
    for seed in range(markets):
        market = planted(seed, LEARNED + TESTED)
        earned, tables = _one(market, seed)
        best = max(earned, key=lambda name: earned[name])
        chosen = {
            f"{rows}_{name}": rule.choose(tables[rows], FAMILIES).chosen
            for rows in tables
            for name, rule in RULES.items()
        }
        chosen["folds_one_standard_error"] = SIMPLER.choose(tables["folds"], FAMILIES).chosen
        for way, model in chosen.items():
            hits.setdefault(way, []).append(float(model == best))
            shares.setdefault(way, []).append(earned[model])
        hits.setdefault("at_random", []).append(1.0 / len(earned))
        shares.setdefault("at_random", []).append(float(np.mean(list(earned.values()))))
        shares.setdefault("best_afterwards", []).append(earned[best])
    figures = {}
    for way, values in shares.items():
        error = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        figures[way] = {"value": round(float(np.mean(values)), 3), "error": round(error, 3), "better": "higher"}
        if way in hits:
            figures[way]["best_model_found"] = round(float(np.mean(hits[way])), 2)
    return figures


def _one(market: KnownMarket, seed: int) -> tuple[dict[str, float], dict[str, pl.DataFrame]]:
    """Each model's share of the oracle on the test bars, and the tables that are chosen by."""
    labels = FixedHorizon(horizons=(1,), threshold=0.25, weighting="equal").label(market.bars)
    assert market.features is not None
    samples = build_samples(market.features, labels, market.bars)
    part = LEARNED / (LEARNED + TESTED)
    (fold,) = Holdout(train=0.85 * part, valid=0.15 * part, test=1 - part, purge_bars=5).split(
        samples.known_at, samples.last_label_end
    )
    workflow, training = (
        BacktestingWorkflow(sizer=ProportionalSizer(full_edge=0.4)),
        TrainingConfig(early_stopping_rounds=10),
    )
    train, valid, test = (samples.take(rows) for rows in (fold.train, fold.valid, fold.test))
    earned, rows = {}, []
    begins = pl.Series([int(test.known_at.min())]).cast(market.bars["timestamp"].dtype)[0]
    for name, section in MODELS.items():
        trained, _ = fit_model(section, train, valid, training=training, seed=seed, name=name)
        forecast = trained.predict(valid)
        held = judged(valid, forecast, (workflow.run(forecast, market.bars.filter(pl.col("timestamp") < begins)),))
        rows += [(name, metric, SCORES[metric].function(held), math.nan) for metric in METRICS]
        earned[name] = _annual(workflow.run(trained.predict(test), market.bars).returns)
    oracle = _oracle(market, begins)
    table = pl.DataFrame(rows, schema=["model", "metric", "mean", "standard_error"], orient="row")
    learned = samples.take(np.sort(np.concatenate([fold.train, fold.valid])))
    folds = CrossValidator(
        splitter=PurgedKFold(folds=4), training=training, seed=seed, workflow=workflow, metrics=METRICS
    ).run(MODELS, learned, bars=market.bars.filter(pl.col("timestamp") < begins))
    return {name: value / oracle for name, value in earned.items()}, {"validation": table, "folds": folds.summary}


def _oracle(market: KnownMarket, begins: Any) -> float:
    truth = market.bars.select("timestamp", "symbol").with_columns(target=pl.Series(market.oracle) * 0.1)
    own = market.bars.filter(pl.col("timestamp") >= begins)
    return _annual(simulate(own, truth.filter(pl.col("timestamp") >= begins)).returns)


def _annual(returns: Any) -> float:
    return float(sharpe_ratio(returns, periods_per_year=DAYS))
