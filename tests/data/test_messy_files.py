"""Every messy file that we have: imported after the right column map, or refused with a message that names the fault.

The table below is the whole answer: file -> how it is read -> what the checks say, exactly. Nothing is mended in
silence: where a check stops the import, the repair that the message names is applied, and only then do the bars pass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import gnomon.data.sources  # noqa: F401
from gnomon.core.errors import DataError
from gnomon.data.base import SOURCES, TABLES, Query
from gnomon.data.checks import check_bars
from gnomon.data.issues import CheckReport
from gnomon.data.repair import repair_bars

OHLCV = ("timestamp", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, kw_only=True)
class Bars:
    """A file that is read as bars: how, how many rows, which checks find something, and what they say."""

    source: Mapping[str, Any]
    rows: int
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    says: Sequence[str] = ()
    """Patterns that the messages of the findings hold."""
    repair: Sequence[Mapping[str, Any]] = ()
    """What the messages advise; afterwards no error is left."""
    check: Mapping[str, str] = field(default_factory=dict)
    query: Query = field(default_factory=Query)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A file that cannot be read as bars, and the fault that is named."""

    source: Mapping[str, Any]
    says: str


Case = Bars | Refused

DROP_PRICES = ({"kind": "drop_nonpositive"}, {"kind": "drop", "checks": ["ohlc"]})
LEAN = {
    "kind": "csv",
    "header": False,
    "unit": "ms",
    "zone": "America/New_York",
    "date_from_name": r"_(\d{8})_",
    "date_format": "%Y%m%d",
    "stamp": "open",
    "symbol": "SPY",
    "price_scale": 10000,
}
SKENDER = {"kind": "csv", "date_format": "%m/%d/%Y", "session_close": "XNYS", "symbol": "SPY"}
EJTRADER = {
    "kind": "csv",
    "columns": {"timestamp": "Date", "volume": "tick_volume"},
    "stamp": "open",
    "symbol": "EURUSD",
    "price_scale": 100000,
    "frequency": "4h",
}
CRYPTODATA = {
    "kind": "csv",
    "skip_rows": 1,
    "date_format": "%Y-%m-%d %I-%p",
    "zone": "UTC",
    "stamp": "open",
    "columns": {"timestamp": "date", "volume": "volume_btc", "volume_usd": "volume"},
}
# The broker moved its clock from Central to Eastern European time; the file does not say so.
MOVED = datetime(2014, 11, 24, tzinfo=UTC)


def google(name: str, rows: int, errors: tuple[str, ...], warnings: tuple[str, ...], **more: Any) -> Bars:
    """Session dates with a fixed offset, an unnamed first column, opens of 0.0 before 2000."""
    source = {"kind": "csv", "columns": {"timestamp": ""}, "session_close": "XNYS", "symbol": name}
    return Bars(source=source, rows=rows, errors=errors, warnings=warnings, repair=DROP_PRICES, **more)


MESSY: dict[str, Case | tuple[Case, ...]] = {
    "bitfinex_btcusd_1m_2016_merged.csv.gz": (
        Bars(
            source={
                "kind": "csv",
                "header": False,
                "names": ("timestamp", "open", "close", "high", "low", "volume"),
                "unit": "ms",
                "stamp": "open",
                "frequency": "1m",
                "symbol": "BTCUSD",
            },
            rows=293_230,
            warnings=("gaps", "jumps", "stale"),
            says=("87839 bars between 2016-04-01 00:01 and 2016-06-01 00:01",),
        ),
        # The usual order of columns is wrong here, and the prices say so.
        Bars(
            source={"kind": "csv", "header": False, "names": OHLCV, "unit": "ms", "stamp": "open", "symbol": "BTCUSD"},
            rows=293_230,
            errors=("ohlc",),
            warnings=("gaps", "jumps", "stale"),
            says=("check the source's column order",),
            repair=({"kind": "drop", "checks": ["ohlc"]},),
        ),
    ),
    "cryptodatadownload_btcusd_1h.csv.gz": (
        # Without a map both volumes could be meant; five rows stand out of order, which the reader has to allow for.
        Refused(
            source={**CRYPTODATA, "columns": {"timestamp": "date", "volume": "volume_btc"}},
            says="own column 'volume' beside the one mapped",
        ),
        Refused(source=CRYPTODATA, says="5 rows are later than their symbol's row before"),
        Bars(source={**CRYPTODATA, "sort": True}, rows=20_111, warnings=("jumps", "stale", "zero_volume")),
    ),
    "dukascopy_eurusd_1h_ask.csv": Bars(
        source={
            "kind": "csv",
            "columns": {"timestamp": "Time"},
            "date_format": "%d.%m.%Y %H:%M:%S%.3f",
            "zone": "UTC",
            "stamp": "open",
            "symbol": "EURUSD",
        },
        rows=6_225,
        warnings=("gaps", "jumps"),
        says=("48 regular pauses",),
    ),
    "ejtrader_EURUSDh4.csv": (
        Bars(source={**EJTRADER, "zone": "Europe/Berlin"}, rows=3_085, warnings=("gaps",), query=Query(end=MOVED)),
        Bars(
            source={**EJTRADER, "zone": "Europe/Athens"},
            rows=11_315,
            warnings=("gaps", "jumps"),
            query=Query(start=MOVED),
        ),
    ),
    "eurostoxx_5m_200601.txt": Bars(
        source={
            "kind": "csv",
            "columns": {"date": "Date", "time": "Time"},
            "zone": "Europe/Berlin",
            "stamp": "close",
            "symbol": "ESTX50",
        },
        rows=2_142,
        warnings=("jumps", "zero_volume"),
        says=("no volume at all",),
    ),
    "fesx_1m_200601_badheader.txt.gz": (
        Refused(
            source={
                "kind": "csv",
                "columns": {"timestamp": "Date"},
                "zone": "Europe/Berlin",
                "stamp": "close",
                "symbol": "FESX",
            },
            says="line 2 has 8 fields for 7 columns",
        ),
        Bars(
            source={
                "kind": "csv",
                "skip_rows": 1,
                "header": False,
                "columns": {"date": "d", "time": "t"},
                "names": ("d", "t", "open", "high", "low", "close", "volume", "open_interest"),
                "zone": "Europe/Berlin",
                "stamp": "close",
                "symbol": "FESX",
            },
            rows=30_889,
            warnings=("gaps", "jumps"),
        ),
    ),
    "freqtrade_UNITTEST_BTC-1m.json.gz": Bars(
        source={"kind": "json", "names": OHLCV, "unit": "ms", "stamp": "open", "symbol": "UNITTEST"},
        rows=13_681,
        warnings=("gaps", "stale"),
        says=("in 538 gaps \\(717 bars\\)",),
    ),
    "freqtrade_kraken_BCHEUR_trades.csv": Refused(
        source={
            "kind": "csv",
            "header": False,
            "names": ("timestamp", "price", "amount"),
            "unit": "s",
            "stamp": "close",
            "symbol": "BCHEUR",
        },
        says="no column for open, high, low, close, volume",
    ),
    "google_NASDAQ_ATVI_30Y.csv.gz": google(
        "ATVI", 6_076, ("non_positive", "ohlc"), ("gaps", "jumps", "splits", "zero_volume")
    ),
    "google_NASDAQ_BRCD_30Y.csv.gz": google(
        "BRCD",
        4_652,
        ("non_positive", "ohlc", "units"),
        ("gaps", "jumps", "splits", "stale"),
        says=("looks like another unit", "1:100 split"),
    ),
    "google_NYSE_A_30Y.csv.gz": google(
        "A", 4_544, ("non_positive", "ohlc"), ("gaps", "jumps", "splits", "zero_volume")
    ),
    "google_NYSE_L_30Y.csv.gz": google(
        "L", 7_561, ("non_positive", "ohlc"), ("gaps", "jumps", "splits", "zero_volume")
    ),
    "lean_spy_minute_20131007_quote.zip": Bars(
        source={
            **LEAN,
            "names": ("ms", "open", "high", "low", "close", "volume", "ask_o", "ask_h", "ask_l", "ask_c", "ask_size"),
            "columns": {"time": "ms"},
        },
        rows=908,
        warnings=("gaps",),
    ),
    "lean_spy_minute_20131007_trade.zip": Bars(
        source={**LEAN, "names": ("ms", "open", "high", "low", "close", "volume"), "columns": {"time": "ms"}},
        rows=828,
        warnings=("gaps", "jumps"),
    ),
    "ninjatrader_spy_1m_201101.csv.gz": Bars(
        source={
            "kind": "csv",
            "header": False,
            "delimiter": ";",
            "names": OHLCV,
            "date_format": "%Y%m%d %H%M%S",
            "zone": "UTC",
            "stamp": "close",
            "symbol": "SPY",
        },
        rows=14_180,
        warnings=("gaps", "jumps", "stale"),
    ),
    "oecd_short_term_interest.csv.gz": Refused(
        source={
            "kind": "csv",
            "columns": {"timestamp": "TIME", "symbol": "LOCATION", **dict.fromkeys(OHLCV[1:5], "Value")},
            "constants": {"volume": 0},
            "zone": "UTC",
            "stamp": "close",
        },
        says="'1974-Q1'",
    ),
    "plotly_stockdata2_long.csv.gz": Bars(
        source={
            "kind": "csv",
            "columns": {"timestamp": "Date", "symbol": "stock", **dict.fromkeys(OHLCV[1:5], "value")},
            "constants": {"volume": 0},
            "session_close": "XNYS",
        },
        rows=11_525,
        warnings=("zero_volume",),
        check={"frequency": "1d", "calendar": "XNYS"},
    ),
    "quandl_wiki_AAPL_2011.csv": Bars(
        source={"kind": "csv", "columns": {"timestamp": "Date"}, "session_close": "XNYS", "symbol": "AAPL"},
        rows=252,
        check={"frequency": "1d", "calendar": "XNYS"},
    ),
    "skender_bad.csv": Refused(
        source={**SKENDER, "columns": {"timestamp": "date"}, "nulls": "nan"}, says="time stamps are missing"
    ),
    "skender_mismatch.csv": (
        Refused(source=SKENDER, says="4 rows are earlier than their symbol's row before"),
        Refused(source={**SKENDER, "sort": True}, says="1 days are no session of XNYS"),
        Bars(
            source={**SKENDER, "sort": True, "off_session": "drop"},
            rows=501,
            warnings=("gaps",),
            check={"frequency": "1d", "calendar": "XNYS"},
        ),
    ),
    "skender_zeros.csv": Bars(
        source={**SKENDER, "columns": {"timestamp": "date"}, "date_format": "%m/%d/%y"},
        rows=200,
        errors=("non_positive",),
        warnings=("stale", "zero_volume"),
        says=(r"\(200 bars\)", "drop_nonpositive"),
        check={"frequency": "1d", "calendar": "XNYS"},
    ),
    "ticks_sample_2015.csv": Refused(
        source={
            "kind": "csv",
            "columns": {"timestamp": "Datetime"},
            "zone": "Europe/Berlin",
            "stamp": "close",
            "symbol": "FESX",
        },
        says="ticks must be made into bars",
    ),
    "yahoo_orcl_1995_2014.csv.gz": Bars(
        source={"kind": "csv", "columns": {"timestamp": "Date"}, "session_close": "XNYS", "symbol": "ORCL"},
        rows=5_036,
        check={"frequency": "1d", "calendar": "XNYS"},
    ),
}

EXCHANGES = {
    "HK": "XHKG",
    "T": "XTKS",
    "DE": "XETR",
    "L": "XLON",
    "TO": "XTSE",
    "MC": "XMAD",
    "MI": "XMIL",
    "ST": "XSTO",
    "AX": "XASX",
}


def yahoo(
    rows: int,
    errors: str = "",
    warnings: str = "",
    says: str | tuple[str, ...] = (),
    repair: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    patterns = (says,) if isinstance(says, str) else says
    return {
        "rows": rows,
        "errors": tuple(errors.split()),
        "warnings": tuple(warnings.split()),
        "says": patterns,
        "repair": repair,
    }


NAN = ({"kind": "drop", "checks": ["non_finite"]},)
OHLC = ({"kind": "drop", "checks": ["ohlc"]},)
BOTH = ({"kind": "drop", "checks": ["non_finite", "ohlc"]},)
YAHOO: dict[str, dict[str, Any]] = {
    "1398-HK-1d-bad-div": yahoo(
        648, "non_finite", "adjustment gaps zero_volume", "1 dividend without an adjustment", NAN
    ),
    "1398-HK-1d-bad-div-fixed": yahoo(648, "non_finite", "gaps zero_volume", repair=NAN),
    "4063-T-1d-bad-div": yahoo(667, "", "adjustment", "differ by the ratio of the split"),
    "4063-T-1d-bad-div-fixed": yahoo(667),
    "4063-T-1d-bad-stock-split": yahoo(
        22, "", "adjustment splits", ("ratio of a split that is recorded", "as a 5:1 split")
    ),
    "4063-T-1d-bad-stock-split-fixed": yahoo(22),
    "8TRA-DE-1d-missing-div-adjust": yahoo(5, "", "adjustment gaps", "1 dividend without an adjustment"),
    "8TRA-DE-1d-missing-div-adjust-fixed": yahoo(5, "", "gaps"),
    "ADIG-L-1d-bad-div": yahoo(665, "ohlc", "adjustment", "11 dividend and adjustment differ by a factor of 100", OHLC),
    "ADIG-L-1d-bad-div-fixed": yahoo(665, "ohlc", repair=OHLC),
    "AET-L-1d-100x-error": yahoo(23, "units", "stale zero_volume", "by a factor of 100"),
    "AET-L-1d-100x-error-fixed": yahoo(23, "", "stale zero_volume"),
    "ASAI-L-1h-bad-unit": yahoo(
        20, "units", "gaps zero_volume", r"by a factor of 0\.0097", ({"kind": "hampel", "window": 7},)
    ),
    "ASAI-L-1h-bad-unit-fixed": yahoo(20, "", "gaps zero_volume"),
    # Both files record every dividend a week before the adjusted close knows it; the split is the fault of the first.
    "AV-L-1wk-bad-stock-split": yahoo(84, "", "adjustment zero_volume", "ratio of a split that is recorded"),
    "AV-L-1wk-bad-stock-split-fixed": yahoo(84, "", "adjustment zero_volume", r"\(5 dividend recorded one bar before"),
    "DEX-AX-1d-bad-stock-split": yahoo(
        23, "", "adjustment jumps stale zero_volume", "ratio of a split that is recorded"
    ),
    "DEX-AX-1d-bad-stock-split-fixed": yahoo(23, "", "stale zero_volume"),
    "DODFX-1d-cg-double-count": yahoo(502, "", "adjustment zero_volume", "1 capital gain counted twice"),
    "DODFX-1d-cg-double-count-fixed": yahoo(502, "", "zero_volume"),
    "ELCO-L-1d-bad-div": yahoo(
        665, "ohlc", "adjustment zero_volume", "5 dividend and adjustment differ by a factor", OHLC
    ),
    "ELCO-L-1d-bad-div-fixed": yahoo(665, "ohlc", "zero_volume", repair=OHLC),
    "KEN-TA-1d-bad-div": yahoo(
        651,
        "non_finite ohlc",
        "adjustment gaps zero_volume",
        ("1 dividend repeated", "1 dividend without an adj"),
        BOTH,
    ),
    "KEN-TA-1d-bad-div-fixed": yahoo(651, "non_finite ohlc", "gaps zero_volume", repair=BOTH),
    # The prices of both files change between pounds and pence; the dividends are the fault of the first.
    "LSC-L-1d-bad-div": yahoo(
        670, "ohlc units", "adjustment stale zero_volume", ("4 dividend as large as the price", "another unit")
    ),
    "LSC-L-1d-bad-div-fixed": yahoo(670, "ohlc units", "stale zero_volume", "another unit"),
    "MOB-ST-1d-bad-stock-split": yahoo(
        16, "units", "adjustment", ("by a factor of 0.102", "ratio of a split"), ({"kind": "hampel", "window": 5},)
    ),
    "MOB-ST-1d-bad-stock-split-fixed": yahoo(16),
    "PSH-L-1d-bad-div": yahoo(
        665, "non_finite ohlc", "adjustment", "11 dividend and adjustment differ by a factor", BOTH
    ),
    "PSH-L-1d-bad-div-fixed": yahoo(665, "non_finite ohlc", repair=BOTH),
    "RGL-L-1d-bad-div": yahoo(665, "ohlc", "adjustment", "10 dividend and adjustment differ by a factor of 100", OHLC),
    "RGL-L-1d-bad-div-fixed": yahoo(665, "ohlc", repair=OHLC),
    # A consolidation is missing from both; the dividends are the fault of the first.
    "SCR-TO-1d-bad-div": yahoo(722, "", "adjustment splits", "3 dividend that the price did not fall by"),
    "SCR-TO-1d-bad-div-fixed": yahoo(722, "", "splits", "as a 1:15 split"),
    # Dividends a hundred times too small, and adjusted for just as small ones: nothing in the file contradicts them.
    "TENT-L-1d-bad-div": yahoo(685, "ohlc", "zero_volume", repair=OHLC),
    "TENT-L-1d-bad-div-fixed": yahoo(685, "ohlc", "zero_volume", repair=OHLC),
    "VWILX-1d-cg-double-count": yahoo(502, "", "adjustment zero_volume", "2 capital gain counted twice"),
    "VWILX-1d-cg-double-count-fixed": yahoo(502, "", "zero_volume"),
    # The controls: they look odd and are right. Not a single finding.
    "CALM-1d-no-bad-divs": yahoo(662),
    "EWG-1d-no-bad-divs": yahoo(662),
    "IBE-MC-1d-no-bad-divs": yahoo(677),
    "TISG-MI-1d-no-bad-divs": yahoo(583),
}
UNSEEN = {"TENT-L-1d-bad-div"}
"""Files whose fault nothing in them contradicts."""


def yahoo_case(name: str) -> Bars:
    parts = re.fullmatch(r"(.+?)-(?:([A-Z]+)-)?(1d|1h|1wk)-.+", name)
    assert parts is not None
    symbol, suffix, step = parts.groups()
    header = "Datetime" if step == "1h" or name in HAS_DATETIME else "Date"
    source: dict[str, Any] = {"kind": "csv", "columns": {"timestamp": header}, "symbol": symbol, "nulls": "nan"}
    check: dict[str, str] = {}
    calendar = EXCHANGES.get(suffix or "", "XNYS")
    if suffix == "TA":
        # No calendar gives Tel Aviv's sessions of 2022: a bar is known when its local day is over.
        source |= {"stamp": "open", "frequency": "1d"}
    elif step == "1d":
        source |= {"session_close": calendar}
        check = {"frequency": "1d", "calendar": calendar}
    else:
        # A week in which the clocks go forward has 167 hours.
        source |= {"stamp": "open", "frequency": "1h" if step == "1h" else "167h"}
        check = {} if step == "1h" else {"frequency": "1w"}
    return Bars(source=source, check=check, **YAHOO[name])


HAS_DATETIME = {name for name in YAHOO if re.search(r"bad-div(-fixed)?$|no-bad-divs$", name) and "missing" not in name}
CASES: dict[str, Case | tuple[Case, ...]] = {**MESSY, **{f"yfinance/{name}.csv": yahoo_case(name) for name in YAHOO}}
FLAT = [
    pytest.param(name, case, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, case in enumerate(cases if isinstance(cases, tuple) else (cases,))
]


@pytest.fixture(scope="session")
def messy(real_data: Path) -> Path:
    return real_data / "D_messy"


def load(folder: Path, name: str, case: Case) -> pl.DataFrame:
    query = case.query if isinstance(case, Bars) else Query()
    return SOURCES.from_config({**case.source, "path": str(folder / name)}, where="data.source").fetch(query).collect()


def names(report: CheckReport, severity: str) -> tuple[str, ...]:
    return tuple(sorted({issue.check for issue in report.issues if issue.severity == severity}))


def test_every_file_has_its_case(messy: Path) -> None:
    files = {path.relative_to(messy).as_posix() for path in messy.rglob("*") if path.is_file()}
    assert set(CASES) == files


@pytest.mark.parametrize(("name", "case"), FLAT)
def test_each_file_is_imported_or_refused(messy: Path, name: str, case: Case) -> None:
    if isinstance(case, Refused):
        with pytest.raises(DataError, match=re.escape(case.says)) as caught:
            check_bars(load(messy, name, case)).raise_errors()
        assert caught.value.exit_code == 3
        return
    bars = load(messy, name, case)
    report = check_bars(bars, **case.check)
    assert (names(report, "error"), names(report, "warning")) == (case.errors, case.warnings)
    assert bars.height == case.rows
    said = "\n".join(issue.message for issue in report.issues)
    for pattern in case.says:
        assert re.search(pattern, said), f"{pattern!r} is not in {said}"
    if case.errors:
        with pytest.raises(DataError) as caught:
            report.raise_errors()
        assert caught.value.rows is not None
        assert set(caught.value.rows["check"]) == set(case.errors)
    if case.repair:
        mended, counts = repair_bars(bars, case.repair)
        assert sum(count.count for count in counts) > 0
        left = check_bars(mended, **case.check)
        assert {issue.check for issue in left.errors} <= {"units"} & set(case.errors)


@pytest.mark.parametrize("name", [name for name in YAHOO if not name.endswith("-fixed") and "no-bad" not in name])
def test_each_vendor_error_is_found_and_gone_when_fixed(messy: Path, name: str) -> None:
    def findings(which: str) -> set[tuple[str, str]]:
        report = check_bars(load(messy, f"yfinance/{which}.csv", yahoo_case(which)))
        pairs = set()
        for issue in report.issues:
            if issue.check == "adjustment":
                pairs |= {(issue.check, fault) for fault in issue.rows["fault"]}
            elif issue.check in {"units", "splits", "jumps"}:
                pairs.add((issue.check, ""))
        return pairs

    bad, fixed = findings(name), findings(f"{name}-fixed")
    assert bool(bad - fixed) == (name not in UNSEEN)
    late = ("adjustment", "dividend recorded one bar before its adjustment")
    assert fixed <= bad | {late}, "fixing a file brings no new finding"


def test_a_mixed_table_is_no_side_table_either(messy: Path) -> None:
    path = messy / "oecd_short_term_interest.csv.gz"
    source = {"kind": "csv", "path": str(path), "columns": {"timestamp": "TIME"}, "zone": "UTC"}
    with pytest.raises(DataError, match="1974-Q1"):
        TABLES.from_config(source, where="data.side_tables.rates.source").read()
