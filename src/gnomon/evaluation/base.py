"""What an evaluation is: plain numbers and small frames, and no Sharpe ratio without its doubt.

A Sharpe ratio exists in one place only, as a `SharpeDoubt`, whose every field must be given. A dict of metrics may not
hold one, and a frame with a column `sharpe` must carry the columns `DOUBT_COLUMNS` beside it; both are refused here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

import polars as pl

DOUBT_COLUMNS = (
    "sharpe",
    "n",
    "periods_per_year",
    "annual_sharpe",
    "standard_error",
    "skew",
    "kurtosis",
    "autocorrelation",
    "adjusted_annual_sharpe",
    "psr",
    "dsr",
    "dsr_effective",
    "trials",
    "effective_trials",
    "trials_variance",
    "minimum_track_record",
    "pbo",
    "spa_pvalue",
)
"""The fields of `SharpeDoubt`, in order: what stands beside every Sharpe ratio, also as columns of a frame."""

MAX_POINTS = 4000
"""Equity frames of an evaluation are thinned to about this many rows, which is more than a figure can show."""


@dataclass(frozen=True, kw_only=True)
class SharpeDoubt:
    """A Sharpe ratio and how far to believe it. NaN: it cannot be known from these data.

    Per bar: `sharpe` over `n` returns (T), its `standard_error` (Bailey and López de Prado 2012, with `skew` and raw
    `kurtosis`), `minimum_track_record` in bars at 95% (infinity: no length suffices). Per year: `annual_sharpe`, by the
    square root of `periods_per_year`, and `adjusted_annual_sharpe`, by Lo's (2002) factor for the first-order
    `autocorrelation`. Probabilities: `psr` that the true ratio is above 0; `dsr` that it is above the best of the
    `trials` recorded had none any skill, and `dsr_effective` the same for the `effective_trials` (trials that resemble
    each other count less); `trials_variance` is the variance of the trials' ratios per bar; `pbo` that choosing among
    the trials overfits; `spa_pvalue` that so large an excess over the benchmarks comes from none of the trials having
    an edge (Hansen 2005; the larger one of the tests against cash and against holding the market).
    """

    sharpe: float
    n: int
    periods_per_year: float
    annual_sharpe: float
    standard_error: float
    skew: float
    kurtosis: float
    autocorrelation: float
    adjusted_annual_sharpe: float
    psr: float
    dsr: float
    dsr_effective: float
    trials: int
    effective_trials: float
    trials_variance: float
    minimum_track_record: float
    pbo: float
    spa_pvalue: float

    def row(self) -> dict[str, float | int]:
        """The fields as one row of a frame, in the order of `DOUBT_COLUMNS`."""
        return asdict(self)

    @property
    def annual_standard_error(self) -> float:
        """The standard error of `annual_sharpe`."""
        return self.standard_error * math.sqrt(self.periods_per_year)


@dataclass(frozen=True, kw_only=True)
class BenchmarkResult:
    """A benchmark through the same ledger, with the same costs.

    `equity`: timestamp, equity (thinned). `relative`: the strategy measured against it (alpha, beta, information_ratio,
    correlation, up_capture, down_capture, excess_return). `percentile`: for `random`, the share of its runs that earned
    less than the strategy; NaN for the others.
    """

    name: str
    description: str
    metrics: Mapping[str, float]
    relative: Mapping[str, float]
    equity: pl.DataFrame
    doubt: SharpeDoubt
    percentile: float = math.nan

    def __post_init__(self) -> None:
        refuse_bare_sharpe(self.name, self.metrics)
        require_doubt(self.name, self.doubt)


@dataclass(frozen=True, kw_only=True)
class ThresholdResult:
    """One line of the pass/fail table. `relation`: "at least" or "at most". `doubt`: where it is a Sharpe ratio."""

    name: str
    value: float
    relation: str
    limit: float
    passed: bool
    doubt: SharpeDoubt | None = None

    def __post_init__(self) -> None:
        if "sharpe" in self.name:
            require_doubt(f"threshold {self.name}", self.doubt)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an edge may be claimed, in words a person understands, and the reasons, one sentence each."""

    edge: bool
    text: str
    reasons: tuple[str, ...]
    short_record: bool
    """Whether the record is shorter than the minimum track record: too short to tell."""
    superior_tries: int | None = None
    """How many of all tries StepM finds better than cash and than holding the market; None where it was not asked."""


@dataclass(frozen=True, kw_only=True)
class TradeReport:
    """Round trips in short.

    `summary`: trades, win_rate, profit_factor, expectancy, average_win, average_loss, largest_win, largest_loss,
    holding_bars_mean, holding_bars_median, ... `distribution`: low, high, count (returns of trips, in bins).
    `largest`: the best and worst round trips.
    """

    summary: Mapping[str, float]
    distribution: pl.DataFrame
    largest: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class ForecastQuality:
    """How good the forecasts of one split are, apart from trading.

    `metrics`: accuracy, balanced_accuracy, log_loss, brier_score, auc, mcc, calibration_error, information_coefficient,
    base_rate (accuracy of always saying the commonest class), base_log_loss, base_macro_f1, rows, and every figure of
    `scores`. `calibration`: class, low, high, count, forecast, observed. `confusion`: actual, short, flat, long (counts
    by forecast class). `scores`: figure, stage ("forecast", or "uncalibrated": before calibration), value, error
    (bootstrap standard error). `reliability`: stage, binning, low, high, count, forecast, observed, error, of the
    likeliest class. `drift`: start,
    rows, stage, calibration_error, error, debiased, a quarter (or month) each.
    """

    metrics: Mapping[str, float]
    calibration: pl.DataFrame
    confusion: pl.DataFrame
    scores: pl.DataFrame = field(default_factory=pl.DataFrame)
    reliability: pl.DataFrame = field(default_factory=pl.DataFrame)
    drift: pl.DataFrame = field(default_factory=pl.DataFrame)


@dataclass(frozen=True, kw_only=True)
class LagResult:
    """The same targets, filled one bar later.

    `kept`: share of the Sharpe ratio that is left (NaN where it was not above 0); `suspicious`: less than half is left,
    as with an edge that comes from looking ahead.
    """

    metrics: Mapping[str, float]
    doubt: SharpeDoubt
    kept: float
    suspicious: bool

    def __post_init__(self) -> None:
        refuse_bare_sharpe("one_bar_lag", self.metrics)
        require_doubt("one_bar_lag", self.doubt)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A simulated strategy, judged. Frames are small: `to_json` and `from_json` keep all of it.

    `n` bars of returns (T) from `start` to `end`. `metrics`: total_return, annual_return, annual_volatility,
    max_drawdown, sortino_ratio, calmar_ratio, profit_factor, win_rate, turnover, costs, ... (as `gnomon.metrics` names
    them; annual where they can be). `forecast`: quality by split. `judged_on`: "bars" or "days", the returns that PBO,
    the SPA p-value, `risk` and `stress` use (intraday bars are joined to days for them; the rest is per bar).
    `break_even_bps`: cost per traded notional at which the total return is 0 (NaN: it is not above 0 at no cost, or
    nothing trades; infinity: above the range that was looked at). `break_even_multiple`: the multiple of the configured
    costs at which cash earns as much (0: even at no cost; NaN: no costs are configured, or nothing trades; infinity).

    Frames. `equity`: timestamp, equity, drawdown, gross, net, turnover, costs (thinned). `regimes`: regime, value,
    bars, total_return, max_drawdown, DOUBT_COLUMNS. `stress`: scenario, kind, return. `cost_sensitivity`: multiple,
    cost_bps, total_return, annual_return, costs, DOUBT_COLUMNS. `monthly`: year, month, return. `yearly`: year, return.
    `drawdowns`: start, trough, end, depth, length in bars; `end` is null while under water.
    """

    name: str
    start: datetime
    end: datetime
    n: int
    periods_per_year: float
    judged_on: str
    metrics: Mapping[str, float]
    doubt: SharpeDoubt
    benchmarks: Mapping[str, BenchmarkResult]
    thresholds: tuple[ThresholdResult, ...]
    verdict: Verdict
    equity: pl.DataFrame
    regimes: pl.DataFrame
    trades: TradeReport
    risk: Mapping[str, float]
    stress: pl.DataFrame
    cost_sensitivity: pl.DataFrame
    break_even_bps: float
    break_even_multiple: float
    forecast: Mapping[str, ForecastQuality]
    monthly: pl.DataFrame
    yearly: pl.DataFrame
    drawdowns: pl.DataFrame
    one_bar_lag: LagResult | None

    def __post_init__(self) -> None:
        refuse_bare_sharpe(self.name, self.metrics)
        refuse_bare_sharpe(f"{self.name}.risk", self.risk)
        require_doubt(self.name, self.doubt)
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, pl.DataFrame) and any("sharpe" in column for column in value.columns):
                missing = [column for column in DOUBT_COLUMNS if column not in value.columns]
                if missing:
                    raise ValueError(
                        f"{self.name}: the frame {one.name!r} shows a Sharpe ratio without its doubt; it lacks "
                        f"{', '.join(missing)} (add `SharpeDoubt.row()` to each of its rows)"
                    )

    @property
    def passed(self) -> bool:
        """Whether every threshold holds."""
        return all(result.passed for result in self.thresholds)

    def to_json(self) -> dict[str, Any]:
        """Plain values for metrics.json: NaN as null, infinity as "Infinity", moments as ISO 8601, frames by column."""
        from gnomon.evaluation.plain import to_plain

        return to_plain(self)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The evaluation that `to_json` wrote. DataError names the field that is missing or wrong."""
        from gnomon.evaluation.plain import from_plain

        return from_plain(cls, value)


def refuse_bare_sharpe(where: str, metrics: Mapping[str, float]) -> None:
    """Raises ValueError when a dict of metrics holds a Sharpe ratio: it belongs into a `SharpeDoubt`."""
    bare = [name for name in metrics if "sharpe" in name]
    if bare:
        raise ValueError(
            f"{where}: the metrics hold {', '.join(bare)} without a doubt; a Sharpe ratio stands only in a SharpeDoubt"
        )


def require_doubt(where: str, doubt: object) -> None:
    """Raises TypeError when the doubt of a Sharpe ratio is missing."""
    if not isinstance(doubt, SharpeDoubt):
        raise TypeError(f"{where}: a Sharpe ratio needs its SharpeDoubt, was {doubt!r}")
