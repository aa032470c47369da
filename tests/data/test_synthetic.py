"""Synthetic markets: seeded, consistent, and with the facts that real ones have; a control has none of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import ConfigError
from gnomon.data.base import BAR_SCHEMA, SOURCES, Query
from gnomon.data.calendars import expected_stamps
from gnomon.data.checks import check_bars
from gnomon.data.digest import hash_bars
from gnomon.data.synthetic import Market, iterate_bars, market_bars, universe

LONG = Market(symbols=12, start=date(2000, 1, 1), end=date(2020, 1, 1), seed=5)


@pytest.fixture(scope="module")
def long_bars() -> pl.DataFrame:
    return with_moves(market_bars(LONG))


def with_moves(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.with_columns(
        move=pl.col("close").log().diff().over("symbol"), inside=(pl.col("close") / pl.col("open")).log()
    )


def memory(bars: pl.DataFrame) -> float:
    """Autocorrelation of squared moves, a robust one: of absolute moves."""
    return float(bars.select(pl.corr(pl.col("move").abs(), pl.col("move").abs().shift().over("symbol"))).item())


@given(
    seed=st.integers(0, 1000),
    frequency=st.sampled_from(["5m", "1h", "1d", "1w"]),
    calendar=st.sampled_from(["XNYS", "XHKG", "24/7"]),
    model=st.sampled_from(["garch", "regime", "constant"]),
    tick=st.sampled_from([0.0, 0.01, 0.25]),
)
def test_any_market_is_bars_on_its_calendar(seed: int, frequency: str, calendar: str, model: Any, tick: float) -> None:
    market = Market(
        symbols=2, start=date(2020, 3, 1), end=date(2020, 4, 1), seed=seed, frequency=frequency, calendar=calendar,
        model=model, tick=tick,
    )  # fmt: skip
    bars = market_bars(market)
    assert dict(bars.schema) == dict(BAR_SCHEMA)
    assert check_bars(bars).errors == ()
    stamps = expected_stamps(calendar, frequency, datetime(2020, 3, 1, tzinfo=UTC), datetime(2020, 4, 1, tzinfo=UTC))
    for part in bars.partition_by("symbol", as_dict=True).values():
        assert part["timestamp"].equals(stamps.rename("timestamp"))
    if tick:
        steps = bars["close"].to_numpy() / tick
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)


def test_the_seed_decides_every_bit() -> None:
    small = Market(symbols=3, start=date(2020, 1, 1), end=date(2020, 6, 1))
    assert hash_bars(market_bars(small)) == hash_bars(pl.concat(list(iterate_bars(small))))
    other = Market(symbols=3, start=date(2020, 1, 1), end=date(2020, 6, 1), seed=8)
    assert hash_bars(market_bars(small)) != hash_bars(market_bars(other))
    fewer = Market(symbols=("SYN002",), start=date(2020, 1, 1), end=date(2020, 6, 1))
    assert market_bars(fewer).equals(market_bars(small).filter(symbol="SYN002"))


def test_it_has_the_facts_of_real_markets(long_bars: pl.DataFrame) -> None:
    facts = long_bars.select(vol=pl.col("move").std() * 252**0.5, tails=pl.col("move").kurtosis())
    assert facts["vol"][0] == pytest.approx(0.20, abs=0.03)
    assert facts["tails"][0] > 3
    assert memory(long_bars) > 0.1
    wide = long_bars.pivot("symbol", index="timestamp", values="move").drop("timestamp").drop_nulls()
    pairs = np.corrcoef(wide.to_numpy().T)[np.triu_indices(12, 1)]
    assert pairs.mean() == pytest.approx(0.3, abs=0.05)
    # Parkinson's range estimator sees the volatility of the moves inside bars.
    spread = long_bars.select(((pl.col("high") / pl.col("low")).log() ** 2).mean() / (4 * np.log(2))).item()
    assert spread == pytest.approx(long_bars.select(pl.col("inside").var()).item(), rel=0.05)


def test_a_market_without_them_is_told_apart() -> None:
    flat = Market(
        symbols=12, start=date(2000, 1, 1), end=date(2020, 1, 1), seed=5, model="constant", degrees_of_freedom=300
    )
    bars = with_moves(market_bars(flat))
    assert memory(bars) < 0.03
    assert bars.select(pl.col("move").kurtosis()).item() < 1
    assert (
        memory(
            with_moves(market_bars(Market(symbols=12, start=date(2000, 1, 1), end=date(2020, 1, 1), model="regime")))
        )
        > 0.1
    )


def test_a_planted_signal_has_its_information_coefficient_and_no_other_reach() -> None:
    planted = Market(symbols=40, start=date(2000, 1, 1), end=date(2020, 1, 1), signal_ic=0.10, model="constant")
    bars = with_moves(market_bars(planted)).with_columns(
        following=pl.col("inside").shift(-1).over("symbol"), later=pl.col("inside").shift(-2).over("symbol")
    )
    found = bars.drop_nulls().select(
        ic=pl.corr("signal", "following"), same=pl.corr("signal", "inside"), later=pl.corr("signal", "later")
    )
    assert found["ic"][0] == pytest.approx(0.10, abs=0.012)
    assert abs(found["same"][0]) < 0.012
    assert abs(found["later"][0]) < 0.012
    null = market_bars(
        Market(symbols=40, start=date(2000, 1, 1), end=date(2020, 1, 1), signal_ic=0.0, model="constant")
    )
    empty = with_moves(null).with_columns(following=pl.col("inside").shift(-1).over("symbol")).drop_nulls()
    assert abs(empty.select(pl.corr("signal", "following")).item()) < 0.012


def test_sessions_are_u_shaped() -> None:
    bars = with_moves(market_bars(Market(symbols=2, start=date(2019, 1, 1), end=date(2020, 1, 1), frequency="30m")))
    by_hour = bars.with_columns(slot=pl.int_range(pl.len()).over("symbol", pl.col("timestamp").dt.date()))
    slots = by_hour.group_by("slot").agg(pl.col("volume").mean(), pl.col("inside").std()).sort("slot")
    middle = slots["volume"][6]
    assert slots["volume"][0] > 1.5 * middle
    assert slots["volume"][12] > 1.5 * middle
    assert slots["inside"][0] > 1.2 * slots["inside"][6]


def test_symbols_are_listed_and_delisted() -> None:
    market = Market(symbols=10, start=date(2015, 1, 1), end=date(2020, 1, 1), late_listings=0.3, delistings=0.4)
    lives, bars = universe(market), market_bars(market)
    assert (lives["listed"] > lives["listed"].min()).sum() == 3
    assert lives["delisted"].null_count() == 6
    for symbol, listed, delisted in lives.iter_rows():
        part = bars.filter(symbol=symbol)["timestamp"]
        assert part.min() == listed
        assert part.max() == (delisted or bars["timestamp"].max())


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"symbols": 0}, "symbols must be"),
        ({"symbols": ("A", "A")}, "distinct names"),
        ({"start": date(2021, 1, 1)}, "not before end"),
        ({"volatility": -1}, "volatility must be from 0 to 10"),
        ({"signal_ic": 2.0}, "signal_ic must be"),
        ({"degrees_of_freedom": 2.0}, "above 2"),
        ({"price": 0.0}, "price|tick"),
        ({"calendar": "XNY"}, "unknown calendar"),
        ({"start": date(2019, 12, 31), "end": date(2020, 1, 1)}, "has 1 bars of 1d"),
    ],
)
def test_markets_that_cannot_be_are_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        market_bars(Market(**fields))


def test_it_is_a_source() -> None:
    bars = SOURCES.create("synthetic", symbols=["A", "B"], start="2020-01-01", end="2020-02-01").fetch(
        Query(symbols=("B",))
    )
    assert bars.collect()["symbol"].unique().to_list() == ["B"]
