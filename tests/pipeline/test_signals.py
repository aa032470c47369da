"""A person's own signals: traded as a model's are, and counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from gnomon.core.clock import FixedClock
from gnomon.core.errors import DataError
from gnomon.pipeline.inputs import configured, load_inputs
from gnomon.pipeline.signals import backtest_signals, trade
from gnomon.pipeline.workspace import open_workspace
from gnomon.simulation.workflow import BacktestingWorkflow

pytestmark = pytest.mark.xdist_group("finished pipeline")
CLOCK = FixedClock(datetime(2024, 1, 2, tzinfo=UTC))


@pytest.fixture(scope="session")
def market(finished):
    """The bars and the workflow of the finished workspace."""
    config = configured(finished)
    return load_inputs(finished, config)[0], BacktestingWorkflow.from_config(config)


def test_targets_are_traded_from_their_first_moment_on_their_own_symbols(market):
    bars, workflow = market
    mine = bars.filter(pl.col("symbol") == "SYN001").tail(50)
    simulation = trade(mine.select("timestamp", "symbol", target=pl.lit(0.5)), bars, workflow)
    assert simulation.equity.height == 50
    assert simulation.fills["symbol"].unique().to_list() == ["SYN001"]
    assert simulation.fills["timestamp"].min() == mine["timestamp"][1], "decided at a close, filled at the next open"


def test_a_null_target_is_no_decision(market):
    bars, workflow = market
    mine = bars.filter(pl.col("symbol") == "SYN001").tail(30).select("timestamp", "symbol", target=pl.lit(0.5))
    sparse = mine.with_columns(target=pl.when(pl.int_range(pl.len()) == 0).then("target"))
    assert trade(sparse, bars, workflow).fills.height == 1


def test_forecasts_that_are_sure_are_traded_whole(market):
    bars, workflow = market
    mine = bars.filter(pl.col("symbol") == "SYN002").tail(40)
    table = mine.select(
        "timestamp",
        "symbol",
        horizon=pl.lit(5),
        probability_short=pl.lit(0.0),
        probability_flat=pl.lit(0.0),
        probability_long=pl.lit(1.0),
    )
    simulation = trade(table, bars, workflow)
    assert simulation.targets["target"].to_list()[:40] == [1.0] * 40


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.drop("symbol"), "need a column 'symbol'"),
        (lambda t: t.rename({"target": "trget"}), "is 'trget' the target"),
        (
            lambda t: t.with_columns(symbol=pl.lit("SYN01")),
            "no symbol 'SYN01', which the signals trade; did you mean 'SYN001'",
        ),
        (lambda t: t.with_columns(target=pl.lit("up")), "must hold numbers, it is String, first 'up'"),
        (lambda t: t.with_columns(pl.col("timestamp").dt.offset_by("10y")), "after the last bar"),
    ],
)
def test_what_cannot_be_traded_is_named(market, change, told):
    bars, workflow = market
    table = bars.filter(pl.col("symbol") == "SYN001").tail(5).select("timestamp", "symbol", target=pl.lit(0.5))
    with pytest.raises(DataError, match=told):
        trade(change(table), bars, workflow)


def test_a_backtest_is_one_try_and_its_files_say_what_it_says(copied, tmp_path):
    targets = pl.read_parquet(open_workspace(copied).runs.get().folder / "targets.parquet")
    targets.with_columns(target=-pl.col("target")).write_csv(tmp_path / "t.csv")
    out = tmp_path / "out"
    first = backtest_signals(copied, tmp_path / "t.csv", name="inverse", out=out, clock=CLOCK)
    rows = open_workspace(copied).trials.rows()
    assert [row.kind for row in rows] == ["run", "backtest"]
    assert rows[-1].name == "inverse"
    assert rows[-1].time.startswith("2024-01-02")
    metrics = json.loads((out / "metrics.json").read_bytes())
    equity = pl.read_parquet(out / "equity.parquet")["equity"]
    earned = metrics["candidates"]["inverse"]["metrics"]["total_return"]
    assert equity[-1] / 1e6 - 1.0 == pytest.approx(earned, abs=1e-12)
    assert first["candidates"][0]["total_return"] == earned
    # How a report breaks its lines is its own affair.
    assert "The signals came from outside" in " ".join((out / "report.md").read_text().split())
    again = backtest_signals(copied, tmp_path / "t.csv", name="inverse", out=out, clock=CLOCK)
    assert again == first
    assert len(open_workspace(copied).trials.rows()) == 2
