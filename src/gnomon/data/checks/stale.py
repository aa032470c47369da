"""Stale runs: a feed that repeats its last bar."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gnomon.data.base import PRICES
from gnomon.data.checks.base import Finding, Sheet, moment, previous


def repeats() -> pl.Expr:
    """Whether a bar has the four prices of the bar before it."""
    return pl.all_horizontal(pl.col(price) == previous(price) for price in PRICES).fill_null(value=False)


def check_stale(sheet: Sheet) -> Iterator[Finding]:
    """Runs of at least `stale_bars` bars with equal open, high, low and close; one row a run."""
    same = sheet.bars.select("row", "symbol", "timestamp", "close", "volume", same=repeats())
    runs = (
        same.with_columns(run=(~pl.col("same")).cum_sum())
        .filter(pl.len().over("run") >= sheet.config.stale_bars)
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("row", "symbol", "timestamp").first(),
            until=pl.col("timestamp").last(),
            bars=pl.len(),
            close=pl.col("close").first(),
            volume=pl.col("volume").sum(),
        )
        .drop("run")
    )
    if runs.is_empty():
        return
    longest = runs.row(int(runs["bars"].arg_max() or 0), named=True)
    traded = runs.filter(pl.col("volume") > 0).height
    yield Finding(
        check="stale",
        rows=runs,
        count=int(runs["bars"].sum()),
        what=f"a bar repeats the four prices before it, in {runs.height} runs ({traded} with volume)",
        where=f"the longest: {longest['symbol']}, {longest['bars']} bars from {moment(longest['timestamp'])} "
        f"to {moment(longest['until'])} at {longest['close']:g}",
        remedy="drop them with {kind: drop, checks: [stale]}, or raise data.checks.stale_bars if they are usual",
    )
