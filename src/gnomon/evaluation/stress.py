"""What an account could lose: value at risk, named shocks to its positions, worst windows, redrawn histories."""

from __future__ import annotations

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import conditional_value_at_risk, cum_returns, max_drawdown, value_at_risk
from gnomon.metrics.risk import (
    SCENARIOS,
    bootstrap_drawdowns,
    cornish_fisher_conditional_value_at_risk,
    cornish_fisher_value_at_risk,
    gaussian_conditional_value_at_risk,
    gaussian_value_at_risk,
    worst_windows,
)
from gnomon.simulation.base import Simulation

STRESS_SCHEMA = {"scenario": pl.String, "kind": pl.String, "return": pl.Float64}


def risk_metrics(returns: Float64[Array, " t"]) -> dict[str, float]:
    """Value at risk and its tail mean, at 5% and 1%, by three methods; losses are negative returns."""
    methods = {
        "value_at_risk": value_at_risk,
        "conditional_value_at_risk": conditional_value_at_risk,
        "gaussian_value_at_risk": gaussian_value_at_risk,
        "gaussian_conditional_value_at_risk": gaussian_conditional_value_at_risk,
        "cornish_fisher_value_at_risk": cornish_fisher_value_at_risk,
        "cornish_fisher_conditional_value_at_risk": cornish_fisher_conditional_value_at_risk,
    }
    result = {}
    for name, method in methods.items():
        result[name] = method(returns, cutoff=0.05)
        result[f"{name}_1"] = method(returns, cutoff=0.01)
    return result


def stress_table(
    simulation: Simulation, returns: Float64[Array, " t"], *, judged: str, rng: np.random.Generator
) -> pl.DataFrame:
    """scenario, kind, return.

    "shock": a named move of every price strikes at the bar whose net exposure it hurts most. "window": the worst
    stretch of so many days or bars that was lived through. "returns": the whole record with its mean taken out, or with
    its swings doubled. "drawdown": quantiles of the deepest drawdown over redrawn histories, as a negative return.
    `returns` are the judged ones (`judged` says days or bars).
    """
    rows: list[tuple[str, str, float]] = []
    equity = simulation.equity["equity"].to_numpy()
    exposure = simulation.equity["net"].to_numpy() / np.where(equity > 0.0, equity, np.inf)
    if exposure.size:
        rows += [(one.name, "shock", float((exposure * one.move).min())) for one in SCENARIOS]
    rows += [
        (f"worst {bars} {judged}" if bars > 1 else f"worst {judged.removesuffix('s')}", "window", worst)
        for bars, worst in worst_windows(returns).select("bars", "return").rows()
    ]
    if returns.size:
        mean = float(returns.mean())
        rows.append(("without its mean return", "returns", _compound(returns - mean)))
        rows.append(
            ("with swings twice as large", "returns", _compound(np.maximum(mean + 2.0 * (returns - mean), -1.0)))
        )
        depths = bootstrap_drawdowns(returns, rng=rng)
        own = max_drawdown(np.concatenate(([1.0], 1.0 + cum_returns(returns))))
        rows.append(("drawdown as it was", "drawdown", -own))
        rows += [
            (f"drawdown of redrawn histories, {share:.0%}", "drawdown", -float(np.quantile(depths, share)))
            for share in (0.5, 0.95, 0.99)
        ]
    return pl.DataFrame(rows, schema=STRESS_SCHEMA, orient="row")


def _compound(returns: Float64[Array, " t"]) -> float:
    return float(np.prod(1.0 + returns) - 1.0)
