"""Real files as they were found: read after the right declaration, or refused with the fault named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gnomon.core.errors import DataError
from gnomon.data.read import read_bars

UTC = {"zone": "UTC"}
NO_VOLUME = {"constants": {"volume": 0}}
YAHOO = {"columns": {"timestamp": "Date"}, "session_close": "XNYS"}
GOOGLE = {"columns": {"timestamp": ""}, "session_close": "XNYS", "symbol_from_name": "(?:NYSE|NASDAQ)_(.+)_30Y"}
LEAN = {
    "header": False,
    "columns": {"time": "ms"},
    "unit": "ms",
    "date_from_name": r"_(\d{8})_",
    "date_format": "%Y%m%d",
    "zone": "America/New_York",
    "stamp": "open",
    "price_scale": 10000,
    "symbol": "SPY",
}

READ: list[tuple[str, dict[str, Any], int, str]] = [
    # file, declaration, bars, first close of a bar in UTC
    (
        "bitfinex_btcusd_1m_2016_merged.csv.gz",
        {
            "header": False,
            "names": ("timestamp", "open", "close", "high", "low", "volume"),
            "unit": "ms",
            "stamp": "open",
            "symbol": "BTCUSD",
        },
        293_230,
        "2016-01-01 00:01:00",
    ),
    (
        "cryptodatadownload_btcusd_1h.csv.gz",
        {
            "skip_rows": 1,
            "columns": {"timestamp": "date", "volume": "volume_btc", "volume_usd": "volume"},
            "date_format": "%Y-%m-%d %I-%p",
            "stamp": "open",
            "sort": True,
            **UTC,
        },
        0,
        "",
    ),
    (
        "dukascopy_eurusd_1h_ask.csv",
        {
            "columns": {"timestamp": "Time"},
            "date_format": "%d.%m.%Y %H:%M:%S%.f",
            "stamp": "open",
            "symbol": "EURUSD",
            **UTC,
        },
        6225,
        "2017-01-01 23:00:00",
    ),
    (
        "eurostoxx_5m_200601.txt",
        {
            "columns": {"date": "Date", "time": "Time"},
            "zone": "Europe/Berlin",
            "stamp": "close",
            "symbol": "SX5E",
        },
        2142,
        "2006-01-02 08:05:00",
    ),
    (
        "fesx_1m_200601_badheader.txt.gz",
        {
            "header": False,
            "skip_rows": 1,
            "names": ("date", "time", "open", "high", "low", "close", "volume", "interest"),
            "columns": {"date": "date", "time": "time"},
            "zone": "Europe/Berlin",
            "stamp": "close",
            "symbol": "FESX",
        },
        0,
        "2006-01-02 08:01:00",
    ),
    (
        "freqtrade_UNITTEST_BTC-1m.json.gz",
        {
            "names": ("timestamp", "open", "high", "low", "close", "volume"),
            "unit": "ms",
            "stamp": "open",
            "symbol": "UNITTEST/BTC",
        },
        13_681,
        "",
    ),
    (
        "ninjatrader_spy_1m_201101.csv.gz",
        {
            "header": False,
            "delimiter": ";",
            "names": ("timestamp", "open", "high", "low", "close", "volume"),
            "date_format": "%Y%m%d %H%M%S",
            "stamp": "close",
            "symbol": "SPY",
            **UTC,
        },
        0,
        "2011-01-03 09:01:00",
    ),
    ("quandl_wiki_AAPL_2011.csv", {**YAHOO, "symbol": "AAPL"}, 252, "2011-01-03 21:00:00"),
    ("yahoo_orcl_1995_2014.csv.gz", {**YAHOO, "symbol": "ORCL"}, 0, "1995-01-03 21:00:00"),
    ("google_NASDAQ_ATVI_30Y.csv.gz", {**GOOGLE, "off_session": "drop"}, 0, ""),
    ("google_NASDAQ_BRCD_30Y.csv.gz", {**GOOGLE, "off_session": "drop"}, 0, ""),
    ("google_NYSE_A_30Y.csv.gz", {**GOOGLE, "off_session": "drop"}, 0, ""),
    ("google_NYSE_L_30Y.csv.gz", {**GOOGLE, "off_session": "drop"}, 0, ""),
    (
        "lean_spy_minute_20131007_trade.zip",
        {**LEAN, "names": ("ms", "open", "high", "low", "close", "volume")},
        0,
        "2013-10-07 08:01:00",
    ),
    (
        "lean_spy_minute_20131007_quote.zip",
        {
            **LEAN,
            "names": (
                "ms",
                "open",
                "high",
                "low",
                "close",
                "bid size",
                "ask open",
                "ask high",
                "ask low",
                "ask close",
                "ask size",
            ),
            **NO_VOLUME,
        },
        0,
        "2013-10-07 08:01:00",
    ),
    (
        "plotly_stockdata2_long.csv.gz",
        {
            "columns": {
                "timestamp": "Date",
                "symbol": "stock",
                "open": "value",
                "high": "value",
                "low": "value",
                "close": "value",
            },
            "session_close": "XNYS",
            "off_session": "drop",
            **NO_VOLUME,
        },
        0,
        "",
    ),
    (
        "ejtrader_EURUSDh4.csv",
        {
            "columns": {"timestamp": "Date", "volume": "tick_volume"},
            "zone": "Europe/Athens",
            "stamp": "open",
            "frequency": "4h",
            "symbol": "EURUSD",
            "price_scale": 100_000,
        },
        0,
        "",
    ),
    (
        "skender_zeros.csv",
        {
            "columns": {"timestamp": "date"},
            "date_format": "%m/%d/%y",
            "session_close": "XNYS",
            "symbol": "Z",
            "off_session": "drop",
        },
        0,
        "",
    ),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "fesx_1m_200601_badheader.txt.gz",
        {"stamp": "close", "symbol": "FESX", **UTC},
        "line 2 has 8 fields for 7 columns",
    ),
    (
        "skender_bad.csv",
        {"columns": {"timestamp": "date"}, "date_format": "%m/%d/%Y", "session_close": "XNYS", "symbol": "X"},
        "line 202, column 'timestamp' is empty",
    ),
    (
        "skender_mismatch.csv",
        {"columns": {"timestamp": "Timestamp"}, "date_format": "%m/%d/%Y", "session_close": "XNYS", "symbol": "X"},
        "earlier than their symbol's row before",
    ),
    ("skender_zeros.csv", {"session_close": "XNYS", "symbol": "X"}, "no column for timestamp"),
    (
        "ticks_sample_2015.csv",
        {"columns": {"timestamp": "Datetime"}, "stamp": "close", "symbol": "X"},
        "carry no time zone",
    ),
    ("freqtrade_kraken_BCHEUR_trades.csv", {"stamp": "close", "symbol": "X"}, "no column for timestamp"),
    (
        "oecd_short_term_interest.csv.gz",
        {"columns": {"timestamp": "TIME"}, "stamp": "close", "symbol": "X", **UTC},
        "no column for open",
    ),
    (
        "cryptodatadownload_btcusd_1h.csv.gz",
        {
            "skip_rows": 1,
            "columns": {"timestamp": "date", "volume": "volume_btc", "volume_usd": "volume"},
            "date_format": "%Y-%m-%d %I-%p",
            "stamp": "open",
            **UTC,
        },
        "later than their symbol's row before, where the rest descends",
    ),
    ("cryptodatadownload_btcusd_1h.csv.gz", {"stamp": "open"}, "line 2 has 8 fields for 2 columns"),
    ("bitfinex_btcusd_1m_2016_merged.csv.gz", {"stamp": "open", "symbol": "X"}, "the header names"),
]


@pytest.mark.parametrize(
    ("name", "calendar"),
    [("CALM-1d-no-bad-divs.csv", "XNYS"), ("EWG-1d-no-bad-divs.csv", "XNYS"), ("TISG-MI-1d-no-bad-divs.csv", "XMIL")],
)
def test_what_looks_odd_but_is_right_comes_through_untouched(real_data: Path, name: str, calendar: str) -> None:
    path = real_data / "D_messy" / "yfinance" / name
    bars = read_bars(path, columns={"timestamp": "Datetime"}, session_close=calendar, symbol="X", checks=None)
    lines = path.read_text().splitlines()
    columns = lines[0].split(",")
    rows = sorted((line.split(",") for line in lines[1:]), key=lambda row: row[0][:10])
    for name_, theirs in (("open", "Open"), ("high", "High"), ("low", "Low"), ("close", "Close"), ("volume", "Volume")):
        assert bars[name_].to_list() == [float(row[columns.index(theirs)]) for row in rows]


def messy(real_data: Path, name: str) -> Path:
    return real_data / "D_messy" / name


@pytest.mark.parametrize(("name", "fields", "rows", "first"), READ, ids=[row[0] for row in READ])
def test_is_read_as_declared(real_data: Path, name: str, fields: dict[str, Any], rows: int, first: str) -> None:
    bars = read_bars(messy(real_data, name), checks=None, **fields)
    assert len(bars) > 100
    if rows:
        assert len(bars) == rows
    if first:
        assert str(bars["timestamp"].min())[:19] == first


@pytest.mark.parametrize(("name", "fields", "fault"), REFUSED, ids=[row[0] for row in REFUSED])
def test_is_refused_with_its_fault(real_data: Path, name: str, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError) as refused:
        read_bars(messy(real_data, name), checks=None, **fields)
    assert fault in str(refused.value)
    assert name in str(refused.value)
