"""On planted markets whose members see disjoint features, the stack beats the best of them in F1 and after trading."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnomon.config.models import ModelConfig
from gnomon.core.registry import Entry
from gnomon.execution.sizing import ProportionalSizer
from gnomon.honesty.markets import planted
from gnomon.labels import FixedHorizon
from gnomon.models import FitReport, ModelRegistry
from gnomon.models.classical.logistic import LogisticRegression, LogisticRegressionConfig
from gnomon.samples.assemble import build_samples
from gnomon.samples.base import Forecast, Samples
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits import Holdout
from gnomon.training import fit_model
from gnomon.training.scores import SCORES, judged

PARTS, COLUMNS = 3, 4


class PartConfig(LogisticRegressionConfig):
    columns: tuple[str, ...] = ()


class Part(LogisticRegression):
    """A member that sees some of the features only."""

    Config = PartConfig
    config: PartConfig

    def _part(self, samples: Samples) -> Samples:
        places = [samples.feature_names.index(name) for name in self.config.columns]
        return replace(samples, x=np.ascontiguousarray(samples.x[:, places]), feature_names=self.config.columns)

    def fit(self, train: Samples, valid: Samples | None = None, **more: Any) -> FitReport:
        return super().fit(self._part(train), None if valid is None else self._part(valid), **more)

    def predict(self, samples: Samples, **more: Any) -> Forecast:
        return super().predict(self._part(samples), **more)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ModelRegistry.models._entries, "part", Entry("part", Part, {"family": "test"}))


def beats_the_best_member(seed: int, *, ic: float) -> bool:
    """Whether F1 and Sharpe of the stack, on test rows, are above the highest of any member, each for itself."""
    market = planted(seed, 4000, ic=ic, features=PARTS * COLUMNS)
    labels = FixedHorizon(horizons=(1,), threshold=0.25, weighting="equal").label(market.bars)
    samples = build_samples(market.features, labels, market.bars)
    (fold,) = Holdout(train=0.5, valid=0.1, test=0.4, purge_bars=5).split(samples.known_at, samples.last_label_end)
    train, test = samples.take(fold.train), samples.take(fold.test)
    columns = [samples.feature_names[k * COLUMNS : (k + 1) * COLUMNS] for k in range(PARTS)]
    members = {f"part{k}": {"model_type": "part", "params": {"columns": own}} for k, own in enumerate(columns)}
    params = {"members": members, "method": "stacking", "folds": 3}
    stack, _ = fit_model(ModelConfig(model_type="ensemble", params=params), train)
    workflow = BacktestingWorkflow(sizer=ProportionalSizer(full_edge=0.4))
    figures = []
    for trained in (stack, *stack.model.members.values()):
        forecast = trained.predict(test)
        rows = judged(test, forecast, (workflow.run(forecast, market.bars),))
        figures.append([SCORES[name].function(rows) for name in ("f1", "sharpe")])
    own, others = np.array(figures[0]), np.array(figures[1:])
    return bool((own > others.max(axis=0)).all())


def test_the_stack_beats_its_best_member():
    wins = [beats_the_best_member(seed, ic=0.3) for seed in range(6)]
    assert sum(wins) >= 5, wins


def test_where_nothing_is_planted_it_does_not():
    """The control: where features know nothing, the stack beats the best of three about as seldom as chance has it."""
    assert sum(beats_the_best_member(seed, ic=0.0) for seed in range(6)) <= 3
