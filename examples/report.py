"""A report for an investor: one HTML page, Markdown and PDF, from signals of one's own.

Run it: python examples/report.py
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import polars as pl

from gnomon.config.models import ReportConfig
from gnomon.data.read import read_bars
from gnomon.evaluation import evaluate
from gnomon.execution.base import ExecutionConfig
from gnomon.reporting import PerformanceVisualizer, ReportContent, ReportGenerator
from gnomon.simulation import simulate
from gnomon.store.trials import TrialLedger


def signals(bars: pl.DataFrame) -> pl.DataFrame:
    """Long while the last 60 days were up; decided on Mondays."""
    change = pl.col("close") / pl.col("close").shift(60).over("symbol") - 1.0
    frame = bars.select("timestamp", "symbol", (change > 0.0).cast(pl.Float64).alias("target")).drop_nulls()
    return frame.filter(pl.col("timestamp").dt.weekday() == 1)


def main() -> None:
    """Trades, counts the try, judges, reports."""
    bars = read_bars("embedded", symbols=["SP500"], start="2012-01-01")
    execution = ExecutionConfig(fee_bps=1.0, half_spread_bps=1.0)
    simulation = simulate(bars, signals(bars), execution)

    # Every try is counted, and without the count there is no report.
    ledger = TrialLedger(Path("trials.jsonl"))
    ledger.append(
        dataset="SP500",
        config="momentum, 60 days",
        name="momentum",
        kind="backtest",
        returns=simulation.returns,
        timestamps=simulation.equity["timestamp"].to_physical().to_numpy(),
    )
    evaluation = evaluate(simulation, bars=bars, name="momentum", trials=ledger)
    content = ReportContent(
        title="Momentum on the S&P 500",
        pipeline="example",
        evaluations={"momentum": evaluation},
        chosen="momentum",
        chosen_by="the signals were given",
        validation={},
        source={"source": "embedded", "symbols": ["SP500"], "rows": bars.height, "frequency": "1d"},
        checks={},
        split={},
        fits={},
        trials={"count": ledger.head.count, "head": ledger.head.hash},
        execution=asdict(execution),
        config="",
        limitations=("The index itself cannot be bought; a fund on it pays a little less.",),
    )

    generator = ReportGenerator(content, ReportConfig(formats=["html", "md", "pdf"]))
    for name, path in generator.generate(Path("report")).items():
        print(f"{name}: {path.stat().st_size:,} bytes")
    Path("report/equity.png").write_bytes(PerformanceVisualizer(content).png("equity"))
    print("figures:", ", ".join(PerformanceVisualizer(content).names))
    print(evaluation.verdict.text)


if __name__ == "__main__":
    main()
