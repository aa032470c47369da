"""A sample holds the last bars of the longest symbols, in order."""

from __future__ import annotations

import polars as pl

from gnomon.data.probe.sample import recent_bars


def test_the_last_bars_of_each_symbol(hours):
    sample = recent_bars(hours, 10)
    assert sample.equals(pl.concat([part.tail(10) for part in hours.partition_by("symbol", maintain_order=True)]))


def test_the_symbols_with_most_bars_and_the_first_by_name_of_equals(hours):
    shorter = hours.filter((pl.col("symbol") != "SYN001") | (pl.col("volume") > 0)).slice(5)
    assert recent_bars(shorter, 3, symbols=1)["symbol"].unique().to_list() == ["SYN002"]
    assert recent_bars(hours, 3, symbols=1)["symbol"].unique().to_list() == ["SYN001"]
    assert recent_bars(hours, 10**6).equals(hours)
