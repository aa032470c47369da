"""Forecasts to an account: sizing, guardrails and the ledger in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from gnomon.config.models import PipelineConfig
from gnomon.core.errors import DataError, unknown
from gnomon.core.registry import build
from gnomon.data.frames import Frame, as_bars
from gnomon.execution.base import ExecutionConfig
from gnomon.execution.guardrails import GUARDRAILS, Guardrail
from gnomon.execution.sizing import SIZERS, FixedSizer, Sizer, size
from gnomon.samples.base import Forecast
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate


def backtest(
    forecast: Forecast,
    bars: Frame,
    *,
    sizer: Sizer | None = None,
    guardrails: Sequence[Guardrail] = (),
    execution: ExecutionConfig | None = None,
    funding: Frame | None = None,
) -> Simulation:
    """Sizes the forecast and trades the targets: each row is decided at its `known_at`, the close of a bar.

    The account is followed from the first forecast until the horizon of the last one has passed, on the symbols of the
    forecast: outside that there is no opinion, and bars without one would only dilute the figures. Sizing sees the bars
    before, too. The default sizer puts all equity on the sign of the edge, shared by the symbols.

    `bars` and `funding` as `simulate` takes them. DataError for rows of the forecast that are no probabilities, or that
    have no bar.
    """
    if not isinstance(forecast, Forecast):
        raise DataError(f"a backtest needs a Forecast, not {type(forecast).__name__}; `Forecast.from_frame` reads one")
    forecast.checked()
    bars = as_bars(bars)
    if not len(forecast):
        raise DataError("the forecast holds no rows; there is nothing to trade")
    execution = ExecutionConfig() if execution is None else execution
    known = set(bars["symbol"].unique())
    targets = size(FixedSizer() if sizer is None else sizer, forecast, bars)
    for name in targets["symbol"].unique(maintain_order=True):
        if name not in known:
            raise DataError(f"the forecast is for symbols without bars: {unknown('symbol', name, known)}")
    own = bars.filter(pl.col("symbol").is_in(forecast.symbols), pl.col("timestamp") >= targets["timestamp"].min())
    after = own.filter(pl.col("timestamp") > targets["timestamp"].max())["timestamp"].unique().sort()
    held = after.head(execution.latency_bars + forecast.horizon - 1)
    if len(held) < len(after):
        own = own.filter(pl.col("timestamp") < after[len(held)])
    return simulate(own, targets, execution, guardrails=guardrails, funding=funding)


@dataclass(frozen=True, kw_only=True)
class BacktestingWorkflow:
    """A backtest's settings, to be run on many forecasts.

    >>> BacktestingWorkflow.from_config(PipelineConfig(execution={"fee_bps": 5})).execution.fee_bps
    5.0
    """

    sizer: Sizer = field(default_factory=FixedSizer)
    guardrails: Sequence[Guardrail] = ()
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)

    @classmethod
    def from_config(cls, config: PipelineConfig) -> BacktestingWorkflow:
        """The sections `sizing`, `guardrails` and `execution`. ConfigError names the key that is wrong."""
        return cls(
            sizer=SIZERS.from_config(config.sizing, where="sizing"),
            guardrails=[
                GUARDRAILS.from_config(section, where=f"guardrails[{index}]")
                for index, section in enumerate(config.guardrails)
            ],
            execution=execution_from_config(config.execution),
        )

    def run(self, forecast: Forecast, bars: Frame, *, funding: Frame | None = None) -> Simulation:
        """`backtest` with these settings."""
        return backtest(
            forecast, bars, sizer=self.sizer, guardrails=self.guardrails, execution=self.execution, funding=funding
        )


def execution_from_config(section: Mapping[str, Any]) -> ExecutionConfig:
    """The section `execution` as an `ExecutionConfig`; ConfigError names an unknown or mistyped key.

    >>> execution_from_config({"fee_bps": 2, "latency_bars": 2}).latency_bars
    2
    """
    return build(ExecutionConfig, section, where="execution")
