"""The figures of an account: growth, risk, trading. No Sharpe ratio among them: that stands in a `SharpeDoubt`."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.evaluation.base import MAX_POINTS
from gnomon.metrics.relative import alpha_beta, correlation, down_capture, information_ratio, up_capture
from gnomon.metrics.returns import (
    annual_return,
    annual_volatility,
    calmar_ratio,
    cum_returns_final,
    downside_risk,
    drawdown_series,
    max_drawdown,
    omega_ratio,
    sortino_ratio,
    stability_of_timeseries,
    tail_ratio,
)
from gnomon.simulation.base import Simulation


def growth_metrics(
    returns: Float64[Array, " t"],
    equity: Float64[Array, " t"],
    *,
    periods_per_year: float,
    risk_free: float = 0.0,
    initial: float,
) -> dict[str, float]:
    """Figures of returns per bar and the equity they led to, annual where they can be; `risk_free` is per bar.

    `max_drawdown` counts the fall from the `initial` equity too.
    """
    return {
        "total_return": cum_returns_final(returns),
        "annual_return": annual_return(returns, periods_per_year=periods_per_year),
        "annual_volatility": annual_volatility(returns, periods_per_year=periods_per_year),
        "max_drawdown": max_drawdown(np.concatenate(([initial], equity))),
        "sortino_ratio": sortino_ratio(returns, required_return=risk_free, periods_per_year=periods_per_year),
        "calmar_ratio": calmar_ratio(returns, periods_per_year=periods_per_year),
        "omega_ratio": omega_ratio(returns, risk_free=risk_free),
        "tail_ratio": tail_ratio(returns),
        "stability": stability_of_timeseries(returns),
        "downside_risk": downside_risk(returns, required_return=risk_free, periods_per_year=periods_per_year),
        "best_bar": float(returns.max()) if returns.size else math.nan,
        "worst_bar": float(returns.min()) if returns.size else math.nan,
        "positive_bars": float(np.mean(returns > 0.0)) if returns.size else math.nan,
    }


def account_metrics(simulation: Simulation, *, periods_per_year: float) -> dict[str, float]:
    """Figures of the account itself.

    final_equity, turnover (notional traded a year by the mean equity), traded and costs and carry (money), cost_share
    (costs by the notional traded), gross_exposure and net_exposure (means, as fractions of equity), time_in_market.
    """
    frame = simulation.equity
    equity = frame["equity"].to_numpy()
    safe = np.where(equity > 0.0, equity, np.nan)
    gross, net = frame["gross"].to_numpy() / safe, frame["net"].to_numpy() / safe
    traded, costs = float(frame["turnover"].sum()), float(frame["costs"].sum())
    years = len(equity) / periods_per_year
    mean = float(equity.mean()) if equity.size else math.nan
    return {
        "final_equity": float(equity[-1]) if equity.size else math.nan,
        "turnover": traded / mean / years if mean > 0.0 else math.nan,
        "traded": traded,
        "costs": costs,
        "cost_share": costs / traded if traded > 0.0 else math.nan,
        "carry": float(simulation.carry.sum()),
        "gross_exposure": _mean(gross),
        "net_exposure": _mean(net),
        "time_in_market": float(np.mean(frame["gross"].to_numpy() > 0.0)) if equity.size else math.nan,
    }


def relative_metrics(
    returns: Float64[Array, " t"], benchmark: Float64[Array, " t"], *, periods_per_year: float, risk_free: float = 0.0
) -> dict[str, float]:
    """The strategy against a benchmark; `risk_free` is per bar, the results annual where they can be."""
    alpha, beta = alpha_beta(returns, benchmark, risk_free=risk_free, periods_per_year=periods_per_year)
    return {
        "excess_return": annual_return(returns, periods_per_year=periods_per_year)
        - annual_return(benchmark, periods_per_year=periods_per_year),
        "alpha": alpha,
        "beta": beta,
        "correlation": correlation(returns, benchmark),
        "information_ratio": information_ratio(returns, benchmark, periods_per_year=periods_per_year),
        "up_capture": up_capture(returns, benchmark, periods_per_year=periods_per_year),
        "down_capture": down_capture(returns, benchmark, periods_per_year=periods_per_year),
    }


def equity_frame(simulation: Simulation) -> pl.DataFrame:
    """timestamp, equity, drawdown (a positive fraction of the peak), gross, net, turnover, costs; thinned.

    Where bars are joined, turnover and costs are summed, the drawdown is the deepest, the others are the last.
    """
    frame = simulation.equity
    equity = np.concatenate(([simulation.execution.initial_cash], frame["equity"].to_numpy()))
    full = frame.select(
        "timestamp",
        "equity",
        pl.Series("drawdown", drawdown_series(equity)[1:]),
        *(pl.col(name) for name in ("gross", "net", "turnover", "costs")),
    )
    return _thin(full, {"turnover": "sum", "costs": "sum", "drawdown": "max"})


def equity_line(timestamps: pl.Series, equity: Float64[Array, " t"]) -> pl.DataFrame:
    """timestamp, equity; thinned."""
    return _thin(pl.DataFrame({"timestamp": timestamps, "equity": equity}), {})


def _thin(frame: pl.DataFrame, joins: Mapping[str, str]) -> pl.DataFrame:
    if frame.height <= MAX_POINTS:
        return frame
    size = -(-frame.height // MAX_POINTS)
    # Counted from the end, so that every group is whole but the first, and the last bar is there.
    group = (frame.height - 1 - pl.int_range(frame.height)) // size
    columns = [getattr(pl.col(name), joins.get(name, "last"))() for name in frame.columns]
    return frame.group_by(group.alias("group"), maintain_order=True).agg(columns).drop("group")


def _mean(values: Float64[Array, " t"]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
