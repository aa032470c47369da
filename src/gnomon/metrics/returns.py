"""What a series of returns is worth: growth, volatility, ratios. Named, and valued to 1e-9, as in empyrical.

A return is a simple fraction of one bar; rates (`risk_free`, `required_return`) are per bar too, unless a docstring
says otherwise. With `periods_per_year` the result is annual, without it per bar. NaN returns are missing: they are left
out of means and deviations, and count as 0 in compounding. Where nothing can be known (no value, or a deviation of a
single value) the result is NaN; nothing ever warns.

What differs from empyrical: `max_drawdown` takes equity rather than returns, and is positive; `value_at_risk` leaves
NaN out; a volatility that is only rounding error counts as 0; inputs may be any sequence of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from gnomon.core.types import Array, Float64

Series: TypeAlias = "Float64[Array, ' t'] | Sequence[float]"

_ROUNDING = 1e-13
"""A deviation below this share of the largest value is what rounding leaves of equal values."""

_ROUNDING_OF_ONE = 1e-15
"""And below this one, what it leaves of returns taken from an equity: those are differences from 1."""


def as_series(values: Series) -> Float64[Array, " t"]:
    """One-dimensional float64, without a copy where it is that already. ValueError for anything else."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"expected one value a bar, was an array of shape {array.shape}; call it for each column")
    return array


def as_panel(returns: Float64[Array, "t n"]) -> Float64[Array, "t n"]:
    """A finite float64 table [bars, strategies]. ValueError names the first value that is not."""
    matrix = np.asarray(returns, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"returns must be a table [bars, strategies], was of shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        bar, column = (int(place[0]) for place in np.nonzero(~np.isfinite(matrix)))
        raise ValueError(
            f"returns[{bar}, {column}] is {matrix[bar, column]}; give the trials the same bars, 0 where one was out"
        )
    return matrix


def present(values: Series) -> Float64[Array, " t"]:
    """The values that are not NaN."""
    array = as_series(values)
    missing = np.isnan(array)
    return array[~missing] if missing.any() else array


def simple_returns(prices: Series) -> Float64[Array, " t"]:
    """Change from each price to the next as a fraction, one value fewer than prices.

    NaN beside a missing price and after a price of 0.

    >>> simple_returns([100.0, 110.0, 99.0]).round(3).tolist()
    [0.1, -0.1]
    """
    price = as_series(prices)
    base = price[:-1]
    usable = base != 0.0
    return np.asarray(np.divide(np.diff(price), base, out=np.full(base.size, np.nan), where=usable))


def cum_returns(returns: Series) -> Float64[Array, " t"]:
    """Compounded return up to each bar.

    >>> cum_returns([0.1, -0.1]).round(3).tolist()
    [0.1, -0.01]
    """
    array = as_series(returns)
    return np.asarray(np.cumprod(np.where(np.isnan(array), 1.0, 1.0 + array)) - 1.0)


def cum_returns_final(returns: Series) -> float:
    """Compounded return of all bars; NaN without a bar.

    >>> round(cum_returns_final([0.1, -0.1]), 3)
    -0.01
    """
    array = as_series(returns)
    if array.size == 0:
        return math.nan
    return float(np.prod(1.0 + present(array)) - 1.0)


def annual_return(returns: Series, *, periods_per_year: float) -> float:
    """Compound annual growth rate. NaN without a bar; -1 once everything is lost.

    Missing bars count as time that passed.

    >>> round(annual_return([0.01] * 12, periods_per_year=12), 6)
    0.126825
    """
    array = as_series(returns)
    if array.size == 0:
        return math.nan
    ending = 1.0 + cum_returns_final(array)
    if ending <= 0.0:
        return -1.0
    # In logarithms: a minute's growth to the power of half a million would overflow with a warning.
    rate = math.log(ending) * periods_per_year / array.size
    return math.expm1(rate) if rate < 700.0 else math.inf


cagr = annual_return


def annual_volatility(returns: Series, *, periods_per_year: float) -> float:
    """Standard deviation (one degree of freedom lost) times the root of a year's bars; NaN below two values."""
    return deviation(present(returns)) * math.sqrt(periods_per_year)


def deviation(values: Float64[Array, " t"]) -> float:
    """Sample standard deviation of values without NaN; exactly 0 where they are equal; NaN below two."""
    if values.size < 2:
        return math.nan
    spread = float(values.std(ddof=1))
    return 0.0 if spread <= max(_ROUNDING * float(np.abs(values).max()), _ROUNDING_OF_ONE) else spread


def ratio(numerator: float, denominator: float) -> float:
    """Numerator by denominator; by 0: infinity with the numerator's sign, NaN for 0 by 0."""
    if denominator == 0.0 and not math.isnan(numerator):
        return math.copysign(math.inf, numerator) if numerator else math.nan
    return numerator / denominator


def sharpe_ratio(returns: Series, *, risk_free: float = 0.0, periods_per_year: float | None = None) -> float:
    """Mean excess return by its standard deviation (Sharpe 1994).

    NaN below two values; infinite for equal returns that are not 0, NaN where they are.

    >>> round(sharpe_ratio([0.01, 0.03, -0.01], periods_per_year=12), 6)
    1.732051
    """
    excess = present(returns) - risk_free
    if excess.size < 2:
        return math.nan
    return ratio(float(excess.mean()), deviation(excess)) * math.sqrt(periods_per_year or 1.0)


def downside_risk(returns: Series, *, required_return: float = 0.0, periods_per_year: float | None = None) -> float:
    """Root of the mean squared shortfall below `required_return`, over all values; NaN without one."""
    excess = present(returns) - required_return
    if excess.size == 0:
        return math.nan
    return math.sqrt(float(np.mean(np.square(np.minimum(excess, 0.0))))) * math.sqrt(periods_per_year or 1.0)


def sortino_ratio(returns: Series, *, required_return: float = 0.0, periods_per_year: float | None = None) -> float:
    """Mean excess return by the downside risk (Sortino and Price 1994).

    NaN below two values; infinite without a shortfall, NaN where nothing was earned either.
    """
    excess = present(returns) - required_return
    if excess.size < 2:
        return math.nan
    return ratio(float(excess.mean()), downside_risk(excess)) * math.sqrt(periods_per_year or 1.0)


def calmar_ratio(returns: Series, *, periods_per_year: float) -> float:
    """Annual return by the deepest drawdown; NaN where there was none (Young 1991)."""
    array = as_series(returns)
    if array.size == 0:
        return math.nan
    depth = max_drawdown(np.concatenate(([1.0], 1.0 + cum_returns(array))))
    return annual_return(array, periods_per_year=periods_per_year) / depth if depth > 0.0 else math.nan


def omega_ratio(
    returns: Series,
    *,
    risk_free: float = 0.0,
    required_return: float = 0.0,
    periods_per_year: float | None = None,
) -> float:
    """Sum of what was earned above the required return by the sum of what was missed (Keating and Shadwick 2002).

    `required_return` is annual where `periods_per_year` is given (a root of it is taken, as in empyrical), else per
    bar. NaN below two values, without a shortfall, or for a required return of -1 or less.
    """
    array = present(returns)
    threshold = required_return
    if periods_per_year is not None and periods_per_year != 1.0:
        if required_return <= -1.0:
            return math.nan
        threshold = (1.0 + required_return) ** (1.0 / periods_per_year) - 1.0
    excess = array - risk_free - threshold
    missed = -float(excess[excess < 0.0].sum())
    if array.size < 2 or missed <= 0.0:
        return math.nan
    return float(excess[excess > 0.0].sum()) / missed


def tail_ratio(returns: Series) -> float:
    """The 95% quantile by the 5% quantile, both without sign; NaN without a value.

    >>> round(tail_ratio([-0.02, 0.0, 0.02]), 9)
    1.0
    """
    array = present(returns)
    if array.size == 0:
        return math.nan
    low, high = np.percentile(array, [5, 95])
    return ratio(abs(float(high)), abs(float(low)))


def stability_of_timeseries(returns: Series) -> float:
    """R squared of a straight line through the logarithm of the growth; NaN below two values, or once all is lost."""
    array = present(returns)
    if array.size < 2 or (array <= -1.0).any():
        return math.nan
    growth = np.cumsum(np.log1p(array))
    time = np.arange(growth.size) - (growth.size - 1) / 2.0
    residual = growth - growth.mean()
    spread = float(residual @ residual)
    return float(time @ residual) ** 2 / (float(time @ time) * spread) if spread > 0.0 else math.nan


def value_at_risk(returns: Series, *, cutoff: float = 0.05) -> float:
    """The return that a share `cutoff` of bars falls below (a loss is negative); NaN without a value."""
    array = present(returns)
    return float(np.percentile(array, 100.0 * cutoff)) if array.size else math.nan


def conditional_value_at_risk(returns: Series, *, cutoff: float = 0.05) -> float:
    """Mean of the worst share `cutoff` of bars (a loss is negative); NaN without a value."""
    array = present(returns)
    if array.size == 0:
        return math.nan
    last = int((array.size - 1) * cutoff)
    return float(np.mean(np.partition(array, last)[: last + 1]))


def max_drawdown(equity: Series) -> float:
    """Deepest fall from a running peak, as a fraction of that peak. Takes equity, not returns.

    NaN without a value; missing values are passed over; can be above 1 where equity falls below 0.

    >>> max_drawdown([100.0, 120.0, 90.0])
    0.25
    """
    depth = drawdown_series(present(equity))
    return float(depth.max()) if depth.size else math.nan


def drawdown_series(equity: Series) -> Float64[Array, " t"]:
    """Depth under the running peak at each bar, as a fraction of that peak: 0 at a peak. NaN where equity is.

    Before the first equity above 0 there is nothing to fall from: 0.
    """
    array = as_series(equity)
    if array.size == 0:
        return array
    peak = np.fmax.accumulate(array)
    fall = np.where(np.isnan(array), np.nan, 0.0)
    return np.asarray(np.divide(peak - array, peak, out=fall, where=(peak > 0.0) & ~np.isnan(array)))


def skewness(returns: Series) -> float:
    """Third standardised moment (of the population); NaN below three values or without spread."""
    return _moment(returns, 3)


def kurtosis(returns: Series) -> float:
    """Fourth standardised moment (of the population), raw: 3 for normal returns; NaN below four values."""
    return _moment(returns, 4)


def _moment(returns: Series, order: int) -> float:
    array = present(returns)
    spread = deviation(array)
    if array.size < order or not spread > 0.0:
        return math.nan
    residual = array - array.mean()
    # Products, because a power of three or four takes numpy twenty times as long.
    square = residual * residual
    power = square * (residual if order == 3 else square)
    return float(np.mean(power) / np.mean(square) ** (order / 2))


def autocorrelation(returns: Series, *, lag: int = 1) -> float:
    """Correlation of returns with those `lag` bars before, around one mean; NaN below `lag` + 2 values or no spread."""
    array = present(returns)
    if array.size < lag + 2 or not deviation(array) > 0.0:
        return math.nan
    residual = array - array.mean()
    return float(residual[lag:] @ residual[:-lag]) / float(residual @ residual)
