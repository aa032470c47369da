"""Markets on disk: the three formats hold the same bars, and the SQLite panel is what its page says."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.data.actions import read_actions
from gnomon.data.base import TABLES
from gnomon.data.checks import check_bars
from gnomon.data.digest import hash_bars
from gnomon.data.panel import apply_actions, write_market
from gnomon.data.read import read_bars
from gnomon.data.synthetic import Market, market_bars
from gnomon.data.universe import read_listings

MARKET = Market(symbols=6, start=date(2018, 1, 1), end=date(2020, 1, 1), delistings=0.2, signal_ic=0.1)
SCHEMA = Path(__file__).parents[2] / "docs" / "sqlite_schema.md"


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("panel") / "panel.db"
    assert write_market(MARKET, path).format == "sqlite"
    return path


@pytest.mark.parametrize("name", ["m.parquet", "m.csv"])
def test_bars_are_read_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    written = write_market(MARKET, tmp_path / name)
    fields = {} if name == "m.parquet" else {"stamp": "close"}
    bars = read_bars(tmp_path / name, **fields)  # type: ignore[arg-type]
    assert hash_bars(bars) == written.digest == hash_bars(market_bars(MARKET))
    assert written.rows == {"bars": bars.height}
    with pytest.raises(ConfigError, match="none of the endings"):
        write_market(MARKET, tmp_path / "m.xls")


def test_the_panel_is_read_and_its_tables_join(panel: Path) -> None:
    bars = read_bars(panel, table="bars", stamp="close")
    assert hash_bars(bars) == hash_bars(apply_actions(market_bars(MARKET), MARKET)[0])
    table = {"path": str(panel), "zone": "UTC"}
    actions = read_actions(
        TABLES.create("sqlite", **table, table="corporate_actions", columns={"timestamp": "ex_date"}).read()
    )
    assert set(actions["split"]) > {1.0}
    listings = read_listings(TABLES.create("sqlite", **table, table="symbols", columns={"timestamp": "listed"}).read())
    last = bars.group_by("symbol").agg(pl.col("timestamp").max()).sort("symbol")
    for (symbol, ends), delisted in zip(last.iter_rows(), listings.sort("symbol")["delisted"], strict=True):
        assert delisted is None or ends < delisted, symbol
    macro = TABLES.create("sqlite", **table, table="macro", columns={"known_at": "published_at"}).read()
    wait = macro["known_at"].dt.date() - macro["reference_date"].str.to_date()
    assert wait.dt.total_days().is_between(40, 46).all()
    for name in ("funding", "sentiment"):
        assert TABLES.create("sqlite", **table, table=name).read().height > 1000


def test_adjusting_by_the_actions_gives_the_market_back(panel: Path) -> None:
    whole, (bars, actions) = market_bars(MARKET), apply_actions(market_bars(MARKET), MARKET)
    part = bars.filter(symbol="SYN001").with_columns(day=pl.col("timestamp").dt.date())
    dated = part.join(actions.filter(symbol="SYN001"), left_on="day", right_on="ex_date", how="left")
    before = dated["close"].shift().to_numpy()
    returns = (dated["close"].to_numpy() + dated["dividend"].fill_null(0.0).to_numpy()) / before
    close = whole.filter(symbol="SYN001")["close"].to_numpy()
    # The price falls by the dividend at the open; what is earned on what is left differs by its own return.
    np.testing.assert_allclose(returns[1:], close[1:] / close[:-1], atol=5e-4)
    assert any("split" in issue.check for issue in check_bars(bars).issues)


def test_the_page_names_every_table_and_column(panel: Path) -> None:
    page = SCHEMA.read_text()
    with closing(sqlite3.connect(panel)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            assert re.search(rf"^\| `{table}` \|", page, re.MULTILINE)
            for column in connection.execute(f"PRAGMA table_info({table})"):
                assert f"`{column[1]}`" in page, column
    assert set(tables) == {"symbols", "bars", "corporate_actions", "macro", "funding", "sentiment"}
