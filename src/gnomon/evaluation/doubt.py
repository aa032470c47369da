"""The doubt of a Sharpe ratio, worked out from returns and from how many were tried."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gnomon.core.types import Array, Float64
from gnomon.evaluation.base import SharpeDoubt
from gnomon.metrics.returns import autocorrelation, kurtosis, present, sharpe_ratio, skewness
from gnomon.metrics.significance import (
    adjusted_annual_sharpe,
    deflated_sharpe_ratio,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_standard_error,
)


@dataclass(frozen=True, kw_only=True)
class Tries:
    """What is known of the trials behind a Sharpe ratio (see `SharpeDoubt`)."""

    count: int = 1
    effective: float = 1.0
    variance: float = math.nan
    pbo: float = math.nan
    spa_pvalue: float = math.nan


ONE_TRY = Tries()


def sharpe_doubt(
    returns: Float64[Array, " t"], *, periods_per_year: float, risk_free: float = 0.0, tries: Tries = ONE_TRY
) -> SharpeDoubt:
    """The Sharpe ratio of returns per bar, with its doubt. `risk_free` is per bar.

    Where the ratio is not finite (fewer than two returns, or returns that never move) it and all that hangs on it is
    NaN. With fewer than 5 trials the expected maximum is the exact integral; with one, DSR is PSR.
    """
    values = present(returns)
    sharpe = sharpe_ratio(values, risk_free=risk_free)
    n = values.size
    error = psr = length = math.nan
    skew, kurt = skewness(values), kurtosis(values)
    if not math.isfinite(sharpe):
        sharpe = math.nan
    else:
        shape = _shape(skew, kurt)
        error = sharpe_standard_error(sharpe, n=n, **shape)
        psr = probabilistic_sharpe_ratio(sharpe, n=n, **shape)
        length = minimum_track_record_length(sharpe, **shape)
    doubt = SharpeDoubt(
        sharpe=sharpe,
        n=n,
        periods_per_year=periods_per_year,
        annual_sharpe=sharpe * math.sqrt(periods_per_year),
        standard_error=error,
        skew=skew,
        kurtosis=kurt,
        autocorrelation=autocorrelation(values),
        adjusted_annual_sharpe=math.nan
        if math.isnan(sharpe)
        else adjusted_annual_sharpe(values, periods_per_year=periods_per_year, risk_free=risk_free),
        psr=psr,
        dsr=math.nan,
        dsr_effective=math.nan,
        trials=1,
        effective_trials=1.0,
        trials_variance=math.nan,
        minimum_track_record=length,
        pbo=math.nan,
        spa_pvalue=math.nan,
    )
    return recounted(doubt, tries)


def recounted(doubt: SharpeDoubt, tries: Tries) -> SharpeDoubt:
    """The same ratio with what is now known of the trials behind it: more of them, and it deserves less belief."""
    dsr = dsr_effective = math.nan
    if math.isfinite(doubt.sharpe):
        variance = doubt.standard_error**2 if math.isnan(tries.variance) else tries.variance
        dsr, dsr_effective = (
            deflated_sharpe_ratio(
                doubt.sharpe,
                n=doubt.n,
                trials=trials,
                variance=variance,
                exact=trials < 5,
                **_shape(doubt.skew, doubt.kurtosis),
            )
            for trials in (float(tries.count), tries.effective)
        )
    return replace(
        doubt,
        dsr=dsr,
        dsr_effective=dsr_effective,
        trials=tries.count,
        effective_trials=tries.effective,
        trials_variance=tries.variance,
        pbo=tries.pbo,
        spa_pvalue=tries.spa_pvalue,
    )


def _shape(skew: float, kurt: float) -> dict[str, float]:
    """Skew and kurtosis for the formulas; those of the normal law where they cannot be known."""
    return {
        "skew": 0.0 if math.isnan(skew) else skew,
        "kurtosis": 3.0 if math.isnan(kurt) or math.isnan(skew) else kurt,
    }
