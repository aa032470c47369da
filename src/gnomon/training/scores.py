"""What a fold is scored by: figures of a forecast against what came, and of trading on it after costs.

Each says which way is better, so that a selection rule needs no list of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gnomon.core.errors import ConfigError, unknown
from gnomon.core.types import Array, Float64, Int8, Int64
from gnomon.metrics import forecasts as quality
from gnomon.metrics.calibration import expected_calibration_error
from gnomon.metrics.returns import max_drawdown, sharpe_ratio
from gnomon.samples.base import Forecast, Samples
from gnomon.simulation.base import Simulation


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """The decided rows of a tested fold with their forecast, and the account that traded it, where one did.

    `blocks`: one account a stretch of time without a hole; each begins with the initial cash.
    """

    actual: Int8[Array, " m"]
    probability: Float64[Array, "m 3"]
    forward_return: Float64[Array, " m"]
    weight: Float64[Array, " m"]
    blocks: tuple[Simulation, ...] = ()

    @property
    def edge(self) -> Float64[Array, " m"]:
        """Probability of long minus short."""
        return np.asarray(self.probability[:, 2] - self.probability[:, 0])

    @property
    def returns(self) -> Float64[Array, " t"]:
        """Simple returns of the account, a bar each."""
        return np.concatenate([block.returns for block in self.blocks]) if self.blocks else np.empty(0)

    @property
    def stamps(self) -> Int64[Array, " t"]:
        """The bars of `returns` (UTC, microseconds)."""
        parts = [block.equity["timestamp"].to_physical().to_numpy() for block in self.blocks]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)


def account_scores(blocks: tuple[Simulation, ...]) -> dict[str, float]:
    """The scores of trading, of accounts alone."""
    nothing = np.empty(0)
    rows = Judged(
        actual=np.empty(0, np.int8),
        probability=np.empty((0, 3)),
        forward_return=nothing,
        weight=nothing,
        blocks=blocks,
    )
    return {name: score.function(rows) for name, score in SCORES.items() if score.trades}


def judged(samples: Samples, forecast: Forecast, blocks: tuple[Simulation, ...] = ()) -> Judged:
    """The rows of a forecast whose label is decided; `samples` are the rows that it was made for."""
    column = samples.horizon(forecast.horizon)
    rows = np.flatnonzero(samples.weight[:, column] > 0)
    return Judged(
        actual=samples.y[rows, column],
        probability=np.asarray(forecast.probability[rows], np.float64),
        forward_return=samples.forward_return[rows, column],
        weight=samples.weight[rows, column].astype(np.float64),
        blocks=blocks,
    )


@dataclass(frozen=True, kw_only=True)
class Score:
    """A figure of a fold: which way is better, whether it needs an account, and how it is worked out."""

    name: str
    better: Literal["higher", "lower"]
    trades: bool
    meaning: str
    function: Callable[[Judged], float]

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.better == "higher" else -1.0


def _weighted_log_loss(rows: Judged) -> float:
    if not rows.actual.size:
        return math.nan
    given = rows.probability[np.arange(rows.actual.size), rows.actual.astype(np.int64) + 1]
    return float(np.average(-np.log(np.clip(given, 1e-15, 1.0)), weights=rows.weight))


def macro_f1(actual: Int8[Array, " n"], predicted: Int8[Array, " n"]) -> float:
    """Mean over the classes that occur in either of 2 TP / (2 TP + FP + FN)."""
    counts = quality.confusion_matrix(actual, predicted)
    found = counts.diagonal()
    size = counts.sum(axis=0) + counts.sum(axis=1)
    held = size > 0
    return float(np.mean(2.0 * found[held] / size[held])) if held.any() else math.nan


def _rank_correlation(rows: Judged) -> float:
    edge = rows.edge
    # Left undefined, a model that is constant on all folds but a lucky one would be known by that fold alone.
    constant = edge.size > 1 and np.ptp(edge) == 0.0 and np.ptp(rows.forward_return) > 0.0
    return 0.0 if constant else quality.information_coefficient(edge, rows.forward_return)


def _total_return(rows: Judged) -> float:
    return float(np.prod(1.0 + rows.returns) - 1.0) if rows.returns.size else math.nan


def _turnover(rows: Judged) -> float:
    parts = [(block.equity["turnover"] / block.equity["equity"].clip(1e-9)).to_numpy() for block in rows.blocks]
    return float(np.concatenate(parts).mean()) if parts else math.nan


def _drawdown(rows: Judged) -> float:
    return max_drawdown(np.cumprod(np.append(1.0, 1.0 + rows.returns))) if rows.returns.size else math.nan


SCORES: dict[str, Score] = {
    score.name: score
    for score in (
        Score(
            name="log_loss",
            better="lower",
            trades=False,
            meaning="weighted mean of -log of the probability given to what happened",
            function=_weighted_log_loss,
        ),
        Score(
            name="brier",
            better="lower",
            trades=False,
            meaning="squared distance of the probabilities from what happened, summed over classes",
            function=lambda rows: quality.brier_score(rows.actual, rows.probability),
        ),
        Score(
            name="f1",
            better="higher",
            trades=False,
            meaning="F1 of the likeliest class, mean over the classes",
            function=lambda rows: macro_f1(rows.actual, quality.predicted_class(rows.probability)),
        ),
        Score(
            name="accuracy",
            better="higher",
            trades=False,
            meaning="share of rows whose likeliest class came",
            function=lambda rows: quality.accuracy(rows.actual, quality.predicted_class(rows.probability)),
        ),
        Score(
            name="ic",
            better="higher",
            trades=False,
            meaning="rank correlation of the edge with the forward return; 0 where every row is told the same",
            function=_rank_correlation,
        ),
        Score(
            name="ece",
            better="lower",
            trades=False,
            meaning="distance between what was said and what happened, by bins of probability",
            function=lambda rows: expected_calibration_error(rows.actual, rows.probability),
        ),
        Score(
            name="sharpe",
            better="higher",
            trades=True,
            meaning="mean over standard deviation of the returns after costs, per bar, not annualised",
            function=lambda rows: sharpe_ratio(rows.returns),
        ),
        Score(
            name="total_return",
            better="higher",
            trades=True,
            meaning="growth of the account after costs, as a fraction",
            function=_total_return,
        ),
        Score(
            name="drawdown",
            better="lower",
            trades=True,
            meaning="deepest fall from a peak, as a fraction of it",
            function=_drawdown,
        ),
        Score(
            name="turnover",
            better="lower",
            trades=True,
            meaning="notional traded a bar, as a share of equity",
            function=_turnover,
        ),
    )
}
"""Every score by name."""


def score_of(name: str, *, where: str = "") -> Score:
    """The score of that name; ConfigError names the nearest."""
    if name not in SCORES:
        raise ConfigError(unknown("score", name, SCORES, where=where))
    return SCORES[name]
