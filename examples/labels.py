"""Triple-barrier labels: what a model should have known, when that was known, and how much it counts.

Run it: python examples/labels.py
"""

from __future__ import annotations

from datetime import date

import polars as pl

from gnomon.data.synthetic import Market, market_bars
from gnomon.labels import TripleBarrier, triple_barrier


def main() -> None:
    """Labels a synthetic market, then the bets of a simple rule."""
    bars = market_bars(Market(symbols=2, start=date(2015, 1, 1), end=date(2019, 1, 1), seed=7))

    # A rise or a fall by one volatility of the horizon, whichever comes first; 0 where neither does.
    labels = triple_barrier(bars, horizons=(5, 20), cost_bps=10)
    table = labels.drop_nulls("label").group_by("horizon", "label").agg(pl.len().alias("rows"), pl.col("weight").mean())
    for horizon, label, rows, weight in table.sort("horizon", "label").iter_rows():
        print(f"{horizon:>2} bars ahead, label {label:>2}: {rows:>4} rows, each counts {weight:.2f} of a label")

    # Labels overlap: that is what `label_end` and `weight` are for. The last ones are not decided yet.
    open_ = labels.filter(pl.col("label").is_null() & (pl.col("timestamp") > labels["timestamp"].max().replace(day=1)))
    print(f"{open_.height} labels of the last month are still undecided")

    # Meta-labels: was it right to follow a rule? Here: buy after a fall of two closes, with a near stop.
    falls = bars.with_columns(pl.col("close").diff().over("symbol").alias("move")).filter(
        (pl.col("move") < 0) & (pl.col("move").shift().over("symbol") < 0)
    )
    entries = falls.select("timestamp", "symbol", side=pl.lit(1))
    meta = TripleBarrier(horizons=(10,), upper=2.0, lower=0.5, cost_bps=10).label(bars, entries)
    gained, bets = meta["label"].sum(), meta["label"].count()
    print(f"of {bets} bets {gained} gained after costs, on average {meta['forward_return'].mean():+.4f} before")


if __name__ == "__main__":
    main()
