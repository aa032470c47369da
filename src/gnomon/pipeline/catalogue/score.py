"""One candidate on one data set at one horizon: fitted on training rows, judged on test rows, timed."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import ModelConfig as ModelSection
from gnomon.config.models import PipelineConfig
from gnomon.core.errors import GnomonError
from gnomon.core.seeds import generator
from gnomon.core.types import Array, Int64
from gnomon.evaluation.calibration import DRAWS, blocks_of
from gnomon.models.bundle import TrainedModel
from gnomon.models.supervised import SupervisedModel
from gnomon.samples.base import Samples
from gnomon.simulation.base import Simulation
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.training.fit import fit_model
from gnomon.training.prepare import Prepared, prepare
from gnomon.training.scores import SCORES, Judged, judged

SCORED = ("f1", "log_loss", "brier", "ece", "ic")
DOUBTED = ("f1", "log_loss", "ece")
"""Figures of forecasts that get a standard error; a Sharpe ratio brings its own."""
MOST_CALLS, LEAST_CALLS, SECONDS = 200, 5, 0.5
"""Forecasts of one row that are timed: so many, fewer once they took so long, never fewer than the least."""

WARMING_ROWS = 300


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """What a candidate did: its account over the test rows, and the columns of the catalogue that follow from it."""

    simulation: Simulation
    columns: dict[str, Any]


def prepare_rows(bars: pl.DataFrame, tables: Any, config: PipelineConfig, horizon: int) -> Prepared:
    """Samples and fold at one horizon alone, so that no other one moves the split."""
    return prepare(
        bars,
        features=config.features,
        labels={**config.labels, "horizons": [horizon]},
        split=config.split,
        tables=tables,
    )


def score(section: ModelSection, prepared: Prepared, bars: pl.DataFrame, config: PipelineConfig) -> Scored:
    """Fits, forecasts the test rows, trades them after costs, and takes the times. One fit, one thread of work."""
    samples, fold = prepared.samples, prepared.fold
    horizon = samples.horizons[0]
    training = config.training.model_copy(update={"horizon": horizon})
    train, valid = prepared.train, prepared.valid
    # A library is imported by its first fit, which shall not bear the time of that; too few rows are no matter here.
    with contextlib.suppress(GnomonError):
        fit_model(section, train.take(np.arange(min(len(train), WARMING_ROWS))), training=training, seed=config.seed)
    began = time.perf_counter()
    trained, _ = fit_model(
        section, train, valid, training=training, seed=config.seed, data_version=prepared.data_version
    )
    fitted = time.perf_counter() - began
    forecast = trained.predict_rows(samples, fold.test)
    began = time.perf_counter()
    trained.predict_rows(samples, fold.test)
    spent = time.perf_counter() - began
    simulation = BacktestingWorkflow.from_config(config).run(forecast, bars)
    test = prepared.test
    held = judged(test, forecast, (simulation,))
    figures = {name: SCORES[name].function(held) for name in (*SCORED, "total_return", "turnover")}
    decided = test.known_at[test.weight[:, 0] > 0]
    errors = standard_errors(held, blocks_of(decided, horizon), rng=generator(config.seed, "catalogue", "errors"))
    return Scored(
        simulation=simulation,
        columns={
            **figures,
            **{f"{name}_error": error for name, error in errors.items()},
            "max_drawdown": SCORES["drawdown"].function(held),
            "prior_log_loss": _prior_loss(train, test),
            "train_rows": len(train),
            "valid_rows": 0 if valid is None else len(valid),
            "test_rows": len(test),
            "test_first": datetime.fromtimestamp(int(test.known_at.min()) / 1e6, UTC) if len(test) else None,
            "features": len(samples.feature_names),
            "fit_seconds": fitted,
            "row_microseconds": row_microseconds(trained, samples, fold.test),
            "rows_per_second": len(test) / max(spent, 1e-9),
            "parameters": trained.model.parameter_count,
        },
    )


def standard_errors(
    held: Judged, block: Int64[Array, " m"], *, rng: np.random.Generator, draws: int = DRAWS
) -> dict[str, float]:
    """The spread of each figure of `DOUBTED` over draws of whole blocks of rows, with replacement (Carlstein 1986).

    `block`: the number of each row's block of time, from 0, so that labels that overlap, and symbols that move
    together, widen the error as they should. NaN where a single block holds all rows.
    """
    members = np.split(np.argsort(block, kind="stable"), np.cumsum(np.bincount(block))[:-1]) if block.size else []
    if len(members) < 2:
        return dict.fromkeys(DOUBTED, math.nan)
    drawn: dict[str, list[float]] = {name: [] for name in DOUBTED}
    for _ in range(draws):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        again = replace(
            held,
            actual=held.actual[rows],
            probability=held.probability[rows],
            forward_return=held.forward_return[rows],
            weight=held.weight[rows],
            blocks=(),
        )
        for name in DOUBTED:
            drawn[name].append(SCORES[name].function(again))
    return {name: float(np.nanstd(values, ddof=1)) for name, values in drawn.items()}


def row_microseconds(trained: TrainedModel, samples: Samples, rows: Int64[Array, " m"]) -> float:
    """Median time of a forecast of one row, as it would be made live: by the short way where the model has one.

    A model that reads the rows before is given these and no more.
    """
    chosen = [int(row) for row in rows[:: max(1, len(rows) // MOST_CALLS)][:MOST_CALLS]]
    call = _forecaster(trained, samples, chosen)
    spent: list[float] = []
    for row in chosen:
        began = time.perf_counter()
        call(row)
        spent.append(time.perf_counter() - began)
        if len(spent) >= LEAST_CALLS and sum(spent) > SECONDS:
            break
    return 1e6 * statistics.median(spent) if spent else math.nan


def _forecaster(trained: TrainedModel, samples: Samples, rows: list[int]) -> Callable[[int], object]:
    """What forecasts one of the rows; everything is at hand before it is called."""
    model = trained.model
    if isinstance(model, SupervisedModel) and not model.context and trained.projection is None:
        columns = [samples.feature_names.index(name) for name in trained.feature_names]
        x = np.ascontiguousarray(samples.x[:, columns])
        return lambda row: trained.row(x[row])
    parts = {row: samples.take(np.arange(max(0, row - model.context), row + 1)) for row in rows}
    return lambda row: trained.predict(parts[row])


def _prior_loss(train: Samples, test: Samples) -> float:
    """The log loss of giving every test row the weighted class frequencies of the training rows."""
    seen, weight = train.y[:, 0].astype(np.int64) + 1, train.weight[:, 0].astype(np.float64)
    frequency = np.bincount(seen, weights=weight, minlength=3)
    came, counts = test.y[:, 0].astype(np.int64) + 1, test.weight[:, 0].astype(np.float64)
    if not frequency.sum() or not counts.sum():
        return math.nan
    given = np.clip(frequency / frequency.sum(), 1e-15, 1.0)
    return float(np.average(-np.log(given[came]), weights=counts))
