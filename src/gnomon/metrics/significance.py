"""How far a Sharpe ratio can be believed: its error, its track record, and what the number of tries does to it.

Sharpe ratios are per bar, `n` counts bars (T), kurtosis is raw (normal = 3), unless a docstring says otherwise.

Sources. Lo 2002, "The Statistics of Sharpe Ratios". Bailey and López de Prado 2012, "The Sharpe Ratio Efficient
Frontier" (SSRN 1821643), and 2014, "The Deflated Sharpe Ratio" (SSRN 2460551). Bailey, Borwein, López de Prado and Zhu
2014, "Pseudo-Mathematics and Financial Charlatanism" (SSRN 2308659), and 2017, "The Probability of Backtest
Overfitting" (SSRN 2326253). López de Prado, Lipton and Zoonekynd 2025, "How to Use the Sharpe Ratio" (SSRN 5520741).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from gnomon.core.types import Array, Float64
from gnomon.metrics.returns import Series, as_panel, autocorrelation, present, sharpe_ratio

_CELLS = 1 << 22
"""Numbers held at a time while splits are scored."""


def _spread(sharpe: float, skew: float, kurtosis: float) -> float:
    """The variance of a Sharpe ratio's estimate, times the number of bars."""
    spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if spread < -1e-9:
        raise ValueError(
            f"no returns have skew {skew} and raw kurtosis {kurtosis} (kurtosis is at least 1 + skew squared); "
            "is the kurtosis an excess kurtosis? add 3"
        )
    return max(spread, 0.0)


def _bars(n: int, least: int = 2) -> int:
    if n < least:
        raise ValueError(f"n must be {least} or more bars, was {n}")
    return n


def _probability(name: str, value: float) -> float:
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} must be between 0 and 1, was {value}")
    return value


def sharpe_standard_error(sharpe: float, *, n: int, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """Standard error of a Sharpe ratio estimated from `n` returns of any distribution (Bailey, López de Prado 2012).

    >>> round(sharpe_standard_error(0.7079, n=134, skew=-0.2250, kurtosis=2.9570), 4)
    0.1028
    """
    return math.sqrt(_spread(sharpe, skew, kurtosis) / (_bars(n) - 1))


def lo_standard_error(sharpe: float, *, n: int) -> float:
    """Lo's (2002) standard error for independent normal returns: as `sharpe_standard_error`, but over n, not n - 1.

    >>> round(lo_standard_error(0.5, n=60), 3)
    0.137
    """
    return math.sqrt(_spread(sharpe, 0.0, 3.0) / _bars(n, 1))


def probabilistic_sharpe_ratio(
    sharpe: float, *, n: int, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Probability that the true Sharpe ratio is above `benchmark` (PSR; Bailey and López de Prado 2012).

    >>> round(probabilistic_sharpe_ratio(1.585 / 12**0.5, n=24, skew=-2.448, kurtosis=10.164), 10)
    0.9132343069
    """
    error = sharpe_standard_error(sharpe, n=n, skew=skew, kurtosis=kurtosis)
    return _below(sharpe - benchmark, error)


def _below(excess: float, error: float) -> float:
    if error == 0.0:
        return 0.5 if excess == 0.0 else float(excess > 0.0)
    return float(ndtr(excess / error))


def expected_maximum_sharpe(*, trials: float, variance: float, exact: bool = False) -> float:
    """The Sharpe ratio to expect of the best of `trials` tries without skill, whose ratios have this variance (SR0).

    By the approximation of Bailey and López de Prado (2014), which is refused below 5 trials, or exactly, as an
    integral over the normal order statistic. `trials` may be an effective number, and need not be whole.

    >>> round(expected_maximum_sharpe(trials=100, variance=1.0), 6)
    2.530603
    >>> round(expected_maximum_sharpe(trials=100, variance=1.0, exact=True), 6)
    2.507594
    """
    if variance < 0.0:
        raise ValueError(f"variance must be 0 or more, was {variance}")
    if exact:
        if trials < 1:
            raise ValueError(f"trials must be 1 or more, was {trials}")
        return math.sqrt(variance) * _expected_maximum_normal(trials)
    if trials < 5:
        raise ValueError(f"trials must be 5 or more for the approximation, was {trials}; pass exact=True")
    first = float(ndtri(1.0 - 1.0 / trials))
    second = float(ndtri(1.0 - 1.0 / (trials * math.e)))
    return math.sqrt(variance) * ((1.0 - np.euler_gamma) * first + np.euler_gamma * second)


def _expected_maximum_normal(trials: float) -> float:
    if trials == 1:
        return 0.0
    from scipy.integrate import quad

    # E[max] = int_0^inf (1 - F^N) - int_-inf^0 F^N; in logarithms, because F^N is 1 to the last digit far out.
    above = quad(lambda x: -math.expm1(trials * log_ndtr(x)), 0.0, 40.0, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    below = quad(lambda x: math.exp(trials * log_ndtr(x)), -40.0, 0.0, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    return float(above - below)


def deflated_sharpe_ratio(
    sharpe: float,
    *,
    n: int,
    trials: float,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    exact: bool = False,
) -> float:
    """Probability that the true Sharpe ratio is above what the best of `trials` tries without skill would show (DSR).

    `variance` is that of the trials' Sharpe ratios, per bar; `exact` as in `expected_maximum_sharpe`.

    >>> round(deflated_sharpe_ratio(2.5 / 250**0.5, n=1250, trials=100, variance=0.5 / 250, skew=-3, kurtosis=10), 10)
    0.9003968344
    """
    hurdle = expected_maximum_sharpe(trials=trials, variance=variance, exact=exact)
    return probabilistic_sharpe_ratio(sharpe, n=n, benchmark=hurdle, skew=skew, kurtosis=kurtosis)


def minimum_track_record_length(
    sharpe: float, *, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0, level: float = 0.95
) -> float:
    """Bars needed before PSR over `benchmark` passes `level`; infinity where the ratio is not above it.

    >>> round(minimum_track_record_length(0.7079, skew=-0.2250, kurtosis=2.9570) / 12, 5)
    0.71522
    """
    spread = _spread(sharpe, skew, kurtosis)
    z = float(ndtri(_probability("level", level)))
    return 1.0 + spread * (z / (sharpe - benchmark)) ** 2 if sharpe > benchmark else math.inf


def minimum_backtest_length(*, trials: float, sharpe: float) -> float:
    """Years of data below which the best of `trials` tries without skill is expected to show this *annual* ratio.

    >>> round(minimum_backtest_length(trials=45, sharpe=1.0), 6)
    4.998087
    """
    if sharpe <= 0.0:
        raise ValueError(f"sharpe must be above 0, was {sharpe}")
    return (expected_maximum_sharpe(trials=trials, variance=1.0) / sharpe) ** 2


def null_sharpe_standard_error(sharpe: float, *, n: int, skew: float = 0.0, kurtosis: float = 3.0) -> float:
    """Standard error that a Sharpe ratio would have were `sharpe` the truth, over n (the 2025 revision).

    >>> round(null_sharpe_standard_error(0.036 / 0.079, n=24, skew=-2.448, kurtosis=10.164), 3)
    0.329
    """
    return math.sqrt(_spread(sharpe, skew, kurtosis) / _bars(n, 1))


def null_probabilistic_sharpe_ratio(
    sharpe: float, *, n: int, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """PSR with the error taken at the null hypothesis rather than at the estimate (the 2025 revision).

    >>> round(null_probabilistic_sharpe_ratio(0.036 / 0.079, n=24, benchmark=0.1, skew=-2.448, kurtosis=10.164), 3)
    0.939
    """
    error = null_sharpe_standard_error(benchmark, n=n, skew=skew, kurtosis=kurtosis)
    return _below(sharpe - benchmark, error)


def null_minimum_track_record_length(
    sharpe: float, *, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0, level: float = 0.95
) -> float:
    """Bars needed before `null_probabilistic_sharpe_ratio` passes `level` (the 2025 revision).

    >>> round(null_minimum_track_record_length(0.036 / 0.079, skew=-2.448, kurtosis=10.164), 3)
    13.029
    """
    spread = _spread(benchmark, skew, kurtosis)
    z = float(ndtri(_probability("level", level)))
    return spread * (z / (sharpe - benchmark)) ** 2 if sharpe > benchmark else math.inf


def annualisation_factor(*, periods: float, autocorrelation: float | Sequence[float]) -> float:
    """What a Sharpe ratio per bar is multiplied by for one over `periods` bars: Lo's (2002) eta(q).

    `autocorrelation`: that of lag one, with the others those of an AR(1); or a sequence, of lags 1, 2, ... (0 beyond).
    Without it the factor is the root of `periods`.

    >>> round(annualisation_factor(periods=12, autocorrelation=0.2), 2)
    2.88
    """
    if not periods >= 1.0:
        raise ValueError(f"periods must be 1 or more, was {periods}")
    if isinstance(autocorrelation, (int, float)):
        rho = float(autocorrelation)
        if not -1.0 < rho < 1.0:
            raise ValueError(f"autocorrelation must be between -1 and 1, was {rho}")
        # The sum over k < q of (q - k) rho^k in closed form. A year is not a whole number of bars; the power is.
        total = rho / (1.0 - rho) * (periods - (1.0 - rho ** round(periods)) / (1.0 - rho))
    else:
        lags = np.asarray(autocorrelation, dtype=np.float64)
        k = np.arange(1, lags.size + 1)
        total = float(np.sum(np.maximum(periods - k, 0.0) * lags))
    variance = periods + 2.0 * total
    if variance <= 0.0:
        raise ValueError(f"autocorrelation {autocorrelation} gives a sum of {periods:g} bars no variance")
    return periods / math.sqrt(variance)


def adjusted_annual_sharpe(returns: Series, *, periods_per_year: float, risk_free: float = 0.0) -> float:
    """Annual Sharpe ratio that allows for first-order autocorrelation (Lo 2002); NaN below three values."""
    array = present(returns)
    rho = autocorrelation(array)
    if math.isnan(rho):
        return math.nan
    eta = annualisation_factor(periods=max(periods_per_year, 1.0), autocorrelation=rho)
    return float(sharpe_ratio(array, risk_free=risk_free) * eta)


def effective_trials(returns: Float64[Array, "t n"]) -> float:
    """How many independent tries these amount to: rho + (1 - rho) N, rho their mean correlation (at least 0).

    returns[t, strategies]. Bailey and López de Prado 2014, appendix 3. Columns that never move count as independent.

    >>> column = np.array([0.01, -0.02, 0.03])
    >>> round(effective_trials(np.column_stack([column, column, column])), 9)
    1.0
    """
    matrix = as_panel(returns)
    count = matrix.shape[1]
    if count < 2:
        return float(count)
    centred = matrix - matrix.mean(axis=0)
    length = np.sqrt(np.sum(centred**2, axis=0))
    scaled = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0.0)
    total = float(np.sum(scaled.sum(axis=1) ** 2)) - int(np.count_nonzero(length))
    mean = min(max(total / (count * (count - 1)), 0.0), 1.0)
    return float(mean + (1.0 - mean) * count)


def probability_of_backtest_overfitting(returns: Float64[Array, "t strategies"], *, blocks: int = 16) -> float:
    """Share of splits in which the strategy that is best in sample is below the median out of sample (PBO, by CSCV).

    Time is cut into `blocks` (16 give 12,870 splits into halves); strategies are ranked by their Sharpe ratio. About
    1/2 for noise, 0 where one strategy is truly better, 1 where what is gained in one half is lost in the other.
    """
    logits = overfitting_logits(returns, blocks=blocks)
    return float(np.mean(logits <= 0.0))


def overfitting_logits(returns: Float64[Array, "t strategies"], *, blocks: int = 16) -> Float64[Array, " splits"]:
    """For each split, the logit of the best strategy's relative rank out of sample: below 0 in the worse half.

    Ranks go from 1 to the number of strategies, ties share the mean rank, and are divided by that number plus one.
    """
    matrix = as_panel(returns)
    bars, strategies = matrix.shape
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks must be even and 2 or more, was {blocks}")
    if blocks > 24:
        raise ValueError(f"blocks must be 24 or fewer (that is 2.7 million splits), was {blocks}")
    if strategies < 2:
        raise ValueError(f"choosing needs 2 strategies or more, was {strategies}")
    if bars < 2 * blocks:
        raise ValueError(f"{blocks} blocks need {2 * blocks} bars or more, was {bars}; use fewer blocks")

    # Moments around one centre, so that squares do not swallow small variances.
    centre = matrix.mean(axis=0)
    edges = np.linspace(0, bars, blocks + 1).round().astype(np.int64)
    shifted = matrix - centre
    count = np.diff(edges).astype(np.float64)
    first = np.add.reduceat(shifted, edges[:-1], axis=0)
    second = np.add.reduceat(shifted**2, edges[:-1], axis=0)

    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(chosen), blocks))
    np.put_along_axis(inside, chosen, 1.0, axis=1)
    logits = np.empty(len(chosen))
    step = max(1, _CELLS // strategies)
    for start in range(0, len(chosen), step):
        rows = inside[start : start + step]
        best = np.argmax(_sharpes(rows, count, first, second, centre), axis=1)
        outside = _sharpes(1.0 - rows, count, first, second, centre)
        own = np.take_along_axis(outside, best[:, None], axis=1)
        rank = (outside < own).sum(axis=1) + ((outside == own).sum(axis=1) + 1) / 2.0
        logits[start : start + step] = np.log(rank / (strategies + 1 - rank))
    return logits


def _sharpes(
    rows: Float64[Array, "m blocks"],
    count: Float64[Array, " blocks"],
    first: Float64[Array, "blocks n"],
    second: Float64[Array, "blocks n"],
    centre: Float64[Array, " n"],
) -> Float64[Array, "m n"]:
    """Sharpe ratio of every strategy over the blocks that each row holds; 0 where it never moves."""
    bars = (rows @ count)[:, None]
    mean = rows @ first / bars
    variance = rows @ second / bars - mean**2
    moves = variance > 1e-24
    ratio = np.divide(mean + centre, np.sqrt(np.where(moves, variance, 1.0)), out=np.zeros_like(mean), where=moves)
    return np.asarray(ratio)
