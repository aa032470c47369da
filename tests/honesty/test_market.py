"""The corpus' market has what its leaks hide behind."""

from __future__ import annotations

from datetime import date

import polars as pl

from gnomon.data.asof import check_publication
from gnomon.honesty.market import HOLE_HOURS, corpus_bars, corpus_tables


def test_it_holds_the_moments_that_leaks_hide_at():
    bars = corpus_bars()
    days = set(bars["timestamp"].dt.date())
    assert {date(2024, 3, 10), date(2024, 3, 31), date(2024, 2, 29)} <= days
    move = bars.select(((pl.col("close") / pl.col("close").shift(1)).over("symbol") - 1.0).fill_nan(None))["close"]
    assert (move < -0.1).sum() == 3
    assert bars["close"].is_nan().sum() == HOLE_HOURS[1] - HOLE_HOURS[0] + 1
    assert bars.group_by("symbol").len()["len"].n_unique() == 2
    assert bars.equals(corpus_bars())


def test_figures_come_out_later_and_are_revised():
    table = corpus_tables()["figures"]
    check_publication(table, name="figures")
    assert (table["known_at"] > table["about"]).all()
    assert table.group_by("about").len()["len"].to_list() == [2] * (table.height // 2)
