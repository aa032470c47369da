"""Longer bars hold what closed within them, and are given when they have closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError
from gnomon.data.probe import probe_resampling
from gnomon.data.resample import resample_bars

START = datetime(2024, 1, 1, tzinfo=UTC)


def minutes(count: int, first: int = 1, symbol: str = "A") -> pl.DataFrame:
    number = range(first, first + count)
    prices = {"open": [10.0 + n for n in number], "high": [12.0 + n for n in number], "low": [8.0 + n for n in number]}
    stamps = pl.Series([START + timedelta(minutes=n) for n in number]).cast(pl.Datetime("us", "UTC"))
    close = [11.0 + n for n in number]
    return pl.DataFrame({"timestamp": stamps, "symbol": symbol, **prices, "close": close, "volume": 1.0})


def test_by_hand():
    """Minutes 1 to 11 in bars of five: 1-5 was perhaps not seen from its beginning, 6-10 has closed, 11 is open."""
    made = resample_bars(minutes(11), "5m")
    assert made.rows() == [(START + timedelta(minutes=10), "A", 16.0, 22.0, 14.0, 21.0, 5.0)]


def test_a_bar_closes_with_the_clock_even_where_its_last_minute_is_missing():
    bars = pl.concat(
        [minutes(11).filter(pl.col("timestamp") != START + timedelta(minutes=10)), minutes(11, symbol="B")]
    )
    made = resample_bars(bars, "5m").filter(pl.col("symbol") == "A")
    assert made.select("close", "volume").rows() == [(20.0, 4.0)]


def test_holes_are_passed_over():
    hole = pl.col("timestamp") == START + timedelta(minutes=10)
    bars = minutes(12).with_columns(
        pl.when(~hole).then(pl.col(name)).otherwise(float("nan")) for name in ("close", "high")
    )
    assert resample_bars(bars, "5m").select("high", "close").rows() == [(21.0, 20.0)]


def test_other_columns_keep_their_last_value_and_order_does_not_count():
    bars = minutes(12).with_columns(spread=pl.col("close") / 100.0)
    made = resample_bars(bars.sample(fraction=1.0, shuffle=True, seed=1), "5m")
    assert made["spread"].to_list() == [0.21]
    assert_frame_equal(made, resample_bars(bars, "5m"))


@given(first=st.integers(1, 40), count=st.integers(1, 90), every=st.integers(2, 30))
def test_slow_twin(first, count, every):
    bars = minutes(count, first)
    made = resample_bars(bars, f"{every}m")
    groups: dict[int, list[dict]] = {}
    for row in bars.iter_rows(named=True):
        number = int((row["timestamp"] - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) // 60
        groups.setdefault(-(-number // every) * every, []).append(row)
    last = int((bars["timestamp"].max() - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) // 60
    wanted = [
        (
            rows[0]["open"],
            max(r["high"] for r in rows),
            min(r["low"] for r in rows),
            rows[-1]["close"],
            float(len(rows)),
        )
        for end, rows in sorted(groups.items())[1:]
        if end <= last
    ]
    assert made.select("open", "high", "low", "close", "volume").rows() == wanted


def test_what_is_no_longer_bar_is_refused():
    with pytest.raises(ConfigError, match="every must be longer than the bars are"):
        resample_bars(minutes(12), "1m")
    with pytest.raises(ConfigError, match="cannot be read"):
        resample_bars(minutes(12), "quarterly")


def test_every_bar_of_a_history_is_clean_and_open_bars_are_found():
    """The control: the same bars, but the last one is given while it is open, or stamped where it begins."""
    bars = pl.concat([minutes(60), minutes(47, symbol="B")])
    assert probe_resampling(lambda part: resample_bars(part, "7m"), bars, "all").clean

    def grouped(part: pl.DataFrame, label: str) -> pl.DataFrame:
        made = part.group_by_dynamic("timestamp", every="7m", closed="right", label=label, group_by="symbol")
        return made.agg(pl.col("close").last())

    still_open = probe_resampling(lambda part: grouped(part, "right"), bars)
    assert [(leak.column, leak.test, leak.value) for leak in still_open.leaks] == [("close", "truncated", None)]
    assert still_open.level == "resampling"
    assert probe_resampling(lambda part: grouped(part, "left"), bars).leaking == ("close",)
