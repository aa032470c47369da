"""The whole way of the data in one call: bars to features, labels, refits, forecast, sizing, guardrails and ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from gnomon.execution.base import ExecutionConfig
from gnomon.features.sets import FeatureSet
from gnomon.labels.base import Labeler
from gnomon.samples.assemble import build_samples
from gnomon.samples.base import Samples
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.training.refits import Refits


@dataclass(frozen=True, kw_only=True)
class TradingPath:
    """What a strategy is, from bars to an account; to be called on any history of bars (and side tables).

    The model is fitted anew as `refits` says, so every order rests on a model that knew the past alone, and what was
    decided on a short history is decided so on a longer one.
    """

    features: FeatureSet
    labeler: Labeler
    refits: Refits
    workflow: BacktestingWorkflow = field(default_factory=BacktestingWorkflow)

    def __call__(self, bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None = None) -> Simulation:
        """The account; without a row where no model could be fitted yet. Raises what its parts raise."""
        forecast = self.refits(self.samples(bars, tables))
        return self.workflow.run(forecast, bars) if len(forecast) else _nothing(bars, self.workflow.execution)

    def samples(self, bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None = None) -> Samples:
        """What the model learns from and forecasts."""
        return build_samples(self.features.compute(bars, tables), self.labeler.label(bars), bars)

    def edges(self, bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None = None) -> list[datetime]:
        """The moments at which a new model takes over."""
        return self.refits.edges(self.samples(bars, tables))


def _nothing(bars: pl.DataFrame, execution: ExecutionConfig) -> Simulation:
    none = bars.select("timestamp", "symbol", target=pl.lit(0.0)).head(0)
    held = simulate(bars.head(1), none, execution)
    return Simulation(
        equity=held.equity.head(0), fills=held.fills, positions=held.positions, targets=none, execution=execution
    )
