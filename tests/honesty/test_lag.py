"""An edge of one bar is flagged, one that lasts is not."""

from __future__ import annotations

import polars as pl
import pytest

from gnomon.execution.base import ExecutionConfig
from gnomon.honesty.lag import CLEAN_LAGS, LAGS, LagReport, drifting_bars, one_bar_lag
from gnomon.simulation.engine import simulate


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return drifting_bars()


@pytest.mark.parametrize("name", LAGS)
def test_an_edge_of_one_bar_is_flagged(name, bars):
    report = one_bar_lag(bars, LAGS[name][1](bars))
    assert report.flagged
    assert report.sharpe > 0.2
    assert abs(report.lagged) < 0.1


@pytest.mark.parametrize("name", CLEAN_LAGS)
def test_what_lasts_or_is_none_is_not(name, bars):
    assert not one_bar_lag(bars, CLEAN_LAGS[name](bars)).flagged


def test_the_edge_that_lasts_is_a_real_one(bars):
    report = one_bar_lag(bars, CLEAN_LAGS["follows_the_drift"](bars))
    assert report.sharpe > 0.1
    assert report.lagged > 0.8 * report.sharpe


def test_it_trades_as_configured_and_one_bar_later(bars):
    targets = CLEAN_LAGS["follows_the_drift"](bars)
    report = one_bar_lag(bars, targets, ExecutionConfig(latency_bars=2, fee_bps=1.0))
    for latency, sharpe in ((2, report.sharpe), (3, report.lagged)):
        returns = simulate(bars, targets, ExecutionConfig(latency_bars=latency, fee_bps=1.0)).returns
        assert returns.mean() / returns.std(ddof=1) == pytest.approx(sharpe, rel=1e-9)


def test_the_rule_by_hand():
    assert LagReport(sharpe=0.2, lagged=0.1, bars=400).flagged
    assert not LagReport(sharpe=0.2, lagged=0.11, bars=400).flagged
    assert not LagReport(sharpe=0.14, lagged=0.0, bars=400).flagged
