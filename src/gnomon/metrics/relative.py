"""A strategy against a benchmark: alpha, beta, information ratio, capture. Valued as in empyrical to 1e-9.

Both series hold one return a bar, of the same bars. A bar where either is NaN is left out of both.
"""

from __future__ import annotations

import math

import numpy as np

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import Series, annual_return, as_series, deviation, ratio


def alpha_beta(
    returns: Series, benchmark: Series, *, risk_free: float = 0.0, periods_per_year: float | None = None
) -> tuple[float, float]:
    """Jensen's alpha and the beta of a regression on the benchmark.

    Alpha is compounded over `periods_per_year`, per bar without; `risk_free` is per bar. NaN below two bars, or where
    the benchmark does not move.

    >>> alpha, beta = alpha_beta([0.02, 0.0, 0.04], [0.01, 0.0, 0.02])
    >>> round(alpha, 9), round(beta, 9)
    (0.0, 2.0)
    """
    own, other = _both(returns, benchmark)
    if own.size < 2:
        return math.nan, math.nan
    residual = other - other.mean()
    variance = float(np.mean(residual**2))
    if variance < 1e-30:
        return math.nan, math.nan
    beta = float(np.mean(residual * own)) / variance
    alpha = float(np.mean((own - risk_free) - beta * (other - risk_free)))
    return (alpha if periods_per_year is None else (1.0 + alpha) ** periods_per_year - 1.0), beta


def alpha(
    returns: Series, benchmark: Series, *, risk_free: float = 0.0, periods_per_year: float | None = None
) -> float:
    """The first of `alpha_beta`."""
    return alpha_beta(returns, benchmark, risk_free=risk_free, periods_per_year=periods_per_year)[0]


def beta(returns: Series, benchmark: Series, *, risk_free: float = 0.0) -> float:
    """The second of `alpha_beta`."""
    return alpha_beta(returns, benchmark, risk_free=risk_free)[1]


def excess_sharpe(returns: Series, benchmark: Series) -> float:
    """Mean return above the benchmark by its standard deviation, per bar; NaN below two bars."""
    return information_ratio(returns, benchmark)


def information_ratio(returns: Series, benchmark: Series, *, periods_per_year: float | None = None) -> float:
    """`excess_sharpe`, annual where `periods_per_year` is given."""
    own, other = _both(returns, benchmark)
    if own.size < 2:
        return math.nan
    excess = own - other
    return ratio(float(excess.mean()), deviation(excess)) * math.sqrt(periods_per_year or 1.0)


def correlation(returns: Series, benchmark: Series) -> float:
    """Pearson's correlation; NaN below two bars or where either does not move."""
    own, other = _both(returns, benchmark)
    if own.size < 2 or not deviation(own) > 0.0 or not deviation(other) > 0.0:
        return math.nan
    return float(np.corrcoef(own, other)[0, 1])


def up_capture(returns: Series, benchmark: Series, *, periods_per_year: float) -> float:
    """Annual return over the bars on which the benchmark rose, by the benchmark's own; NaN without such a bar."""
    own, other = _both(returns, benchmark)
    return _capture(own, other, other > 0.0, periods_per_year)


def down_capture(returns: Series, benchmark: Series, *, periods_per_year: float) -> float:
    """Annual return over the bars on which the benchmark fell, by the benchmark's own; NaN without such a bar."""
    own, other = _both(returns, benchmark)
    return _capture(own, other, other < 0.0, periods_per_year)


def _both(returns: Series, benchmark: Series) -> tuple[Float64[Array, " t"], Float64[Array, " t"]]:
    own, other = as_series(returns), as_series(benchmark)
    if own.size != other.size:
        raise ValueError(f"returns and benchmark must be of the same bars, were {own.size} and {other.size} long")
    held = ~(np.isnan(own) | np.isnan(other))
    return own[held], other[held]


def _capture(own: Float64[Array, " t"], other: Float64[Array, " t"], bars: Array, periods_per_year: float) -> float:
    return ratio(
        annual_return(own[bars], periods_per_year=periods_per_year),
        annual_return(other[bars], periods_per_year=periods_per_year),
    )
