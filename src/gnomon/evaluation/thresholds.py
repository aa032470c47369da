"""The pass/fail table: figures against the limits of `evaluation.thresholds`."""

from __future__ import annotations

from collections.abc import Mapping

from gnomon.config.models import ThresholdsConfig
from gnomon.evaluation.base import SharpeDoubt, ThresholdResult


def judge_thresholds(
    metrics: Mapping[str, float], doubt: SharpeDoubt, config: ThresholdsConfig
) -> tuple[ThresholdResult, ...]:
    """One result a limit. A figure that cannot be known (NaN) does not pass.

    `sharpe_ratio` is annual and allows for autocorrelation where that lowers it: the smaller of the two annual figures.
    """
    annual = doubt.annual_sharpe
    if doubt.adjusted_annual_sharpe < annual:
        annual = doubt.adjusted_annual_sharpe
    drawdown, factor = metrics["max_drawdown"], metrics["profit_factor"]
    return (
        ThresholdResult(
            name="sharpe_ratio",
            value=annual,
            relation="at least",
            limit=config.min_sharpe,
            passed=annual >= config.min_sharpe,
            doubt=doubt,
        ),
        ThresholdResult(
            name="max_drawdown",
            value=drawdown,
            relation="at most",
            limit=config.max_drawdown,
            passed=drawdown <= config.max_drawdown,
        ),
        ThresholdResult(
            name="profit_factor",
            value=factor,
            relation="at least",
            limit=config.min_profit_factor,
            passed=factor >= config.min_profit_factor,
        ),
    )
