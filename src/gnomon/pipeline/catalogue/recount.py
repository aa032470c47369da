"""How much the rows of a data set may be believed, now that so many were tried on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from gnomon.config.models import PipelineConfig
from gnomon.core.seeds import generator
from gnomon.data.calendars import periods_per_year
from gnomon.evaluation.base import DOUBT_COLUMNS, SharpeDoubt
from gnomon.evaluation.benchmarks import TARGET_SCHEMA, BenchmarkManager
from gnomon.evaluation.doubt import Tries, recounted
from gnomon.evaluation.engine import INTRADAY
from gnomon.evaluation.trials import family_of, from_ledger
from gnomon.evaluation.verdict import edge_test
from gnomon.metrics.periods import aggregate_returns
from gnomon.pipeline.catalogue.base import Catalogue
from gnomon.pipeline.catalogue.data_sets import DataSet
from gnomon.simulation.engine import simulate
from gnomon.simulation.workflow import execution_from_config
from gnomon.store.trials import TrialLedger


def doubt_of(row: Mapping[str, Any]) -> SharpeDoubt:
    """The doubt that a row of the catalogue holds; what is null cannot be known."""
    held: dict[str, Any] = {name: math.nan if row[name] is None else row[name] for name in DOUBT_COLUMNS}
    return SharpeDoubt(**held)


def recount(catalogue: Catalogue, ledger: TrialLedger, data_set: DataSet, config: PipelineConfig) -> None:
    """Gives every scored row of the data set the tries that its market has by now.

    Their number, how many independent ones they amount to, PBO, and the SPA p-value: one figure for all that were
    tried, against cash and against holding the market over the tested bars; 1 where all that moved held the market.
    """
    rows = catalogue.read()
    own = rows.filter(pl.col("data_version") == data_set.version, pl.col("status") == "scored")
    if own.is_empty():
        return
    tries = _tries(ledger, data_set, config, set(own["config_hash"]))
    if tries is None:
        return
    doubts = [recounted(doubt_of(row), tries).row() for row in own.iter_rows(named=True)]
    new = own.with_columns(pl.DataFrame(doubts, schema={name: own.schema[name] for name in DOUBT_COLUMNS}))
    if not new.equals(own):
        catalogue.add(new)


def _tries(ledger: TrialLedger, data_set: DataSet, config: PipelineConfig, configs: set[str]) -> Tries | None:
    market = data_set.market
    mine = [trial for trial in ledger.trials(market) if trial.config in configs and trial.returns is not None]
    if not mine:
        return None
    series = [ledger.returns(trial) for trial in mine]
    first, last = min(stamps[0] for stamps, _ in series), max(stamps[-1] for stamps, _ in series)
    bars = data_set.bars.filter(pl.col("timestamp").to_physical().is_between(first, last))
    idle = simulate(bars, pl.DataFrame(schema=TARGET_SCHEMA), execution_from_config(config.execution))
    hold = BenchmarkManager.of(["buy_and_hold"]).run("buy_and_hold", idle, bars=bars)
    grid = idle.equity["timestamp"]
    stamps, values = series[0]
    returns = np.zeros(len(grid))
    returns[np.searchsorted(grid.to_physical().to_numpy(), stamps)] = values
    periods = config.evaluation.periods_per_year or periods_per_year(grid)
    intraday = periods > INTRADAY
    family = family_of(from_ledger(ledger, market), returns, grid, intraday=intraday)
    held, cash = hold.returns, idle.returns
    if intraday:
        held, cash = (aggregate_returns(one, grid, every="day")["return"].to_numpy() for one in (held, cash))
    # The test asks about its first column too, which here is nobody's: cash, so that the first try is like the others.
    test = edge_test(
        np.column_stack([np.broadcast_to(cash, len(family.matrix)), family.matrix]),
        held,
        risk_free=cash,
        level=config.evaluation.significance,
        rng=generator(config.seed, "evaluation", "edge"),
    )
    return Tries(
        count=ledger.count(market),
        effective=family.effective,
        variance=family.variance,
        pbo=family.pbo,
        spa_pvalue=1.0 if math.isnan(test.hold_pvalue) and not math.isnan(test.cash_pvalue) else test.pvalue,
    )
