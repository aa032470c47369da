from __future__ import annotations

import math

import numpy as np
import pytest

from gnomon.core.errors import ConfigError
from gnomon.metrics import MetricsCalculator, sharpe_ratio, sharpe_standard_error

RETURNS = np.random.default_rng(1).normal(0.001, 0.01, 500)


def test_all_and_chosen_metrics() -> None:
    calculator = MetricsCalculator()
    everything = calculator.calculate(RETURNS)
    assert set(MetricsCalculator.METRICS) <= set(everything)
    assert all(math.isfinite(value) for value in everything.values())
    assert list(calculator.calculate(RETURNS, ["max_drawdown"])) == ["max_drawdown"]


def test_a_sharpe_ratio_brings_its_doubt() -> None:
    figures = MetricsCalculator(periods_per_year=100).calculate(RETURNS, ["sharpe_ratio"])
    assert figures["sharpe_ratio"] == pytest.approx(10 * sharpe_ratio(RETURNS))
    assert figures["sharpe_standard_error"] == pytest.approx(10 * sharpe_standard_error(0.1, n=500), rel=0.1)
    assert figures["bars"] == 500
    assert math.isnan(MetricsCalculator().calculate([0.0] * 5)["probabilistic_sharpe_ratio"])


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'sortino_ratio'"):
        MetricsCalculator().calculate(RETURNS, ["sortino"])
