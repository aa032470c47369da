"""Metrics by name, for those who choose them in a list."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gnomon.core.errors import ConfigError, unknown
from gnomon.core.types import Array, Float64
from gnomon.metrics import returns as r
from gnomon.metrics.significance import probabilistic_sharpe_ratio, sharpe_standard_error

Metric = Callable[[Float64[Array, " t"], float, float], float]


@dataclass(frozen=True, kw_only=True)
class MetricsCalculator:
    """Figures of returns per bar, by name; annual where they can be. `risk_free` is per bar.

    >>> figures = MetricsCalculator(periods_per_year=12).calculate([0.1, -0.05], ["total_return", "max_drawdown"])
    >>> round(figures["total_return"], 3), round(figures["max_drawdown"], 3)
    (0.045, 0.05)
    """

    periods_per_year: float = 252.0
    risk_free: float = 0.0

    METRICS: ClassVar[dict[str, Metric]] = {
        "total_return": lambda x, *_: r.cum_returns_final(x),
        "annual_return": lambda x, p, _: r.annual_return(x, periods_per_year=p),
        "annual_volatility": lambda x, p, _: r.annual_volatility(x, periods_per_year=p),
        "max_drawdown": lambda x, *_: r.max_drawdown(np.concatenate(([1.0], 1.0 + r.cum_returns(x)))),
        "sharpe_ratio": lambda x, p, f: r.sharpe_ratio(x, risk_free=f, periods_per_year=p),
        "sortino_ratio": lambda x, p, f: r.sortino_ratio(x, required_return=f, periods_per_year=p),
        "calmar_ratio": lambda x, p, _: r.calmar_ratio(x, periods_per_year=p),
        "omega_ratio": lambda x, _, f: r.omega_ratio(x, risk_free=f),
        "downside_risk": lambda x, p, f: r.downside_risk(x, required_return=f, periods_per_year=p),
        "tail_ratio": lambda x, *_: r.tail_ratio(x),
        "stability": lambda x, *_: r.stability_of_timeseries(x),
        "value_at_risk": lambda x, *_: r.value_at_risk(x),
        "conditional_value_at_risk": lambda x, *_: r.conditional_value_at_risk(x),
        "skewness": lambda x, *_: r.skewness(x),
        "kurtosis": lambda x, *_: r.kurtosis(x),
    }

    def calculate(self, returns: r.Series, names: Iterable[str] | None = None) -> dict[str, float]:
        """The metrics asked for, all by default. ConfigError names the nearest where one is not known.

        A Sharpe ratio comes with `sharpe_standard_error` (annual), `probabilistic_sharpe_ratio` and `bars`.
        """
        array = r.as_series(returns)
        chosen = list(self.METRICS) if names is None else list(names)
        result: dict[str, float] = {}
        for name in chosen:
            if name not in self.METRICS:
                raise ConfigError(unknown("metric", name, self.METRICS))
            result[name] = self.METRICS[name](array, self.periods_per_year, self.risk_free)
            if name == "sharpe_ratio":
                result |= self._doubt(array)
        return result

    def _doubt(self, returns: Float64[Array, " t"]) -> dict[str, float]:
        sharpe, n = r.sharpe_ratio(returns, risk_free=self.risk_free), r.present(returns).size
        skew, kurt = r.skewness(returns), r.kurtosis(returns)
        error = psr = math.nan
        if math.isfinite(sharpe) and not math.isnan(skew + kurt):
            error = sharpe_standard_error(sharpe, n=n, skew=skew, kurtosis=kurt) * math.sqrt(self.periods_per_year)
            psr = probabilistic_sharpe_ratio(sharpe, n=n, skew=skew, kurtosis=kurt)
        return {"sharpe_standard_error": error, "probabilistic_sharpe_ratio": psr, "bars": float(n)}
