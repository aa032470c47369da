from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.evaluation.doubt import sharpe_doubt
from gnomon.evaluation.regimes import _terciles, market_returns, regime_frame, regime_results


def test_the_market_is_the_mean_of_its_symbols(market: Any) -> None:
    bars = market(1, n=5, symbols=2)
    close = bars.pivot("symbol", index="timestamp", values="close")
    slow = ((close["S0"] / close["S0"].shift(1) - 1) + (close["S1"] / close["S1"].shift(1) - 1)) / 2
    np.testing.assert_allclose(market_returns(bars)["return"], slow.drop_nulls())


def test_terciles_are_by_rank_among_what_was_before() -> None:
    values = np.array([np.nan, 1.0, 2.0, 3.0, 2.5, 0.5, 9.0])
    assert _terciles(values, 3).tolist() == ["unknown"] * 4 + ["high", "low", "high"]


@pytest.mark.parametrize("minutes", [1440, 240])
def test_a_regime_never_depends_on_its_own_day_or_later(market: Any, minutes: int) -> None:
    bars = market(2, n=400 * 1440 // minutes, symbols=2, minutes=minutes)
    stamps = bars["timestamp"].unique().sort()
    whole = regime_frame(bars, stamps)
    assert set(whole["volatility"]) == {"unknown", "low", "middle", "high"}
    assert set(whole["trend"]) == {"unknown", "up", "down"}
    for cut in (150, 200, 333):
        moment = stamps[cut * 1440 // minutes]
        inside = (pl.col("timestamp") - pl.duration(microseconds=1)).dt.date()
        day = pl.select(pl.lit(moment).alias("timestamp")).select(inside).item()
        factor = np.random.default_rng(cut).uniform(0.1, 9.0)
        spoiled = bars.with_columns(
            pl.when(inside >= day).then(pl.col("close") * factor).otherwise("close").alias("close")
        )
        upto = pl.col("timestamp") <= moment
        assert regime_frame(spoiled, stamps).filter(upto).equals(whole.filter(upto))
        # control: a regime that sees its own day would differ, as the day after does
        assert not regime_frame(spoiled, stamps).equals(whole)


def test_history_before_the_period_gives_regimes_from_its_first_bar(market: Any) -> None:
    bars = market(3, n=400)
    late = bars["timestamp"].unique().sort().tail(100)
    assert "unknown" not in set(regime_frame(bars, late)["volatility"])
    assert "unknown" in set(regime_frame(bars.filter(pl.col("timestamp").is_in(late.implode())), late)["volatility"])


def test_results_split_the_bars(market: Any) -> None:
    bars = market(4, n=500)
    stamps = bars["timestamp"].unique().sort()
    returns = np.random.default_rng(1).normal(0, 0.01, 500)
    table = regime_results(returns, regime_frame(bars, stamps), lambda held: sharpe_doubt(held, periods_per_year=365))
    years = table.filter(pl.col("regime") == "year")
    assert years["bars"].sum() == 500
    assert np.prod(1 + years["total_return"].to_numpy()) == pytest.approx(np.prod(1 + returns))
    assert years["n"].to_list() == years["bars"].to_list()
    assert table.filter(pl.col("regime") == "volatility")["value"].to_list() == ["low", "middle", "high"]
