"""Columns, numbers and order: what is read, and what is refused with its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import DataError
from gnomon.data.bars import in_order, join_bars, to_bars
from gnomon.data.base import BAR_SCHEMA
from gnomon.data.reading import Reading

STAMPS = ["2020-01-02 15:00Z", "2020-01-02 15:01Z", "2020-01-02 15:02Z"]


def frame(**columns: Any) -> pl.DataFrame:
    base: dict[str, Any] = {
        "Timestamp": STAMPS,
        "Symbol": ["A"] * 3,
        "Open": [1.0, 2.0, 3.0],
        "High": [2.0, 3.0, 4.0],
        "Low": [0.5, 1.5, 2.5],
        "Close": [1.5, 2.5, 3.5],
        "Volume": [10, 20, 30],
    }
    base.update(columns)
    return pl.DataFrame({name: values for name, values in base.items() if values is not None})


def read(table: pl.DataFrame, **fields: Any) -> pl.DataFrame:
    return to_bars(table, Reading(**{"stamp": "close", **fields}), origin="prices.csv", line=lambda row: row + 2)


def test_bars_have_the_schema_and_keep_extras() -> None:
    bars = read(frame(trades=["7", "", "9"], venue=["X", "Y", "Z"]))
    assert dict(bars.schema) == {**BAR_SCHEMA, "trades": pl.Int64, "venue": pl.String}
    assert bars["open"].to_list() == [1.0, 2.0, 3.0]
    assert bars["trades"].to_list() == [7, None, 9]
    assert read(frame(trades=[1, 2, 3]), extras=False).columns == list(BAR_SCHEMA)


def test_columns_are_mapped_and_one_may_serve_several() -> None:
    table = pl.DataFrame({"when": STAMPS, "px": [1.0, 2.0, 3.0], "n": [1, 2, 3]})
    columns = {"timestamp": "when", **dict.fromkeys(("open", "high", "low", "close"), "px"), "trades": "n"}
    bars = read(table, columns=columns, symbol="B", constants={"volume": 0})
    assert bars.columns == [*BAR_SCHEMA, "trades"]
    assert bars["low"].to_list() == [1.0, 2.0, 3.0]
    assert bars["volume"].to_list() == [0.0, 0.0, 0.0]
    assert bars["symbol"].unique().to_list() == ["B"]


@pytest.mark.parametrize(
    ("table", "fields", "fault"),
    [
        (frame(Volume=None), {}, "no column for volume; its columns are .*constants: {volume: 0}"),
        (frame(Symbol=None), {}, "or give `symbol: NAME`"),
        (frame(), {"columns": {"close": "Clos"}}, "no column 'Clos' .* did you mean 'Close'"),
        (frame(close=[1, 2, 3]), {}, "2 columns that could be 'close'"),
        (frame(close=[1, 2, 3]), {"columns": {"close": "Close"}}, "its own column 'close'"),
        (frame()[:0], {}, "holds no rows"),
        (frame(Symbol=["A", " A", "A"]), {}, "line 3, column 'symbol' is ' A'"),
        (frame(Symbol=["A", None, "A"]), {}, "line 3, column 'symbol' is empty"),
        (frame(Open=[[1], [2], [3]]), {}, "'open' of prices.csv is List"),
        (frame(Close=["1", "x", "1,5"]), {}, "line 3, column 'close' is 'x': 2 values are not numbers"),
        (frame(Close=[1.0, None, 2.0]), {}, "line 3, column 'close' is empty: 1 values are empty; say `nulls: nan`"),
        (frame(Close=["1", "NA", "2"]), {}, "'NA': 1 values are not numbers"),
        (frame(Close=["1.234,5", "1", "2"]), {"decimal": ","}, "'1.234,5': 1 values are not numbers"),
        (frame(Timestamp=[STAMPS[1], STAMPS[0], STAMPS[2]]), {}, "line 3, .* earlier than their symbol's row before"),
        (frame(Timestamp=[STAMPS[2], STAMPS[0], STAMPS[1]]), {}, "say `sort: true`"),
    ],
)
def test_what_cannot_be_read_is_refused(table: pl.DataFrame, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        read(table, **fields)


def test_an_error_carries_its_rows() -> None:
    with pytest.raises(DataError) as refused:
        read(frame(Close=["1", "x", "y"]))
    assert refused.value.rows is not None
    assert refused.value.rows.rows() == [("prices.csv", 3, "close", "x"), ("prices.csv", 4, "close", "y")]
    with pytest.raises(DataError) as refused:
        to_bars(frame(Close=[1.0, None, 2.0]), Reading(stamp="close"))
    assert refused.value.rows is not None
    assert refused.value.rows.columns == ["file", "row", "column", "value"]
    assert refused.value.rows["row"].to_list() == [2]


def test_declared_nulls_become_nan_and_nothing_else_changes() -> None:
    bars = read(frame(Close=["1", "NA", ""]), nulls="nan", null_values=("NA",))
    assert np.isnan(bars["close"].to_numpy()).tolist() == [False, True, True]
    assert bars["close"].null_count() == 0


def test_scales_and_decimal_commas_are_read() -> None:
    bars = read(frame(Open=[1_672_700] * 3), price_scale=10_000)
    assert bars["open"][0] == 167.27
    assert bars["volume"].to_list() == [10.0, 20.0, 30.0]
    assert read(frame(Close=["1,5", "2", " 3,25 "]), decimal=",")["close"].to_list() == [1.5, 2.0, 3.25]


def test_a_wholly_descending_frame_is_turned_round() -> None:
    bars = read(frame().reverse())
    assert bars.equals(read(frame()))


def test_order_is_within_a_symbol_however_symbols_are_mixed() -> None:
    one = frame()
    two = frame(Symbol=["B"] * 3)
    whole = pl.concat([one, two])
    mixed = whole.with_row_index().sort("Timestamp", "index", maintain_order=True).drop("index")
    expected = read(whole)
    assert in_order(expected)
    assert read(mixed).equals(expected)
    assert read(pl.concat([two, one])).equals(expected)


def test_rows_of_an_error_are_those_of_the_source_when_the_frame_was_turned_round() -> None:
    table = frame(Timestamp=["2012-11-26", "2012-11-25", "2012-11-23"])
    with pytest.raises(DataError, match="line 3, column 'timestamp' is '2012-11-25'"):
        read(table, stamp=None, session_close="XNYS")


@given(st.permutations(range(6)))
def test_disorder_is_refused_and_declared_sorting_ends_in_one_order(order: list[int]) -> None:
    stamps = [f"2020-01-02 15:0{i}Z" for i in range(6)]
    numbers = [float(i) for i in range(6)]
    whole = frame(
        Timestamp=stamps, Symbol=["A"] * 6, Volume=[1] * 6, **dict.fromkeys(("Open", "High", "Low", "Close"), numbers)
    )
    shuffled = whole[list(order)]
    assert read(shuffled, sort=True).equals(read(whole))
    if order in (sorted(order), sorted(order, reverse=True)):
        assert read(shuffled).equals(read(whole))
    else:
        with pytest.raises(DataError, match="than their symbol's row before"):
            read(shuffled)


def test_files_join_and_must_have_the_same_columns() -> None:
    one, two = read(frame(n=[1, 2, 3])), read(frame(Symbol=["0"] * 3, n=[1.5, 2, 3]))
    joined = join_bars([("one", one), ("two", two)])
    assert in_order(joined)
    assert joined["n"].to_list() == [1.5, 2.0, 3.0, 1.0, 2.0, 3.0]
    text = read(frame(Symbol=["C"] * 3, n=["x", "y", "z"]))
    assert join_bars([("one", one), ("three", text)])["n"].to_list() == ["1", "2", "3", "x", "y", "z"]
    with pytest.raises(DataError, match="one and four differ in the columns n"):
        join_bars([("one", one), ("four", read(frame()))])
