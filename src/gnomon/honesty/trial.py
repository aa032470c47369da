"""A whole pipeline put on trial on a market of known truth.

Features, labels, split, models, choice, ledger, evaluation and gates, as a run does them, in memory.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.config.models import EvaluationConfig, GatesConfig, SelectionConfig, TrainingConfig
from gnomon.config.models import ModelConfig as ModelSection
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Float64
from gnomon.evaluation.engine import evaluate
from gnomon.evaluation.gates import GateResult, check_gates
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.sizing import ProportionalSizer
from gnomon.features.sets import FeatureSet
from gnomon.honesty.markets import KnownMarket
from gnomon.labels.base import LABELERS
from gnomon.metrics.returns import sharpe_ratio
from gnomon.models.base import ModelRegistry
from gnomon.samples.assemble import build_samples
from gnomon.samples.base import Forecast, Samples
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits.base import SPLITTERS, Fold
from gnomon.training.choice import SELECTION_RULES
from gnomon.training.cross_validation import FIVE_FOLDS, CrossValidator, inner_split
from gnomon.training.fit import fit_model
from gnomon.training.scores import SCORES, judged

DAYS = 252.0


@dataclass(frozen=True, kw_only=True)
class TrialConfig:
    """The small configuration of the studies: what a run would name in its sections."""

    models: Mapping[str, ModelSection] = field(
        default_factory=lambda: {
            "logistic": ModelSection(model_type="logistic_regression"),
            "ridge": ModelSection(model_type="ridge"),
            "lightgbm": ModelSection(
                model_type="lightgbm", params={"rounds": 40, "num_leaves": 7, "max_bins": 63, "row_fraction": 1.0}
            ),
        }
    )
    labels: Mapping[str, Any] = field(
        default_factory=lambda: {"kind": "fixed_horizon", "horizons": [1], "threshold": 0.25, "weighting": "equal"}
    )
    split: Mapping[str, Any] = field(
        default_factory=lambda: {"kind": "holdout", "train": 0.5, "valid": 0.15, "test": 0.35, "purge_bars": 5}
    )
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    """How one of the models is chosen: as a run does by default."""
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(early_stopping_rounds=10))
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    """What trading costs: nothing, so that what is earned can be held against the truth."""
    gates: GatesConfig = field(default_factory=lambda: GatesConfig(cost_margin=None))
    """Without costs, the gate on their margin has nothing to multiply."""
    full_edge: float = 0.4
    """The edge at which all equity is in the market."""
    fault: Literal["none", "shuffled"] = "none"
    """A deliberate mistake, to show that the study would see it: rows shuffled between training and test."""


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """What a pipeline said of one market. Sharpe ratios are annual, over `bars` out-of-sample bars.

    `share`: of the oracle's Sharpe ratio on the same bars; NaN without an oracle.
    """

    market: str
    seed: int
    chosen: str
    claimed: bool
    gates: tuple[GateResult, ...]
    sharpe: float
    oracle: float
    bars: int
    seconds: float

    @property
    def share(self) -> float:
        """The part of the oracle's realised Sharpe ratio that was earned."""
        return self.sharpe / self.oracle if self.oracle > 0.0 else math.nan

    @property
    def passed(self) -> bool:
        """Whether every gate was passed."""
        return all(gate.passed is not False for gate in self.gates)


def put_on_trial(market: KnownMarket, config: TrialConfig | None = None, *, seed: int = 0) -> TrialOutcome:
    """Runs the pipeline on the market and says what it claims."""
    config = TrialConfig() if config is None else config
    began = time.perf_counter()
    features = market.features if market.features is not None else FeatureSet.basic().compute(market.bars)
    labels = LABELERS.from_config(config.labels, where="labels").label(market.bars)
    samples = build_samples(features, labels, market.bars)
    fold = _fold(samples, config, seed)
    workflow = BacktestingWorkflow(sizer=ProportionalSizer(full_edge=config.full_edge), execution=config.execution)
    scores: list[tuple[str, str, float, float]] = []
    simulations: dict[str, Simulation] = {}
    forecasts: dict[str, Forecast] = {}
    rule = SELECTION_RULES.from_config(config.selection.rule, where="selection.rule")
    crossed = config.selection.by == "cross_validation" and len(config.models) > 1
    test = samples.take(fold.test)
    for name, section in config.models.items():
        train, valid = samples.take(fold.train), samples.take(fold.valid)
        trained, _ = fit_model(section, train, valid, training=config.training, seed=seed, name=name)
        if not crossed:
            held = judged(valid, trained.predict(valid))
            scores += [(name, metric, SCORES[metric].function(held), math.nan) for metric in rule.needs]
        forecasts[name] = trained.predict(test)
        simulations[name] = workflow.run(forecasts[name], market.bars)
    if crossed:
        learned = samples.take(np.sort(np.concatenate([fold.train, fold.valid])))
        folds = SPLITTERS.from_config(config.selection.splitter or FIVE_FOLDS, where="selection.splitter")
        validator = CrossValidator(splitter=folds, training=config.training, seed=seed, metrics=rule.needs)
        table = validator.run(config.models, learned).summary
    else:
        table = pl.DataFrame(scores, schema=["model", "metric", "mean", "standard_error"], orient="row")
    families = {
        name: str(ModelRegistry.models.entry(s.model_type).facts["family"]) for name, s in config.models.items()
    }
    chosen = rule.choose(table, families).chosen
    evaluation = evaluate(
        simulations[chosen],
        bars=market.bars,
        name=chosen,
        config=EvaluationConfig(benchmarks=["buy_and_hold", "cash"], cost_multiples=[1.0], periods_per_year=DAYS),
        forecast={"test": forecasts[chosen]},
        samples={"test": test},
        trials=simulations,
        seed=seed,
    )
    return TrialOutcome(
        market=market.name,
        seed=seed,
        chosen=chosen,
        claimed=evaluation.verdict.edge,
        gates=check_gates(evaluation, config.gates, probes={"overlap_audit": config.fault == "none"}),
        sharpe=_annual(simulations[chosen].returns),
        oracle=_oracle(market, forecasts[chosen]) if market.oracle is not None else math.nan,
        bars=evaluation.n,
        seconds=time.perf_counter() - began,
    )


def _fold(samples: Samples, config: TrialConfig, seed: int) -> Fold:
    """The fold of the configuration, or, as the fault, one that shuffles rows without purging."""
    if config.fault == "none":
        splitter = SPLITTERS.from_config(config.split, where="split")
        (fold,) = splitter.split(samples.known_at, samples.last_label_end)
        return fold
    rows = generator(seed, "shuffle").permutation(len(samples))
    cut = len(rows) // 2
    mixed = Fold(train=np.sort(rows[:cut]), test=np.sort(rows[cut:]))
    return replace(inner_split(samples, mixed, 0.2), test=mixed.test)


def _oracle(market: KnownMarket, forecast: Forecast) -> float:
    """The Sharpe ratio a year of holding in proportion to the true signal at the same moments."""
    stamps = pl.Series("timestamp", forecast.known_at).cast(market.bars["timestamp"].dtype)
    truth = pl.DataFrame({"timestamp": market.bars["timestamp"], "signal": market.oracle})
    targets = pl.DataFrame({"timestamp": stamps}).join(truth, on="timestamp", how="left", maintain_order="left")
    targets = targets.select("timestamp", symbol=pl.lit(str(market.bars["symbol"][0])), target=pl.col("signal") * 0.1)
    own = market.bars.filter(pl.col("timestamp") >= stamps.min())
    return _annual(simulate(own, targets).returns)


def _annual(returns: Float64[Array, " t"]) -> float:
    value = sharpe_ratio(returns, periods_per_year=DAYS)
    return 0.0 if math.isnan(value) else value
