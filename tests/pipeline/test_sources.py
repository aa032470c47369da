"""Whole runs from real and realistic sources: a SQLite panel with side tables; one market from three kinds of file."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.data.panel import write_market
from gnomon.data.synthetic import Market
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import BARS, CHECKS, FEATURES, SIDE_TABLES, SIMULATION

PANEL = """\
project: panel
data:
  source: {kind: sqlite, path: panel.db, table: bars, stamp: close}
  frequency: 1d
  calendar: XNYS
  actions: {kind: sqlite, path: panel.db, table: corporate_actions, columns: {timestamp: ex_date}, zone: UTC}
  universe: {kind: sqlite, path: panel.db, table: symbols, columns: {timestamp: listed}, zone: UTC}
  side_tables:
    cpi:
      source:
        kind: sqlite
        path: panel.db
        query: SELECT published_at AS known_at, value AS cpi FROM macro WHERE series = 'cpi'
    funding:
      source: {kind: sqlite, path: panel.db, table: funding}
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2, embargo_bars: 5}
models:
  logistic: {model_type: logistic_regression}
sizing: {kind: volatility_target, annual_volatility: 0.1}
guardrails:
  - {kind: max_position, limit: 0.5}
execution: {fee_bps: 1.0, half_spread_bps: 1.0, lot_size: 1.0, borrow_rate: 0.01}
report: {formats: [md]}
tracking: {enabled: false}
"""

THREE = """\
project: three
data:
  source: {kind: parquet, path: bars.parquet, stamp: open, frequency: 1h}
  frequency: 1h
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2, embargo_bars: 5}
models:
  logistic: {model_type: logistic_regression}
report: {formats: [md]}
tracking: {enabled: false}
"""


def test_a_sqlite_panel_with_actions_universe_and_side_tables_runs_to_a_report(tmp_path):
    market = Market(symbols=6, start=date(2014, 1, 1), end=date(2017, 1, 1), late_listings=0.3, delistings=0.3, seed=2)
    write_market(market, tmp_path / "panel.db")
    (tmp_path / "gnomon.yaml").write_text(PANEL)
    context = ModelPipeline(workspace=tmp_path).run()
    assert (context.run.folder / "report.md").stat().st_size > 1000
    assert context.value(BARS)["symbol"].n_unique() == 6
    assert set(context.value(SIDE_TABLES)) == {"cpi", "funding"}
    assert "cpi_change_1" in context.value(FEATURES).columns
    simulation = context.value(SIMULATION.of("logistic"))
    assert np.abs(simulation.carry).sum() > 0.0
    lots = simulation.fills["quantity"].to_numpy()
    assert np.array_equal(lots, np.round(lots))
    assert context.value(CHECKS)["adjusted"][0]["method"] == "backward"


@pytest.fixture(scope="module")
def hourly(real_data: Path) -> pl.DataFrame:
    return pl.read_parquet(real_data / "A_intraday" / "fx_1h_2014_2018.parquet").filter(
        pl.col("symbol").is_in(["GBPUSD", "AUDUSD"]),
        pl.col("timestamp").is_between(datetime(2016, 1, 1, tzinfo=UTC), datetime(2016, 7, 1, tzinfo=UTC)),
    )


def test_parquet_csv_and_sqlite_give_one_result(tmp_path, hourly):
    hourly.write_parquet(tmp_path / "bars.parquet")
    text = hourly.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    text.write_csv(tmp_path / "bars.csv")
    with sqlite3.connect(tmp_path / "bars.db") as database:
        columns = ", ".join(text.columns)
        database.execute(f"CREATE TABLE bars ({columns})")
        database.executemany(f"INSERT INTO bars VALUES ({', '.join('?' * len(text.columns))})", text.iter_rows())
    (tmp_path / "gnomon.yaml").write_text(THREE)
    sources = {
        "parquet": "data.source={kind: parquet, path: bars.parquet, stamp: open, frequency: 1h}",
        "csv": "data.source={kind: csv, path: bars.csv, stamp: open, frequency: 1h}",
        "sqlite": "data.source={kind: sqlite, path: bars.db, table: bars, stamp: open, frequency: 1h}",
    }
    results = {}
    for name, source in sources.items():
        run = ModelPipeline(workspace=open_workspace(tmp_path, overrides=[source])).run(until="simulate")
        results[name] = run
    first = results["parquet"]
    for other in (results["csv"], results["sqlite"]):
        assert other.value(BARS).equals(first.value(BARS))
        # Equal bars have equal hashes, so nothing after them is computed again.
        assert set(other.outcome.computed) == {"ingest"}
        assert other.value(SIMULATION.of("logistic")).equity.equals(first.value(SIMULATION.of("logistic")).equity)
