"""Ensembles on planted markets whose members see disjoint features: is the stack better than the best of them?

Each of 20 markets has 12 independent features that know the next move (information coefficient 0.3 together); three
members see four of them each. The stack is fitted on purged out-of-fold forecasts of the training rows. The best member
is the best on the test rows, chosen after the fact for each figure: the hardest one to beat.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

import gnomon.ensembles  # noqa: F401  what fits the ensembles
from gnomon.config.models import ModelConfig
from gnomon.core.compute import LocalCompute
from gnomon.execution.sizing import ProportionalSizer
from gnomon.honesty.markets import planted
from gnomon.labels import FixedHorizon
from gnomon.models import FitReport, ModelRegistry
from gnomon.models.classical.logistic import LogisticRegression, LogisticRegressionConfig
from gnomon.samples.assemble import build_samples
from gnomon.samples.base import Forecast, Samples
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits import Holdout
from gnomon.testing.models import planted_samples
from gnomon.training import fit_model
from gnomon.training.scores import SCORES, judged

MARKETS, BARS, IC, PARTS, COLUMNS = 20, 6000, 0.3, 3, 4
METHODS = ("stacking", "weighted", "mean", "rank")


class PartConfig(LogisticRegressionConfig):
    """Settings of a member that sees some of the features."""

    columns: tuple[str, ...] = ()


@ModelRegistry.register(name="bench_part", family="bench")
class Part(LogisticRegression):
    """A logistic regression that sees some of the features only."""

    Config = PartConfig
    config: PartConfig

    def _part(self, samples: Samples) -> Samples:
        places = [samples.feature_names.index(name) for name in self.config.columns]
        return replace(samples, x=np.ascontiguousarray(samples.x[:, places]), feature_names=self.config.columns)

    def fit(self, train: Samples, valid: Samples | None = None, **more: Any) -> FitReport:
        """On its features."""
        return super().fit(self._part(train), None if valid is None else self._part(valid), **more)

    def predict(self, samples: Samples, **more: Any) -> Forecast:
        """By its features."""
        return super().predict(self._part(samples), **more)


def market_scores(seed: int) -> dict[str, dict[str, float]]:
    """F1 and Sharpe on the test rows of one market: of each member, and of each way to put them together."""
    market = planted(seed, BARS, ic=IC, features=PARTS * COLUMNS)
    labels = FixedHorizon(horizons=(1,), threshold=0.25, weighting="equal").label(market.bars)
    samples = build_samples(market.features, labels, market.bars)
    (fold,) = Holdout(train=0.5, valid=0.15, test=0.35, purge_bars=5).split(samples.known_at, samples.last_label_end)
    train, valid, test = (samples.take(rows) for rows in (fold.train, fold.valid, fold.test))
    names = samples.feature_names
    members = {
        f"part{k}": {
            "model_type": "bench_part",
            "params": {"columns": list(names[k * COLUMNS : (k + 1) * COLUMNS])},
        }
        for k in range(PARTS)
    }
    fitted = {name: fit_model(ModelConfig.model_validate(one), train, valid)[0] for name, one in members.items()}
    for method in METHODS:
        section = ModelConfig(model_type="ensemble", params={"members": members, "method": method})
        fitted[method] = fit_model(section, train, valid, members=fitted_members(fitted, members))[0]
    workflow = BacktestingWorkflow(sizer=ProportionalSizer(full_edge=0.4))
    scores = {}
    for name, trained in fitted.items():
        forecast = trained.predict(test)
        rows = judged(test, forecast, (workflow.run(forecast, market.bars),))
        scores[name] = {metric: SCORES[metric].function(rows) for metric in ("f1", "sharpe")}
    return scores


def fitted_members(fitted: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    """Those of the models that are members."""
    return {name: fitted[name] for name in members}


def run() -> dict[str, dict[str, Any]]:
    """Markets of 20 on which both F1 and Sharpe beat the best member's; and what more workers gain."""
    markets = [market_scores(seed) for seed in range(MARKETS)]
    figures = {}
    for method in METHODS:
        wins = 0
        for scores in markets:
            parts = [scores[f"part{k}"] for k in range(PARTS)]
            best = {metric: max(part[metric] for part in parts) for metric in ("f1", "sharpe")}
            wins += all(scores[method][metric] > best[metric] for metric in best)
        target = {"target": 16.0} if method == "stacking" else {}
        figures[f"{method}_beats_best_member"] = {"value": float(wins), "unit": f"of {MARKETS}", **target}
        gained = [
            scores[method]["sharpe"] - max(scores[f"part{k}"]["sharpe"] for k in range(PARTS)) for scores in markets
        ]
        figures[f"{method}_beats_best_member"]["mean_sharpe_gain_a_year"] = float(np.mean(gained) * np.sqrt(252.0))
    trees = {"model_type": "lightgbm", "params": {"rounds": 60}}
    section = ModelConfig(
        model_type="ensemble",
        params={"members": {"a": trees, "b": {"model_type": "logistic_regression"}}, "method": "stacking"},
    )
    train, took = planted_samples(20_000, features=20), {}
    for workers in (1, 2):
        began = time.perf_counter()
        fit_model(section, train, compute=LocalCompute(workers=workers))
        took[workers] = time.perf_counter() - began
    figures["two_workers"] = {"value": took[1] / took[2], "unit": "x", "seconds_alone": took[1]}
    return figures
