"""The quality of forecasts, split by split, against the labels that came."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.evaluation.base import ForecastQuality
from gnomon.metrics.calibration import calibration_table, expected_calibration_error
from gnomon.metrics.forecasts import (
    accuracy,
    auc,
    balanced_accuracy,
    base_rate,
    brier_score,
    confusion_table,
    information_coefficient,
    log_loss,
    matthews_correlation,
    predicted_class,
)
from gnomon.samples.base import UNKNOWN_END, Forecast, Samples

ONE_SPLIT = "test"
"""The name of the split when a single forecast is given."""


def forecast_quality(forecast: Forecast, samples: Samples, *, bins: int = 10) -> ForecastQuality:
    """How good a forecast is, on the rows of `samples` whose label is decided at its horizon.

    Rows are matched by symbol and moment; a forecast without a decided label is left out. DataError where none match.
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
    return ForecastQuality(
        metrics={
            "rows": float(len(rows)),
            "accuracy": accuracy(actual, predicted),
            "base_rate": base_rate(actual),
            "balanced_accuracy": balanced_accuracy(actual, predicted),
            "log_loss": log_loss(actual, probability),
            "base_log_loss": base_log_loss(actual),
            "brier_score": brier_score(actual, probability),
            "auc": auc(actual, probability),
            "mcc": matthews_correlation(actual, predicted),
            "calibration_error": expected_calibration_error(actual, probability, bins=bins),
            "information_coefficient": information_coefficient(forecast.edge()[rows], both["came"].to_numpy()),
        },
        calibration=calibration_table(actual, probability, bins=bins),
        confusion=confusion_table(actual, predicted),
    )


def base_log_loss(actual: np.ndarray) -> float:
    """The log loss of always saying how often each class came: what a log loss has to be held against."""
    if actual.size == 0:
        return math.nan
    share = np.bincount(actual.astype(np.int64) + 1, minlength=3) / actual.size
    return float(-np.sum(share[share > 0.0] * np.log(share[share > 0.0])))


def qualities(
    forecast: Forecast | Mapping[str, Forecast] | None, samples: Samples | Mapping[str, Samples] | None
) -> dict[str, ForecastQuality]:
    """`forecast_quality` by split; nothing where there are no forecasts or no labels to hold them against."""
    if forecast is None or samples is None:
        return {}
    forecasts = {ONE_SPLIT: forecast} if isinstance(forecast, Forecast) else dict(forecast)
    return {
        name: forecast_quality(one, samples if isinstance(samples, Samples) else samples[name])
        for name, one in forecasts.items()
        if isinstance(samples, Samples) or name in samples
    }
