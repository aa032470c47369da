"""A strategy judged: against benchmarks and luck, after costs, with a verdict in plain words.

Run it: python examples/evaluation.py
"""

from __future__ import annotations

import polars as pl

from gnomon.data.read import read_bars
from gnomon.evaluation import evaluate
from gnomon.execution.base import ExecutionConfig
from gnomon.simulation import simulate


def momentum(bars: pl.DataFrame, days: int) -> pl.DataFrame:
    """Long while the last `days` were up, else flat; decided once a week."""
    change = pl.col("close") / pl.col("close").shift(days).over("symbol") - 1.0
    return (
        bars.select("timestamp", "symbol", (change > 0.0).cast(pl.Float64).alias("target"))
        .drop_nulls()
        .filter(pl.col("timestamp").dt.weekday() == 1)
    )


def main() -> None:
    """Three look-back lengths on the real S&P 500; each of them counts as a try."""
    bars = read_bars("embedded", symbols=["SP500"], start="2010-01-01")
    costs = ExecutionConfig(fee_bps=1.0, half_spread_bps=1.0)
    tried = {f"{days} days": simulate(bars, momentum(bars, days), costs) for days in (20, 60, 120)}
    name, best = max(tried.items(), key=lambda item: item[1].equity["equity"][-1])

    result = evaluate(best, bars=bars, name=name, trials=tried)
    print(result.verdict.text)
    for reason in result.verdict.reasons:
        print(f"  {reason}")

    for line in result.thresholds:
        print(f"{line.name}: {line.value:.2f}, {line.relation} {line.limit}: {'passed' if line.passed else 'failed'}")
    for benchmark in result.benchmarks.values():
        print(f"{benchmark.name}: total return {benchmark.metrics['total_return']:.1%}")
    print(result.regimes.select("regime", "value", "bars", "total_return", "annual_sharpe", "psr").head(5))


if __name__ == "__main__":
    main()
