"""Side tables say when they were published, or are refused; real ones of every kind load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gnomon.data.sources  # noqa: F401
from gnomon.config.models import SideTableConfig
from gnomon.core.errors import ConfigError, DataError, GnomonError
from gnomon.data.asof import join_asof
from gnomon.data.side_tables import as_side_table, load_side_table, load_side_tables, parse_duration, settlements

START = datetime(2020, 1, 1, tzinfo=UTC)
UTC_US = pl.Datetime("us", "UTC")
SOURCE = {"kind": "csv", "path": "unused.csv"}


def config(**fields: Any) -> SideTableConfig:
    return SideTableConfig(**{"source": SOURCE, **fields})


def frame(stamp: str = "timestamp", days: tuple[int, ...] = (0, 31), **columns: Any) -> pl.DataFrame:
    values = {stamp: [START + timedelta(days=day) for day in days], "value": [float(day) for day in days], **columns}
    return pl.DataFrame(values).cast({stamp: UTC_US})


def test_a_table_without_publication_is_refused_unless_its_delay_is_stated() -> None:
    with pytest.raises(ConfigError, match=r"data\.side_tables\.cpi\.delay"):
        as_side_table("cpi", frame(), config())
    table = as_side_table("cpi", frame(), config(delay="45d"))
    assert table["known_at"].to_list() == [START + timedelta(days=45), START + timedelta(days=76)]
    assert table.columns == ["known_at", "value"], "the date that a row is about is no value"
    assert as_side_table("cpi", frame(), config(delay="0d"))["known_at"][0] == START


def test_a_delay_after_publication_is_added_to_it() -> None:
    assert as_side_table("x", frame("known_at"), config())["known_at"][0] == START
    assert as_side_table("x", frame("known_at"), config(delay="2h"))["known_at"][0] == START + timedelta(hours=2)


def test_text_is_left_out_unless_it_is_asked_for() -> None:
    table = frame("known_at", label=["low", "high"], flag=[True, False], count=[1, 2])
    assert as_side_table("x", table, config()).columns == ["known_at", "value", "flag", "count"]
    assert as_side_table("x", table, config(columns=["count"])).schema["count"] == pl.Float64
    with pytest.raises(DataError, match="only numbers"):
        as_side_table("x", table, config(columns=["label"]))
    with pytest.raises(ConfigError, match="did you mean 'value'"):
        as_side_table("x", table, config(columns=["valeu"]))
    with pytest.raises(DataError, match="no column holds numbers"):
        as_side_table("x", table.select("known_at", "label"), config())


def test_one_series_of_a_long_table_is_chosen() -> None:
    long = pl.concat([frame(series=["cpi"] * 2), frame(series=["rate"] * 2)])
    with pytest.raises(DataError, match="share known_at"):
        as_side_table("cpi", long, config(delay="1d"))
    assert as_side_table("cpi", long, config(delay="1d", where={"series": "cpi"})).height == 2
    with pytest.raises(DataError, match="'cpi', 'rate'"):
        as_side_table("cpi", long, config(delay="1d", where={"series": "gdp"}))
    with pytest.raises(DataError, match="no row has value = 'cpi'"):
        as_side_table("cpi", long, config(delay="1d", where={"value": "cpi"}))
    assert as_side_table("cpi", long, config(delay="1d", where={"series": "cpi", "value": 31})).height == 1
    with pytest.raises(ConfigError, match="did you mean 'series'"):
        as_side_table("cpi", long, config(delay="1d", where={"serie": "cpi"}))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (frame("known_at", value=[1.0, float("inf")]), "NaN or infinite"),
        (frame("known_at", value=[float("nan"), 1.0]), "NaN or infinite"),
        (frame("known_at", days=(31, 0)), "order of publication"),
        (frame("known_at", days=(3, 3)), "share known_at"),
        (frame("known_at").with_columns(known_at=pl.lit(None, dtype=UTC_US)), "known_at"),
        (frame("known_at", symbol=["A", None]), "symbol"),
        (frame("known_at").drop("known_at"), "no stamp"),
    ],
)
def test_tables_that_cannot_be_trusted_are_refused(table: pl.DataFrame, says: str) -> None:
    with pytest.raises(DataError, match=says):
        as_side_table("x", table, config())


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True), st.integers(1, 20), st.booleans())
def test_a_tolerance_is_in_the_table_itself(days: list[int], tolerance: int, per_symbol: bool) -> None:
    columns = {"symbol": ["A"] * len(days)} if per_symbol else {}
    table = frame("known_at", days=tuple(sorted(days)), **columns)
    bars = pl.DataFrame({"timestamp": [START + timedelta(days=day) for day in range(90)], "symbol": "A"}).cast(
        {"timestamp": UTC_US}
    )
    expired = as_side_table("x", table, config(tolerance=f"{tolerance}d"))
    by_table = join_asof(bars, expired, prefix="x")
    by_join = join_asof(bars, as_side_table("x", table, config()), prefix="x", tolerance=timedelta(days=tolerance))
    assert by_table.equals(by_join)


def test_an_expired_rate_is_no_payment() -> None:
    own = as_side_table(
        "funding",
        frame("known_at", days=(0, 31)).rename({"value": "rate"}).with_columns(rate=pl.lit(0.01)),
        config(tolerance="1d"),
    )
    assert own["rate"].to_list() == [0.01, None, 0.01, None]
    paid = settlements({"funding": own, "vix": own})
    assert paid is not None
    assert paid["rate"].to_list() == [0.01, 0.01]
    assert settlements({"vix": own}) is None


def test_spans_of_time() -> None:
    assert parse_duration("0h", where="d") == timedelta()
    assert parse_duration("45d", where="d") == timedelta(days=45)
    for wrong in ("", "-1d", "1 day", "1.5h", "d"):
        with pytest.raises(ConfigError, match=r"^here = "):
            parse_duration(wrong, where="here")


def test_tables_are_loaded_from_their_sources(tmp_path: Path) -> None:
    path = tmp_path / "cpi.csv"
    path.write_text("date,cpi\n2020-01-01,100.5\n2020-02-01,101.5\n")
    source = {"kind": "csv", "path": str(path), "columns": {"timestamp": "date"}, "zone": "UTC"}
    tables = load_side_tables({"cpi": SideTableConfig(source=source, delay="14d")})
    assert tables["cpi"].rows() == [
        (START + timedelta(days=14), 100.5),
        (datetime(2020, 2, 15, tzinfo=UTC), 101.5),
    ]
    with pytest.raises(GnomonError, match="did you mean 'csv'"):
        load_side_table(
            "cpi", SideTableConfig.model_construct(source={**source, "kind": "cvs"}, delay="1d", tolerance=None)
        )


REAL = [
    ("macro_cpi_ust10y_monthly", {"delay": "45d", "where": {"series": "cpi"}}, 1_000),
    ("macro_vix_daily_1990_2026", {"delay": "1d", "columns": ["close"], "tolerance": "7d"}, 9_000),
    ("sentiment_crypto_fear_greed_2018_2026", {"delay": "0d"}, 2_900),
    ("tweet_counts_hourly_A_L_2014_2016", {"delay": "1h"}, 56_857),
    ("fed_primary_credit_rate_changes", {"delay": "1d"}, 56),
    ("crypto_funding_btc_eth_7venues_2020_2022", {"delay": "0s", "where": {"exchange": "binance"}}, 5_000),
    ("fama_french_3f_monthly", {"delay": "60d", "where": {"series": "SMB"}}, 1_000),
]


@pytest.mark.parametrize(("name", "fields", "least"), REAL, ids=lambda value: value if isinstance(value, str) else "")
def test_real_tables_load(real_data: Path, name: str, fields: dict[str, Any], least: int) -> None:
    path = real_data / "C_side" / f"{name}.parquet"
    if "where" in fields:
        [column] = fields["where"]
        found = pl.read_parquet(path)[column].unique().sort().to_list()
        wanted = str(fields["where"][column])
        fields = {**fields, "where": {column: next(x for x in found if wanted.casefold() in x.casefold())}}
    source = {"kind": "parquet", "path": str(path)}
    table = load_side_table(name, SideTableConfig(source=source, **fields))
    assert table.height >= least
    with pytest.raises(ConfigError, match="does not say when"):
        load_side_table(name, SideTableConfig(source=source, where=fields.get("where", {})))
