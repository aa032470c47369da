"""On real bars: the default features are clean, planted leaks are found."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from gnomon.data.probe import probe_lookahead, recent_bars
from gnomon.features.sets import FeatureSet
from gnomon.honesty import leaky

IN_ANY_MARKET = {"holes_interpolated", "holes_filled_with_mean", "clock_change", "one_symbol", "after_a_crash"}
"""Leaks that need what the corpus' own market has: holes, its dates, its symbols."""


def test_features_of_a_crypto_year_are_clean_and_leaks_in_it_are_found(real_data: Path):
    bars = pl.read_parquet(real_data / "A_intraday" / "crypto_binance_1h_2022.parquet")
    sample = recent_bars(bars, 800, symbols=2).with_columns(pl.col("timestamp") + pl.duration(hours=1))
    assert probe_lookahead(FeatureSet.default().compute, sample, 32).leaks == ()
    planted = {n: e.over("symbol") for n, (_, e) in leaky.EXPRESSIONS.items() if n not in IN_ANY_MARKET}
    report = probe_lookahead(lambda part: part.select("timestamp", "symbol", **planted), sample)
    assert set(planted) - set(report.leaking) == set()


def test_features_of_daily_stocks_with_a_side_table_are_clean(real_data: Path):
    bars = pl.read_parquet(real_data / "B_daily" / "us_stocknet_daily_adj_A_L_2012_2017.parquet")
    sample = recent_bars(bars, 500, symbols=3).with_columns(pl.col("timestamp") + pl.duration(hours=21))
    days = sample.select(known_at="timestamp").unique().sort("known_at")
    vix = days.with_columns(vix=15.0 + (pl.int_range(pl.len()) % 11).cast(pl.Float64))
    features = FeatureSet.default(tables=["vix"])
    assert "vix" in features.tables
    report = probe_lookahead(features.compute, sample, 32, tables={"vix": vix})
    assert report.leaks == ()
    assert report.empty == ()
