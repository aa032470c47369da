"""Every configuration that was scored on the same data, and what their number does to the best of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float64
from gnomon.data.base import TIMESTAMP
from gnomon.metrics.periods import aggregate_returns
from gnomon.metrics.returns import sharpe_ratio
from gnomon.metrics.significance import effective_trials, probability_of_backtest_overfitting
from gnomon.simulation.base import Simulation
from gnomon.store.trials import TrialLedger


@dataclass(frozen=True, kw_only=True, eq=False)
class Trials:
    """All that was tried. `count`: recorded configurations. `sharpes`: their ratios per bar, where known.

    `returns`: timestamp, and one column a trial whose returns per bar are at hand; the tests of the maximum and PBO
    need these. A trial without returns still counts in `count`, and so in DSR.
    """

    count: int
    sharpes: tuple[float, ...] = ()
    returns: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must be 0 or more, was {self.count}")
        if self.returns is not None and "timestamp" not in self.returns.columns:
            raise DataError(f"the trials' returns have no column 'timestamp'; they have {self.returns.columns}")


def as_trials(value: object) -> Trials:
    """Trials from what holds them: `Trials`; None; a trial ledger; simulations by name; a frame of returns a trial."""
    if isinstance(value, Trials):
        return value
    if value is None:
        return Trials(count=0)
    if isinstance(value, TrialLedger):
        return from_ledger(value)
    if isinstance(value, pl.DataFrame):
        columns = [name for name in value.columns if name != "timestamp"]
        return Trials(count=len(columns), sharpes=_sharpes(value, columns), returns=value)
    if isinstance(value, Mapping):
        return _from_simulations(value)
    raise TypeError(f"trials must be Trials, a ledger, simulations by name or a frame, was {type(value).__name__}")


def from_ledger(ledger: TrialLedger, dataset: str | None = None) -> Trials:
    """The trials that a ledger holds of a data set, with the returns that it keeps."""
    rows, panel = ledger.trials(dataset), ledger.panel(dataset)
    columns = {f"trial {trial.number}": panel.returns[:, i] for i, trial in enumerate(panel.trials)}
    stamps = pl.Series("timestamp", panel.timestamps).cast(TIMESTAMP)
    return Trials(
        count=len(rows),
        sharpes=tuple(trial.sharpe for trial in rows if trial.sharpe is not None),
        returns=pl.DataFrame({"timestamp": stamps, **columns}) if columns else None,
    )


def _from_simulations(simulations: Mapping[str, Simulation]) -> Trials:
    frame: pl.DataFrame | None = None
    for name, simulation in simulations.items():
        own = pl.DataFrame({"timestamp": simulation.equity["timestamp"], name: simulation.returns})
        frame = own if frame is None else frame.join(own, on="timestamp", how="full", coalesce=True)
    if frame is None:
        return Trials(count=0)
    return Trials(count=len(simulations), sharpes=_sharpes(frame, list(simulations)), returns=frame.sort("timestamp"))


def _sharpes(frame: pl.DataFrame, columns: list[str]) -> tuple[float, ...]:
    values = (sharpe_ratio(frame[name].cast(pl.Float64).drop_nulls().to_numpy()) for name in columns)
    return tuple(value for value in values if math.isfinite(value))


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """The evaluated strategy among the trials, on the returns that are judged (days where bars are intraday).

    `matrix[t, strategies]`: the evaluated one is the first. `days`: the dates of intraday rows, else None.
    """

    count: int
    effective: float
    variance: float
    matrix: Float64[Array, "t strategies"]
    pbo: float
    unknown: int
    """Trials that count but whose returns are not at hand."""


def family_of(
    trials: Trials, returns: Float64[Array, " t"], timestamps: pl.Series, *, intraday: bool, blocks: int = 16
) -> Family:
    """The trials beside the evaluated strategy, which is counted once.

    A trial with the very returns of the evaluated strategy is that strategy. Where a trial has no return of a bar (it
    had no position yet, or ended), it is 0.
    """
    columns = [returns]
    frame = trials.returns
    if frame is not None:
        own = pl.DataFrame({"timestamp": timestamps}).join(frame, on="timestamp", how="left", maintain_order="left")
        for name in (name for name in frame.columns if name != "timestamp"):
            column = own[name].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
            if not np.array_equal(column, returns):
                columns.append(column)
    listed = 0 if frame is None else frame.width - 1
    itself = listed - (len(columns) - 1)
    # The strategy is one of the trials, whether or not the record has come to it yet.
    count = max(trials.count if itself or trials.count > listed else trials.count + 1, len(columns), 1)
    # A trial that never moved here (it is of other bars, or never traded) says nothing of how far luck spreads.
    sharpes = [value for value in map(sharpe_ratio, columns) if math.isfinite(value)]
    if len(trials.sharpes) > len(sharpes):
        sharpes = [*trials.sharpes]
    variance = float(np.var(sharpes, ddof=1)) if len(sharpes) > 1 else math.nan
    judged = [_judged(column, timestamps, intraday=intraday) for column in columns]
    matrix = np.column_stack(judged)
    alike = effective_trials(matrix) / matrix.shape[1]
    pbo = math.nan
    if matrix.shape[1] > 1 and matrix.shape[0] >= 2 * blocks:
        pbo = probability_of_backtest_overfitting(matrix, blocks=blocks)
    return Family(
        count=count,
        effective=max(1.0, alike * count),
        variance=variance,
        matrix=matrix,
        pbo=pbo,
        # Trials with the very returns of the strategy are at hand, though they are no column of their own.
        unknown=count - matrix.shape[1] - max(itself - 1, 0),
    )


def _judged(returns: Float64[Array, " t"], timestamps: pl.Series, *, intraday: bool) -> Float64[Array, " d"]:
    if not intraday:
        return returns
    return aggregate_returns(returns, timestamps, every="day")["return"].to_numpy()
