from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import empyrical
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.metrics import (
    aggregate_returns,
    drawdown_table,
    monthly_returns,
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
    yearly_returns,
)


def daily(n: int, hour: int = 21) -> list[datetime]:
    return [datetime(2019, 12, 20, hour, tzinfo=UTC) + timedelta(days=day) for day in range(n)]


@pytest.mark.parametrize("every", ["month", "year", "week"])
def test_periods_equal_empyrical(every: str) -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, 900)
    theirs = empyrical.aggregate_returns(pd.Series(returns, index=pd.DatetimeIndex(daily(900))), f"{every}ly")
    ours = aggregate_returns(returns, daily(900), every=every)  # type: ignore[arg-type]
    np.testing.assert_allclose(ours["return"].to_numpy(), theirs.to_numpy(), rtol=1e-9)
    assert ours["bars"].sum() == 900


def test_a_bar_that_closes_at_midnight_belongs_to_the_day_that_ends() -> None:
    stamps = [datetime(2020, 1, 31, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC), datetime(2020, 2, 2, tzinfo=UTC)]
    months = monthly_returns([0.1, 0.2, 0.3], stamps)
    assert months.rows() == [(2020, 1, pytest.approx(0.32)), (2020, 2, pytest.approx(0.3))]
    assert aggregate_returns([0.1, 0.2, 0.3], stamps, every="day")["start"][0] == date(2020, 1, 30)


def test_years_and_gaps() -> None:
    assert yearly_returns([0.1, float("nan"), 0.2] + [0.0] * 12, daily(15)).rows() == [
        (2019, pytest.approx(0.32)),
        (2020, 0.0),
    ]


def test_wrong_periods_are_refused() -> None:
    with pytest.raises(ValueError, match="every must be one of day, week, month, year, was 'hour'"):
        aggregate_returns([0.1], daily(1), every="hour")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="were 2 and 1 long"):
        monthly_returns([0.1, 0.2], daily(1))
    with pytest.raises(ValueError, match="must be moments"):
        monthly_returns([0.1], pl.Series([1]))


def test_drawdowns_by_hand() -> None:
    equity = [100.0, 120.0, 90.0, 130.0, 117.0, 104.0]
    assert drawdown_table(equity).rows() == [(1, 2, 3, 0.25, 2), (3, 5, None, 0.2, 2)]
    dated = drawdown_table(equity, daily(6), top=1)
    assert dated.row(0)[:3] == tuple(daily(6)[1:4])
    assert drawdown_table(equity, daily(6))["end"].to_list()[1] is None


def test_no_drawdown_is_an_empty_table() -> None:
    for equity in ([], [1.0], [1.0, 1.0, 2.0]):
        table = drawdown_table(equity, daily(len(equity)) if equity else pl.Series([], dtype=pl.Datetime("us", "UTC")))
        assert table.columns == ["start", "trough", "end", "depth", "length"]
        assert table.is_empty()


@given(st.lists(st.floats(1.0, 100.0) | st.just(float("nan")), min_size=1, max_size=50))
def test_drawdowns_cover_every_bar_under_water_once(equity: list[float]) -> None:
    table = drawdown_table(equity, top=None)
    under = set()
    peak, held = -np.inf, -np.inf
    for bar, value in enumerate(equity):
        held = held if np.isnan(value) else value
        peak = max(peak, held)
        if held < peak:
            under.add(bar)
    covered = [
        bar
        for start, end in table.with_columns(pl.col("start") + pl.col("length"))
        .select(pl.col("start") - pl.col("length"), pl.col("start").alias("end"))
        .rows()
        for bar in range(start + 1, end)
    ]
    last_open = table.filter(pl.col("end").is_null())
    if last_open.height:
        covered.append(len(equity) - 1)
    assert sorted(covered) == sorted(under)


def test_rolling_figures_equal_empyrical() -> None:
    rng = np.random.default_rng(2)
    own, other = rng.normal(0, 0.01, 400), rng.normal(0, 0.01, 400)
    sharpe = rolling_sharpe(own, window=60, risk_free=1e-4, periods_per_year=252)
    np.testing.assert_allclose(sharpe[59:], empyrical.roll_sharpe_ratio(own, 60, risk_free=1e-4), rtol=1e-9)
    volatility = rolling_volatility(own, window=60, periods_per_year=252)
    np.testing.assert_allclose(volatility[59:], empyrical.roll_annual_volatility(own, 60), rtol=1e-9)
    beta = rolling_beta(own, other, window=60)
    np.testing.assert_allclose(beta[59:], empyrical.roll_beta(own, other, 60), rtol=1e-9)
    assert np.isnan(sharpe[:59]).all()


def test_an_absurd_bar_spoils_only_its_windows() -> None:
    own = np.random.default_rng(3).normal(0, 0.01, 300)
    spoiled = own.copy()
    spoiled[100] = 1e12
    spoiled[150] = np.nan
    clean, after = rolling_volatility(own, window=20), rolling_volatility(spoiled, window=20)
    touched = np.zeros(300, dtype=bool)
    touched[100:120] = touched[150:170] = True
    np.testing.assert_array_equal(clean[~touched], after[~touched])
    assert np.isnan(after[150:170]).all()


def test_rolling_edges() -> None:
    assert np.isnan(rolling_sharpe([0.1] * 5, window=9)).all()
    assert np.isnan(rolling_sharpe([0.1] * 5, window=3)).all()
    assert np.isnan(rolling_beta([0.1] * 5, [0.2] * 5, window=3)).all()
    assert rolling_sharpe([], window=3).size == 0
    with pytest.raises(ValueError, match="window must be 2 or more"):
        rolling_sharpe([0.1], window=1)
    with pytest.raises(ValueError, match="same bars"):
        rolling_beta([0.1], [0.1, 0.2], window=2)
