"""Adjustment for splits and dividends: levels by hand, the same returns both ways, real factor files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.actions import ACTION_SCHEMA, adjust, apply_actions, read_actions
from gnomon.data.base import PRICES
from gnomon.data.checks import check_bars

START = datetime(2020, 1, 6, 21, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def midnight(number: int) -> datetime:
    return datetime(2020, 1, 6, tzinfo=UTC) + timedelta(days=number)


def raw(closes: list[float], symbol: str = "A") -> pl.DataFrame:
    close = np.asarray(closes)
    return pl.DataFrame(
        {"timestamp": [day(number) for number in range(len(closes))], "symbol": symbol}
        | dict.fromkeys(PRICES, close)
        | {"volume": np.full(len(closes), 100.0)}
    ).cast({"timestamp": pl.Datetime("us", "UTC")})


def actions(*rows: tuple[int, float, float], symbol: str = "A") -> pl.DataFrame:
    """(day, split, dividend)"""
    table = [(midnight(number), symbol, split, dividend) for number, split, dividend in rows]
    return read_actions(pl.DataFrame(table, schema=["timestamp", "symbol", "split", "dividend"], orient="row"))


def test_a_split_and_a_dividend_by_hand() -> None:
    # 2:1 on day 2, a dividend of 1 on a close of 50 on day 3.
    bars = raw([100.0, 100.0, 50.0, 49.0])
    table = actions((2, 2.0, 0.0), (3, 1.0, 1.0))
    backward = adjust(bars, table)
    assert backward["close"].to_list() == pytest.approx([49.0, 49.0, 49.0, 49.0])
    assert backward["volume"].to_list() == [200.0, 200.0, 100.0, 100.0], "by the split only"
    forward = adjust(bars, table, method="forward")
    assert forward["close"].to_list() == pytest.approx([100.0] * 4)
    assert forward["volume"].to_list() == [100.0, 100.0, 50.0, 50.0]
    assert backward["open"].to_list() == backward["close"].to_list()


def test_both_on_one_day_take_the_dividend_of_the_old_shares() -> None:
    # 5:1 and 5 a share of the old ones on 500: 99% of it in fifths.
    assert adjust(raw([500.0, 99.0]), actions((1, 5.0, 5.0)))["close"].to_list() == pytest.approx([99.0, 99.0])


def test_a_bar_that_closes_at_the_moment_of_an_action_is_before_it() -> None:
    bars = raw([10.0, 10.0, 5.0])
    at_close = actions((0, 2.0, 0.0)).with_columns(effective=pl.lit(day(1)).cast(pl.Datetime("us", "UTC")))
    for method, expected in (("backward", [5.0, 5.0, 5.0]), ("forward", [10.0, 10.0, 10.0])):
        assert adjust(bars, at_close, method=method)["close"].to_list() == expected  # type: ignore[arg-type]


def test_symbols_do_not_mix_and_order_and_extras_stay() -> None:
    bars = pl.concat([raw([10.0, 5.0]), raw([7.0, 7.0], symbol="B")]).with_columns(extra=pl.lit("x"))
    after = adjust(bars, actions((1, 2.0, 0.0)))
    assert after["close"].to_list() == [5.0, 5.0, 7.0, 7.0]
    assert_frame_equal(after.select("timestamp", "symbol", "extra"), bars.select("timestamp", "symbol", "extra"))


def test_without_actions_bars_stay_bit_for_bit() -> None:
    bars = raw([0.1, 0.2, 0.3])
    assert_frame_equal(adjust(bars, actions((-5, 2.0, 0.0), (9, 1.0, 0.0))), bars, check_exact=True)
    assert_frame_equal(adjust(bars, actions((1, 2.0, 0.0), symbol="Z")), bars, check_exact=True)


closes = st.lists(st.floats(1, 1000), min_size=8, max_size=30)
tables = st.lists(
    st.tuples(st.integers(1, 28), st.sampled_from([1.0, 2.0, 0.1, 1.5]), st.floats(0, 0.9)),
    max_size=6,
    unique_by=lambda x: x[0],
)


@given(closes, tables)
def test_both_methods_have_the_same_returns(prices: list[float], rows: list[tuple[int, float, float]]) -> None:
    table, bars = actions(*rows), raw(prices)
    returns = [
        adjust(bars, table, method=method)["close"].pct_change().drop_nulls().to_numpy()  # type: ignore[arg-type]
        for method in ("backward", "forward")
    ]
    np.testing.assert_allclose(returns[0], returns[1], rtol=1e-9, atol=1e-9)
    assert adjust(bars, table)["close"][-1] == pytest.approx(prices[-1]), "backward keeps the last price"
    assert adjust(bars, table, method="forward")["close"][0] == prices[0], "forward keeps the first"


@given(closes, tables, st.integers(0, 28))
def test_forward_levels_never_look_ahead(prices: list[float], rows: list[tuple[int, float, float]], cut: int) -> None:
    bars = raw(prices)
    known = [row for row in rows if row[0] <= cut]
    past = pl.col("timestamp") <= day(cut)
    whole, part = (adjust(bars, actions(*some), method="forward").filter(past) for some in (rows, known))
    assert_frame_equal(whole, part, check_exact=True)


def test_backward_levels_do_look_ahead() -> None:
    """The control of the test above, and why the module says so."""
    bars = raw([10.0, 10.0, 5.0])
    assert adjust(bars, actions((2, 2.0, 0.0)))["close"][0] != adjust(bars, actions())["close"][0]


def test_factor_files_become_actions() -> None:
    factors = pl.DataFrame(
        {
            "timestamp": [midnight(0), midnight(2), midnight(400)],
            "symbol": "A",
            "price_factor": [0.9, 0.95, 1.0],
            "split_factor": [0.5, 1.0, 1.0],
        }
    )
    table = read_actions(factors)
    assert table["effective"].to_list() == [midnight(1), midnight(3)]
    assert table["split"].to_list() == [2.0, 1.0]
    assert table["factor"].to_list() == pytest.approx([0.9 / 0.95, 0.95])
    # On and before each stamped date, the price times both factors.
    after = adjust(raw([100.0, 50.0, 50.0, 47.5]), table)
    assert after["close"].to_list() == pytest.approx([45.0, 47.5, 47.5, 47.5])


def test_tables_of_one_factor_a_day() -> None:
    table = read_actions(
        pl.DataFrame(
            {"timestamp": [midnight(1), midnight(2)], "symbol": "A", "price_factor": [0.5, 0.99]}
            | {"type": ["split_or_large", "dividend"]}
        )
    )
    after = adjust(raw([100.0, 50.0, 49.5]), table)
    assert after["close"].to_list() == pytest.approx([49.5] * 3)
    assert after["volume"].to_list() == [200.0, 100.0, 100.0]


def test_yahoo_writes_no_split_as_zero() -> None:
    table = read_actions(
        pl.DataFrame(
            {"timestamp": [midnight(1), midnight(2)], "symbol": "A", "split": [0.0, 2.0], "dividend": [None, 0.0]}
        )
    )
    assert table.select("split", "dividend", "factor").rows() == [(2.0, 0.0, 1.0)]
    assert table.schema == ACTION_SCHEMA


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"symbol": "A", "split": 2.0}, "timestamp"),
        ({"timestamp": midnight(1), "split": 2.0}, "symbol"),
        ({"timestamp": midnight(1), "symbol": "A", "ratio": 2.0}, "price_factor"),
        ({"timestamp": midnight(1), "symbol": "A", "split": -2.0}, "above zero"),
        ({"timestamp": midnight(1), "symbol": "A", "split": float("nan")}, "unusable"),
        ({"timestamp": midnight(1), "symbol": "A", "dividend": -1.0}, "not negative"),
        ({"timestamp": [midnight(1)] * 2, "symbol": ["A"] * 2, "split": [2.0, 3.0]}, "share symbol and moment"),
    ],
)
def test_unusable_tables_are_refused_in_words(columns: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_actions(
            pl.DataFrame({name: value if isinstance(value, list) else [value] for name, value in columns.items()})
        )


def test_a_dividend_in_another_unit_is_refused() -> None:
    with pytest.raises(DataError, match="pence") as caught:
        adjust(raw([10.0, 10.0]), actions((1, 1.0, 50.0)))
    assert caught.value.rows is not None


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="backward or forward"):
        adjust(raw([1.0]), actions(), method="sideways")  # type: ignore[arg-type]


def test_the_table_is_read_from_its_configured_source(tmp_path: Path) -> None:
    import gnomon.data.sources  # noqa: F401

    path = tmp_path / "actions.csv"
    path.write_text("date,symbol,split,dividend\n2020-01-07,A,2,0\n")
    section = {"kind": "csv", "path": str(path), "columns": {"timestamp": "date"}, "zone": "UTC"}
    assert apply_actions(raw([10.0, 5.0]), section)["close"].to_list() == [5.0, 5.0]
    assert apply_actions(raw([10.0, 5.0]), section, method="forward")["close"].to_list() == [10.0, 10.0]


@pytest.mark.parametrize("method", ["backward", "forward"])
def test_real_split_days_have_no_jump_after_adjustment(real_data: Path, method: Literal["backward", "forward"]) -> None:
    folder = real_data / "B_daily"
    bars = pl.read_parquet(folder / "lean_daily_unadjusted_aapl_spy_1998_2021.parquet")
    # The file is stamped with the session's date; New York closes at 20:00 or 21:00 UTC.
    bars = bars.with_columns(pl.col("timestamp") + timedelta(hours=21))
    factors = pl.read_parquet(folder / "lean_factors_aapl_spy.parquet")
    table = read_actions(factors)
    splits = table.filter(pl.col("split") != 1)
    assert splits["effective"].dt.date().cast(pl.String).to_list() == [
        "2000-06-21", "2005-02-26", "2014-06-07", "2020-08-29"
    ]  # fmt: skip
    adjusted = adjust(bars, table, method=method)

    def moves(frame: pl.DataFrame) -> pl.DataFrame:
        change = pl.col("close") / pl.col("close").shift().over("symbol") - 1
        ex_days = frame.with_columns(change=change).sort("timestamp").join_asof(
            splits.select("effective", "symbol", "split"), left_on="timestamp", right_on="effective", by="symbol",
            tolerance="3d", check_sortedness=False,
        )  # fmt: skip
        return ex_days.filter(pl.col("split").is_not_null()).unique(
            ["symbol", "effective"], keep="first", maintain_order=True
        )

    assert moves(bars)["change"].abs().min() > 0.4, "the control: unadjusted, each of the four jumps"
    assert moves(adjusted)["change"].abs().max() < 0.11
    assert "splits" in {issue.check for issue in check_bars(bars).issues}
    if method == "backward":
        # The factor file itself: on and before each stamped date, the price times both factors.
        stamped = factors.sort("timestamp").with_columns(pl.col("timestamp") + timedelta(hours=21))
        by_file = bars.sort("timestamp").join_asof(
            stamped, on="timestamp", by="symbol", strategy="forward", check_sortedness=False
        ).sort("symbol", "timestamp")  # fmt: skip
        expected = by_file["close"] * by_file["price_factor"] * by_file["split_factor"]
        np.testing.assert_allclose(adjusted["close"].to_numpy(), expected.to_numpy(), rtol=1e-12)


def test_real_actions_of_many_symbols(real_data: Path) -> None:
    folder = real_data / "B_daily"
    bars = pl.read_parquet(folder / "us_equities_ascrawled_A_L_2015_2016.parquet")
    bars = bars.with_columns(pl.col("timestamp") + timedelta(hours=21))
    table = read_actions(pl.read_parquet(folder / "us_corporate_actions_A_L_2015_2016.parquet"))
    before, after = (
        sum(issue.count for issue in check_bars(frame).issues if issue.check == "splits")
        for frame in (bars, adjust(bars, table))
    )
    # What is left are crashes of half or more, and events on days that the source did not crawl.
    assert before > 50
    assert after <= before / 3
