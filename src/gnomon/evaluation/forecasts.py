"""The quality of forecasts, split by split, against the labels that came."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.seeds import generator
from gnomon.evaluation.base import ForecastQuality
from gnomon.evaluation.calibration import Judged, drift_table, reliability_table, score_table
from gnomon.metrics.calibration import calibration_table
from gnomon.metrics.forecasts import (
    accuracy,
    auc,
    balanced_accuracy,
    base_rate,
    confusion_table,
    information_coefficient,
    matthews_correlation,
    predicted_class,
)
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples

ONE_SPLIT = "test"
"""The name of the split when a single forecast is given."""


def forecast_quality(forecast: Forecast, samples: Samples, *, bins: int = 10, seed: int = 7) -> ForecastQuality:
    """How good a forecast is, on the rows of `samples` whose label is decided at its horizon.

    Rows are matched by symbol and moment; a forecast without a decided label is left out. `seed` draws the bootstrap of
    the standard errors. DataError where none match.
    """
    column = samples.horizon(forecast.horizon)
    truth = pl.DataFrame(
        {
            "symbol": pl.Series(np.array(samples.symbols, dtype=object)[samples.symbol].tolist(), dtype=pl.String),
            "known_at": samples.known_at,
            "y": samples.y[:, column],
            "came": samples.forward_return[:, column],
        }
    ).filter(pl.Series(samples.label_end[:, column] != UNKNOWN_END))
    said = pl.DataFrame(
        {
            "symbol": pl.Series(np.array(forecast.symbols, dtype=object)[forecast.symbol].tolist(), dtype=pl.String),
            "known_at": forecast.known_at,
            "row": np.arange(len(forecast)),
        }
    )
    both = said.join(truth, on=["symbol", "known_at"], how="inner", maintain_order="left")
    if both.is_empty() and len(forecast):
        raise DataError(
            f"none of the {len(forecast)} forecasts meets a sample with a decided label at horizon {forecast.horizon}; "
            "are they of the same split?"
        )
    rows = both["row"].to_numpy()
    actual, probability = both["y"].to_numpy(), forecast.probability[rows]
    predicted = predicted_class(probability)
    stages = {"forecast": probability}
    if forecast.uncalibrated is not None:
        stages["uncalibrated"] = forecast.uncalibrated[rows]
    judged = Judged(
        came=actual.astype(np.int64) + 1,
        known_at=forecast.known_at[rows],
        horizon=forecast.horizon,
        probability=stages,
        allowed=_sets(forecast, rows),
        quantiles=None if forecast.quantiles is None else forecast.quantiles[rows],
        quantile_levels=forecast.quantile_levels,
        forward_return=both["came"].to_numpy(),
    )
    rng = generator(seed, "evaluation", "calibration")
    scores = score_table(judged, rng=rng)
    own = scores.filter(pl.col("stage") == "forecast")
    return ForecastQuality(
        metrics={
            **dict(zip(own["figure"].to_list(), own["value"].to_list(), strict=True)),
            "rows": float(len(rows)),
            "accuracy": accuracy(actual, predicted),
            "base_rate": base_rate(actual),
            "balanced_accuracy": balanced_accuracy(actual, predicted),
            "base_log_loss": base_log_loss(actual),
            "base_macro_f1": base_macro_f1(actual),
            "auc": auc(actual, probability),
            "mcc": matthews_correlation(actual, predicted),
            "information_coefficient": information_coefficient(forecast.edge()[rows], both["came"].to_numpy()),
        },
        calibration=calibration_table(actual, probability, bins=bins),
        confusion=confusion_table(actual, predicted),
        scores=scores,
        reliability=reliability_table(judged, rng=rng),
        drift=drift_table(judged, rng=rng),
    )


def _sets(forecast: Forecast, rows: np.ndarray) -> np.ndarray | None:
    """The sets of these rows; None where each allows everything or nothing, which only says who has an opinion."""
    if forecast.allowed is None:
        return None
    allowed = forecast.allowed[rows]
    return allowed if np.isin(allowed.sum(axis=1), (1, 2)).any() else None


def base_log_loss(actual: np.ndarray) -> float:
    """The log loss of always saying how often each class came: what a log loss has to be held against."""
    if actual.size == 0:
        return math.nan
    share = np.bincount(actual.astype(np.int64) + 1, minlength=3) / actual.size
    return float(-np.sum(share[share > 0.0] * np.log(share[share > 0.0])))


def base_macro_f1(actual: np.ndarray) -> float:
    """The macro F1 of always naming the commonest class: the other classes count as 0.

    >>> base_macro_f1(np.array([0, 0, 0, 1]))
    0.42857142857142855
    """
    if actual.size == 0:
        return math.nan
    share = np.bincount(actual.astype(np.int64) + 1, minlength=3) / actual.size
    return float(2.0 * share.max() / (1.0 + share.max()) / np.count_nonzero(share))


def qualities(
    forecast: Forecast | Mapping[str, Forecast] | None,
    samples: Samples | Mapping[str, Samples] | None,
    *,
    seed: int = 7,
) -> dict[str, ForecastQuality]:
    """`forecast_quality` by split; nothing where there are no forecasts or no labels to hold them against."""
    if forecast is None or samples is None:
        return {}
    forecasts = {ONE_SPLIT: forecast} if isinstance(forecast, Forecast) else dict(forecast)
    return {
        name: forecast_quality(one, samples if isinstance(samples, Samples) else samples[name], seed=seed)
        for name, one in forecasts.items()
        if isinstance(samples, Samples) or name in samples
    }
