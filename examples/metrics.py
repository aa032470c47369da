"""Metrics of a year of returns, and how far its Sharpe ratio can be believed.

Run it: python examples/metrics.py
"""

from __future__ import annotations

import math

import numpy as np

from gnomon.metrics import (
    annualisation_factor,
    autocorrelation,
    deflated_sharpe_ratio,
    drawdown_table,
    kurtosis,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
    sharpe_ratio,
    sharpe_standard_error,
    skewness,
    superior_predictive_ability,
)


def main() -> None:
    """Fifty strategies without skill; the best of them looks good until the tries are counted."""
    rng = np.random.default_rng(3)
    returns = rng.standard_t(5, size=(1000, 50)) * 0.008
    ratios = np.array([sharpe_ratio(column) for column in returns.T])
    best = returns[:, ratios.argmax()]

    sharpe, n = ratios.max(), len(best)
    shape = {"skew": skewness(best), "kurtosis": kurtosis(best)}
    error = sharpe_standard_error(sharpe, n=n, **shape)
    print(f"best of 50: annual Sharpe {sharpe * math.sqrt(252):.2f}, standard error {error * math.sqrt(252):.2f}")
    adjusted = sharpe * annualisation_factor(periods=252, autocorrelation=autocorrelation(best))
    print(f"allowing for autocorrelation: {adjusted:.2f}")
    print(f"record needed: {minimum_track_record_length(sharpe, **shape):.0f} of {n} bars")

    print(f"taken alone, it is above 0 with probability {probabilistic_sharpe_ratio(sharpe, n=n, **shape):.3f}")
    deflated = deflated_sharpe_ratio(sharpe, n=n, trials=50, variance=float(ratios.var(ddof=1)), **shape)
    print(f"above the best of 50 without skill: {deflated:.3f}")
    print(f"choosing overfits with probability {probability_of_backtest_overfitting(returns):.2f}")
    test = superior_predictive_ability(returns, rng=np.random.default_rng(1))
    print(f"test of the maximum over all 50: p = {test.pvalue:.2f}")

    print(drawdown_table(np.concatenate(([1.0], np.cumprod(1.0 + best))), top=3))


if __name__ == "__main__":
    main()
