"""The future is changed as named, the past not at all."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.data.probe.perturb import PERTURBATIONS, TESTS, Data

DAYS = [datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 7)]
BARS = pl.DataFrame(
    {
        "timestamp": DAYS,
        "symbol": "A",
        "close": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "trades": [1, 2, 3, 4, 5, 6],
        "small": pl.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=pl.Float32),
        "sector": ["a", "b", "c", "d", "e", "f"],
        "settles": DAYS,
    }
).cast({"timestamp": pl.Datetime("us", "UTC")})
CUT = int(BARS["timestamp"].dt.epoch("us")[2])


def after(test: str) -> pl.DataFrame:
    return Data(BARS, None, 0).after(CUT, test)[0]


def test_by_hand():
    assert after("x10")["close"].to_list() == [1.0, 2.0, 3.0, 40.0, 50.0, 60.0]
    assert after("x10")["trades"].to_list() == [1, 2, 3, 40, 50, 60]
    assert after("sign")["close"].to_list() == [1.0, 2.0, 3.0, -4.0, -5.0, -6.0]
    assert after("nan")["close"].is_nan().to_list() == [False] * 3 + [True] * 3
    assert after("nan")["trades"].to_list() == [1, 2, 3, None, None, None]
    assert after("nan")["sector"].to_list() == ["a", "b", "c", None, None, None]
    assert after("truncated").height == 3


def test_shuffled_rows_stay_rows():
    shuffled = after("shuffled")
    assert sorted(shuffled["close"][3:]) == [4.0, 5.0, 6.0]
    assert shuffled["close"].cast(pl.Int64).equals(shuffled["trades"])
    assert shuffled["sector"].to_list() == [" abcdef"[trades] for trades in shuffled["trades"]]


@pytest.mark.parametrize("test", TESTS)
def test_the_past_the_keys_and_the_types_stay(test):
    changed = after(test)
    assert_frame_equal(changed.head(3), BARS.head(3), check_exact=True)
    assert changed.schema == BARS.schema
    assert changed["settles"].equals(BARS["settles"].head(changed.height))


@pytest.mark.parametrize("test", PERTURBATIONS)
def test_the_future_does_not_stay(test):
    changed = Data(BARS, None, 1).after(CUT, test)[0]
    assert not changed["close"].equals(BARS["close"])


def test_tables_go_by_publication():
    table = BARS.select(about="timestamp", known_at=pl.col("timestamp") + pl.duration(days=2), value="close")
    _, tables = Data(BARS, {"t": table}, 0).after(CUT, "x10")
    assert tables["t"]["value"].to_list() == [1.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert tables["t"].drop("value").equals(table.drop("value"))
