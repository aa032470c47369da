"""Labels: what a model should have known, when that was known, how much it counts, and barriers that are looked for.

Run it: python examples/labels.py
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from gnomon.data.synthetic import Market, market_bars
from gnomon.labels import (
    TripleBarrier,
    average_uniqueness,
    fixed_horizon,
    label_spans,
    sequential_bootstrap,
    time_decay,
    trend_scanning,
    triple_barrier,
)
from gnomon.labels.optimize import optimize_barriers


def main() -> None:
    """Labels a synthetic market in three ways, weighs the labels, judges a rule's bets, and looks for barriers."""
    bars = market_bars(Market(symbols=2, start=date(2015, 1, 1), end=date(2019, 1, 1), seed=7))

    # A rise or a fall by one volatility of the horizon, whichever comes first; 0 where neither does.
    labels = triple_barrier(bars, horizons=(5, 20), cost_bps=10)
    table = labels.drop_nulls("label").group_by("horizon", "label").agg(pl.len().alias("rows"), pl.col("weight").mean())
    for horizon, label, rows, weight in table.sort("horizon", "label").iter_rows():
        print(f"{horizon:>2} bars ahead, label {label:>2}: {rows:>4} rows, each counts {weight:.2f} of a label")

    # Labels overlap: that is what `label_end` and `weight` are for. The last ones are not decided yet.
    open_ = labels.filter(pl.col("label").is_null() & (pl.col("timestamp") > labels["timestamp"].max().replace(day=1)))
    print(f"{open_.height} labels of the last month are still undecided")

    # Other labels of the same bars: the return over the horizon, and the surest trend within it.
    for name, other in {
        "return": fixed_horizon(bars, horizons=(20,), threshold=0.5, cost_bps=10),
        "trend": trend_scanning(bars, horizons=(20,), minimum_t=5.0),
    }.items():
        counts = other["label"].drop_nulls().value_counts().sort("label")["count"].to_list()
        print(f"by {name}: {counts} labels short, flat, long")

    # Older labels may count for less, and draws that overlap less tell more: for training rows.
    one = labels.filter(pl.col("horizon") == 20).drop_nulls("label").sort("timestamp")
    first, last = label_spans(one, bars)
    decayed = one["weight"].to_numpy() * time_decay(average_uniqueness(first, last), oldest=0.25)
    drawn = sequential_bootstrap(first, last, rng=np.random.default_rng(7), size=50)
    print(
        f"decay leaves {decayed.sum() / one['weight'].sum():.0%} of the weight; 50 draws hit {len(set(drawn))} labels"
    )

    # Meta-labels: was it right to follow a rule? Here: buy after a fall of two closes, with a near stop.
    falls = bars.with_columns(pl.col("close").diff().over("symbol").alias("move")).filter(
        (pl.col("move") < 0) & (pl.col("move").shift().over("symbol") < 0)
    )
    entries = falls.select("timestamp", "symbol", side=pl.lit(1))
    meta = TripleBarrier(horizons=(10,), upper=2.0, lower=0.5, cost_bps=10).label(bars, entries)
    gained, bets = meta["label"].sum(), meta["label"].count()
    print(f"of {bets} bets {gained} gained after costs, on average {meta['forward_return'].mean():+.4f} before")

    # Barriers by a genetic algorithm, on the bars up to mid 2017 alone; hand `record` a trial ledger's append.
    found = optimize_barriers(
        bars, train_end=datetime(2017, 6, 30, tzinfo=UTC), labeler=TripleBarrier(cost_bps=10), trials=60, seed=7
    )
    print(f"{found.front.height} of 60 settings are beaten by none; nearest to the best of all: {found.labeler}")


if __name__ == "__main__":
    main()
