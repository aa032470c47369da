"""The market data in the box."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gnomon.core.errors import ConfigError
from gnomon.data.base import SOURCES, TABLES, Query
from gnomon.data.checks import check_bars


def test_it_is_arch_s_data_at_session_closes() -> None:
    # The package itself takes seconds to import; its file is enough of an oracle.
    spec = importlib.util.find_spec("arch")
    assert spec is not None
    assert spec.origin is not None
    frame = pd.read_csv(Path(spec.origin).parent / "data" / "sp500" / "sp500.csv.gz", parse_dates=["Date"], index_col=0)
    bars = SOURCES.create("embedded").fetch(Query(symbols=("SP500",))).collect()
    assert len(bars) == len(frame) == 5031
    for ours, theirs in (
        ("open", "Open"),
        ("high", "High"),
        ("low", "Low"),
        ("close", "Close"),
        ("adj_close", "Adj Close"),
    ):
        np.testing.assert_allclose(bars[ours].to_numpy(), frame[theirs].to_numpy(), rtol=1e-15)
    assert bars["volume"].to_list() == frame["Volume"].astype(float).to_list()
    assert [moment.date() for moment in bars["timestamp"]] == [moment.date() for moment in frame.index]
    assert set(bars["timestamp"].dt.hour()) == {17, 18, 20, 21}  # half days and whole ones, summer and winter


def test_it_has_both_indices_and_passes_the_checks() -> None:
    bars = SOURCES.create("embedded").fetch(Query()).collect()
    assert bars["symbol"].unique().sort().to_list() == ["NASDAQ", "SP500"]
    assert bars.height == 2 * 5031
    assert check_bars(bars, calendar="XNYS").errors == ()
    with pytest.raises(ConfigError, match="unknown embedded symbol 'SPX'; did you mean 'SP500'"):
        SOURCES.create("embedded", symbols=["SPX"])


def test_side_tables_are_known_after_they_were_published() -> None:
    vix = TABLES.create("embedded_table", table="vix").read()
    # 3 January 2014: New York closes at 21:00 UTC.
    assert vix.row(0) == (datetime(2014, 1, 3, 21, 15, tzinfo=UTC), 13.76)
    cpi = TABLES.create("embedded_table", table="cpi").read()
    # The figure of September 2013 came out on 30 October, in the shutdown.
    september = cpi.filter(
        cpi["cpi"] == cpi["cpi"].gather(cpi["known_at"].search_sorted(datetime(2013, 10, 31, tzinfo=UTC)))[0]
    )
    assert september["known_at"][0] >= datetime(2013, 10, 30, 12, 30, tzinfo=UTC)
    wti = TABLES.create("embedded_table", table="wti").read()
    assert wti["known_at"][0] == datetime(1986, 1, 11, tzinfo=UTC)
    for table, rows in ((vix, 1259), (wti, 8321), (cpi, 743)):
        assert table.height == rows
        assert table["known_at"].is_sorted()
        assert table.null_count().sum_horizontal()[0] == 0
