"""Judging: one candidate's account against benchmarks, costs, regimes and every try that was ever made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gnomon.data.side_tables import settlements
from gnomon.evaluation.benchmarks import BENCHMARKS
from gnomon.evaluation.engine import evaluate
from gnomon.evaluation.trials import Trials
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import (
    BARS,
    EVALUATION,
    FOLD,
    FORECAST,
    SAMPLES,
    SIDE_TABLES,
    SIMULATION,
    TRIAL_RETURNS,
    TRIALS,
)
from gnomon.pipeline.stages.base import CandidateStage
from gnomon.pipeline.stages.simulate import FUNDING
from gnomon.samples.base import Forecast
from gnomon.simulation.workflow import BacktestingWorkflow


@STAGES.register(name="evaluate")
class EvaluateStage(CandidateStage):
    """A simulation and the record of tries to an evaluation."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """evaluate.<candidate>."""
        return f"evaluate.{self.candidate}"

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The candidate's account and forecasts, the market, the labels, and all tries."""
        funding = (SIDE_TABLES,) if FUNDING in self.setup.config.data.side_tables else ()
        own = (SIMULATION.of(self.candidate), FORECAST.of(self.candidate))
        return (*own, BARS, SAMPLES, FOLD, TRIALS, TRIAL_RETURNS, *funding)

    @property
    def writes(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The evaluation."""
        return (EVALUATION.of(self.candidate),)

    @property
    def config(self) -> Mapping[str, Any]:
        """How it is judged, and what its replays need."""
        return {**self.part("evaluation", "guardrails", "execution", "seed"), "candidate": self.candidate}

    def prepare(self) -> None:
        """Looks every benchmark up."""
        for index, name in enumerate(self.setup.config.evaluation.benchmarks):
            BENCHMARKS.get(name, where=f"evaluation.benchmarks[{index}]")

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Evaluates out of sample."""
        config, samples, fold = context.config, context[SAMPLES], context[FOLD]
        forecasts = context[FORECAST.of(self.candidate)]
        rows = {"valid": fold.valid, "test": fold.test}
        parts = [part for part in ("valid", "test") if len(rows[part])]
        facts, panel = context[TRIALS], context[TRIAL_RETURNS]["panel"]
        sharpes = tuple(row["sharpe"] for row in facts["rows"] if row["sharpe"] is not None)
        evaluation = evaluate(
            context[SIMULATION.of(self.candidate)],
            bars=context[BARS],
            name=self.candidate,
            config=config.evaluation,
            guardrails=BacktestingWorkflow.from_config(config).guardrails,
            funding=settlements(context[SIDE_TABLES]) if SIDE_TABLES in self.reads else None,
            forecast={p: Forecast.from_frame(forecasts.filter(pl.col("part") == p).drop("part")) for p in parts},
            samples={part: samples.take(rows[part]) for part in parts},
            trials=Trials(count=facts["count"], sharpes=sharpes, returns=panel),
            seed=config.seed,
        )
        return {EVALUATION.of(self.candidate): evaluation}
