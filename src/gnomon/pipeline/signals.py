"""A person's own signals: traded, judged and counted as any model's are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from gnomon.config.loader import load_config
from gnomon.config.resolved import masked, to_yaml
from gnomon.core.clock import Clock, SystemClock
from gnomon.core.errors import DataError, nearest
from gnomon.core.files import write_atomic
from gnomon.core.hashing import canonical_json
from gnomon.data.calendars import infer_frequency
from gnomon.data.digest import hash_bars
from gnomon.data.side_tables import settlements
from gnomon.evaluation.base import Evaluation
from gnomon.evaluation.engine import evaluate
from gnomon.evaluation.trials import Trials
from gnomon.pipeline.code import library_versions
from gnomon.pipeline.inputs import load_inputs
from gnomon.pipeline.prediction import read_table, write_table
from gnomon.pipeline.stages.base import fingerprint, finite
from gnomon.pipeline.stages.report import LIMITATIONS
from gnomon.pipeline.summary import read_metrics
from gnomon.pipeline.trial_record import market_of, record_of, trial_ledger
from gnomon.pipeline.workspace import CONFIG_FILE
from gnomon.reporting.base import ReportContent
from gnomon.reporting.write import write_report
from gnomon.samples.base import Forecast
from gnomon.simulation.base import Simulation
from gnomon.simulation.engine import simulate
from gnomon.simulation.workflow import BacktestingWorkflow

Progress = Callable[[str, float], None]


def backtest_signals(
    workspace: Path,
    signals: Path,
    *,
    data: Path | None = None,
    stamp: str = "close",
    name: str = "signals",
    out: Path | None = None,
    overrides: Sequence[str] = (),
    clock: Clock | None = None,
    progress: Progress = lambda _text, _fraction: None,
) -> dict[str, Any]:
    """Trades targets or forecasts from a file; returns the verdict and the figures, plain.

    With `out`, writes equity.parquet, fills.parquet, targets.parquet, metrics.json and the report there. The try is
    recorded in the workspace's trial ledger: signals that were fitted elsewhere bring tries that nobody counted, and
    the report says so.
    """
    config = load_config(workspace if (workspace / CONFIG_FILE).is_file() else None, overrides=overrides)
    workflow = BacktestingWorkflow.from_config(config)
    table = read_table(signals)
    bars, tables = load_inputs(workspace, config, data=data, stamp=stamp)
    progress("trading", 0.3)
    simulation = trade(table, bars, workflow, funding=settlements(tables))
    ledger = trial_ledger(workspace, clock=clock or SystemClock())
    frequency = config.data.frequency or infer_frequency(bars)
    market = market_of(bars["symbol"].unique().to_list(), frequency)
    settings = {key: masked(config)[key] for key in ("sizing", "guardrails", "execution")}
    ledger.append(
        dataset=market,
        config=fingerprint("signals", hash_bars(simulation.targets), settings),
        name=name,
        kind="backtest",
        returns=simulation.returns,
        timestamps=simulation.equity["timestamp"].to_physical().to_numpy(),
    )
    facts, panel = record_of(ledger, market)
    progress("judging", 0.6)
    evaluation = evaluate(
        simulation,
        bars=bars,
        name=name,
        config=config.evaluation,
        guardrails=workflow.guardrails,
        funding=settlements(tables),
        trials=Trials(
            count=facts["count"],
            sharpes=tuple(row["sharpe"] for row in facts["rows"] if row["sharpe"] is not None),
            returns=panel,
        ),
        seed=config.seed,
    )
    metrics = {
        "chosen": name,
        "chosen_by": "the signals were given",
        "verdict": asdict(evaluation.verdict),
        "trials": facts,
        "candidates": {name: evaluation.to_json()},
    }
    result = {**read_metrics(metrics), "files": []}
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        source = {
            "source": str(data) if data else config.data.source["kind"],
            "version": hash_bars(bars),
            "rows": bars.height,
            "symbols": sorted(bars["symbol"].unique().to_list()),
            "start": str(bars["timestamp"].min()),
            "end": str(bars["timestamp"].max()),
            "frequency": frequency,
        }
        content = _content(name, evaluation, simulation, facts, source, to_yaml(config))
        files = list(write_report(content, out, config=config.report).values())
        for table_name in ("equity", "fills", "targets"):
            write_table(getattr(simulation, table_name), out / f"{table_name}.parquet")
            files.append(out / f"{table_name}.parquet")
        write_atomic(out / "metrics.json", canonical_json(finite(metrics)))
        result["files"] = [str(path) for path in [*files, out / "metrics.json"]]
    return result


def trade(
    table: pl.DataFrame, bars: pl.DataFrame, workflow: BacktestingWorkflow, *, funding: pl.DataFrame | None = None
) -> Simulation:
    """Targets (a column `target`) go straight to the ledger, forecasts (probabilities) through sizing first.

    Of a run's own predictions.parquet only the rows of the test part are traded: a model was stopped by the others.
    """
    _require(table, bars)
    if "part" in table.columns:
        table = table.filter(pl.col("part") == "test").drop("part")
        if table.is_empty():
            raise DataError("none of the signals is of the part 'test'; leave the column `part` out to trade all")
    if "target" not in table.columns:
        return workflow.run(Forecast.from_frame(table), bars, funding=funding)
    targets = table.select("timestamp", "symbol", "target")
    given = targets["target"]
    if not given.dtype.is_numeric() and given.null_count() < len(given):
        raise DataError(f"column 'target' of the signals must hold numbers, it is {given.dtype}, first {given[0]!r}")
    if given.cast(pl.Float64).fill_nan(None).null_count() == len(given):
        raise DataError("column 'target' of the signals holds no number")
    first = targets["timestamp"].min()
    traded = bars.filter(pl.col("symbol").is_in(targets["symbol"].unique().to_list()), pl.col("timestamp") >= first)
    if traded.is_empty():
        raise DataError(
            f"the signals begin at {first!s}, after the last bar at {bars['timestamp'].max()!s}; they cannot be traded"
        )
    return simulate(traded, targets, workflow.execution, guardrails=workflow.guardrails, funding=funding)


PROBABILITIES = ("probability_short", "probability_flat", "probability_long", "horizon")


def _require(table: pl.DataFrame, bars: pl.DataFrame) -> None:
    """DataError that names the first column or symbol that is not as it has to be."""
    has = ", ".join(table.columns)
    for column in ("timestamp", "symbol"):
        if column not in table.columns:
            close = nearest(column, table.columns)
            hint = f"; is {close!r} the {column}?" if close else ""
            raise DataError(f"the signals need a column {column!r}; they have {has}{hint}")
    if not {"target", "probability_long"} & set(table.columns):
        close = nearest("target", table.columns)
        raise DataError(
            f"the signals need a column `target`, or the columns {', '.join(PROBABILITIES)}; "
            f"they have {has}{f'; is {close!r} the target?' if close else ''}"
        )
    if table["symbol"].dtype != pl.String:
        raise DataError(f"column 'symbol' of the signals must hold names, it is {table['symbol'].dtype}")
    known = bars["symbol"].unique().sort().to_list()
    if strange := sorted(set(table["symbol"].drop_nulls().to_list()) - set(known)):
        close = nearest(strange[0], known)
        hint = f"did you mean {close!r}?" if close else f"they have {', '.join(known[:10])}"
        rows = table.filter(pl.col("symbol").is_in(strange)).head(200)
        raise DataError(f"the bars have no symbol {strange[0]!r}, which the signals trade; {hint}", rows=rows)


def _content(
    name: str,
    evaluation: Evaluation,
    simulation: Simulation,
    facts: dict[str, Any],
    source: dict[str, Any],
    config: str,
) -> ReportContent:
    own = (
        "The signals came from outside: how many were tried before these is not known here, and every figure that "
        "counts tries counts only those of this workspace."
    )
    return ReportContent(
        title=name,
        pipeline=name,
        evaluations={name: evaluation},
        chosen=name,
        chosen_by="the signals were given",
        validation={},
        source=source,
        checks={"issues": []},
        split={},
        fits={},
        trials=facts,
        execution=finite(asdict(simulation.execution)),
        config=config,
        versions=library_versions(),
        limitations=(own, *LIMITATIONS),
    )
