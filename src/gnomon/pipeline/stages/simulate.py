"""Simulated trading: a candidate's forecasts through sizing, guardrails and the ledger, with costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.data.side_tables import settlements
from gnomon.execution.guardrails import GUARDRAILS
from gnomon.execution.sizing import SIZERS
from gnomon.metrics.returns import max_drawdown
from gnomon.pipeline.base import STAGES, Key, PipelineContext
from gnomon.pipeline.keys import BARS, FORECAST, SIDE_TABLES, SIMULATION, VALIDATION
from gnomon.pipeline.stages.base import CandidateStage, module_of
from gnomon.samples.base import Forecast
from gnomon.simulation.base import Simulation
from gnomon.simulation.workflow import BacktestingWorkflow

FUNDING = "funding"
"""A side table of this name is paid by longs to shorts in the ledger."""


@STAGES.register(name="simulate")
class SimulateStage(CandidateStage):
    """Forecasts and bars to an account, on the validation span and, out of sample, on the test span."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """simulate.<candidate>."""
        return f"simulate.{self.candidate}"

    @property
    def reads(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The candidate's forecasts, the bars, and the funding rates where there are any."""
        funding = (SIDE_TABLES,) if FUNDING in self.setup.config.data.side_tables else ()
        return (FORECAST.of(self.candidate), BARS, *funding)

    @property
    def writes(self) -> tuple[Key[Any], ...]:  # type: ignore[override]
        """The account out of sample, and a few figures of the validation span."""
        return (SIMULATION.of(self.candidate), VALIDATION.of(self.candidate))

    @property
    def config(self) -> Mapping[str, Any]:
        """Sizing, guardrails and execution."""
        return {**self.part("sizing", "guardrails", "execution"), "candidate": self.candidate}

    @property
    def modules(self) -> tuple[str, ...]:
        """The sizer's and the guardrails'."""
        config = self.setup.config
        guards = {module_of(GUARDRAILS, g, where=f"guardrails[{i}]") for i, g in enumerate(config.guardrails)}
        return tuple(sorted({module_of(SIZERS, config.sizing, where="sizing"), *guards}))

    def prepare(self) -> None:
        """Builds sizer, guardrails and execution; ConfigError for abstention without sets to go by."""
        config = self.setup.config
        if BacktestingWorkflow.from_config(config).sizer.abstain and config.training.conformal is None:
            raise ConfigError(
                "sizing.abstain = True: there are no sets to abstain by; set training.conformal, such as {alpha: 0.1}"
            )

    def run(self, context: PipelineContext) -> Mapping[Key[Any], Any]:
        """Trades both spans, each from its own fresh account."""
        workflow = BacktestingWorkflow.from_config(context.config)
        forecasts, bars = context[FORECAST.of(self.candidate)], context[BARS]
        funding = settlements(context[SIDE_TABLES]) if SIDE_TABLES in self.reads else None
        spans = {part: forecasts.filter(pl.col("part") == part).drop("part") for part in ("valid", "test")}
        simulation = workflow.run(Forecast.from_frame(spans["test"]), bars, funding=funding)
        figures: dict[str, Any] = {"rows": spans["valid"].height}
        if spans["valid"].height:
            known = bars.filter(pl.col("timestamp") <= spans["valid"]["timestamp"].max())
            figures |= _figures(workflow.run(Forecast.from_frame(spans["valid"]), known, funding=funding))
        return {SIMULATION.of(self.candidate): simulation, VALIDATION.of(self.candidate): figures}


def _figures(simulation: Simulation) -> dict[str, float]:
    equity = simulation.equity["equity"].to_numpy()
    return {
        "total_return": float(equity[-1] / simulation.execution.initial_cash - 1.0),
        "max_drawdown": max_drawdown(equity),
        "costs": float(simulation.equity["costs"].to_numpy().sum()) / simulation.execution.initial_cash,
    }
