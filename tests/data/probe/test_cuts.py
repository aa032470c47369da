"""Cuts meet the moments at which leaks hide."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from gnomon.data.probe.cuts import choose_cuts
from gnomon.data.synthetic import Market, market_bars


def moments(cuts: list[int]) -> pl.Series:
    return pl.Series(cuts).cast(pl.Datetime("us", "UTC"))


def test_every_moment_but_the_last_when_there_are_few(few):
    stamps = few["timestamp"].unique().sort()
    assert choose_cuts(few, 10_000) == stamps[:-1].to_physical().to_list()


@pytest.mark.parametrize("count", [1, 16, 64, 200])
def test_as_many_as_asked_for_in_order_and_never_the_last(hours, count):
    cuts = choose_cuts(hours, count)
    assert len(cuts) == count
    assert cuts == sorted(set(cuts))
    assert cuts[-1] < hours["timestamp"].dt.epoch("us").max()


def test_the_kinds_of_moment_are_met_by_64(hours):
    cuts = moments(choose_cuts(hours, 64))
    assert cuts[0] == hours["timestamp"].min()
    assert set(cuts.dt.weekday()) == set(range(1, 8))
    assert len(set(cuts.dt.hour())) >= 16
    quarters = set(zip(cuts.dt.weekday(), cuts.dt.hour() // 6, strict=True))
    assert (5, 2) in quarters or (5, 3) in quarters
    assert (cuts.dt.date() == cuts.dt.month_end().dt.date()).any()
    new_york = cuts.dt.convert_time_zone("America/New_York").dt.date()
    london = cuts.dt.convert_time_zone("Europe/London").dt.date()
    assert date(2024, 3, 10) in set(new_york)
    assert date(2024, 3, 31) in set(london)


def test_the_bar_after_which_the_market_fell_is_met(hours):
    crashed = hours.with_columns(
        close=pl.when(pl.int_range(pl.len()) == 333).then(pl.col("close") * 0.7).otherwise("close")
    )
    assert crashed["timestamp"][333] in set(moments(choose_cuts(crashed, 64)))


def test_the_last_bar_before_a_publication_is_met(hours):
    start = hours["timestamp"].min()
    known = [start + timedelta(hours=hour, minutes=30) for hour in (100, 500)]
    table = pl.DataFrame({"known_at": known, "value": [1.0, 2.0]})
    cuts = set(moments(choose_cuts(hours, 64, tables={"cpi": table})))
    assert {start + timedelta(hours=100), start + timedelta(hours=500)} <= cuts


def test_the_ends_of_holes_are_met(hours):
    holed = hours.with_columns(
        close=pl.when(pl.int_range(pl.len()).is_between(400, 410)).then(float("nan")).otherwise("close")
    )
    assert hours["timestamp"][410] in set(moments(choose_cuts(holed, 64)))


def test_a_late_listing_is_met(hours):
    late = hours.filter((pl.col("symbol") == "SYN001") | (pl.col("timestamp") >= datetime(2024, 3, 20, tzinfo=UTC)))
    assert datetime(2024, 3, 20, tzinfo=UTC) in set(moments(choose_cuts(late, 64)))


def test_daily_bars_without_numbers_have_cuts_too():
    bars = market_bars(Market(symbols=1, start=date(2020, 1, 1), end=date(2021, 1, 1))).select("timestamp", "symbol")
    cuts = moments(choose_cuts(bars, 64))
    assert len(cuts) == 64
    # The clocks changed on Sunday, 8 March: Monday's bar is the first after.
    assert date(2020, 3, 9) in set(cuts.dt.date())


def test_the_same_seed_the_same_cuts(hours):
    assert choose_cuts(hours, 64) == choose_cuts(hours, 64)
    assert choose_cuts(hours, 64, seed=1) != choose_cuts(hours, 64)
