"""Forecasts as tables and as files, and what makes a forecast one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gnomon.core.errors import DataError, nearest
from gnomon.core.files import atomic_path, step
from gnomon.core.types import Array, Bool
from gnomon.data.base import TIMESTAMP
from gnomon.data.frames import Frame, as_bars
from gnomon.samples.base import Forecast

NAMES = ("short", "flat", "long")
PROBABILITIES = tuple(f"probability_{name}" for name in NAMES)
ALLOWED = tuple(f"allowed_{name}" for name in NAMES)
UNCALIBRATED = tuple(f"uncalibrated_{name}" for name in NAMES)
QUANTILE = "quantile_"
KEYS = ("timestamp", "symbol", "horizon")
SUM_TOLERANCE = 1e-6


def check_forecast(forecast: Forecast) -> None:
    """Raises DataError unless every row has three finite probabilities, none negative, that add up to 1 within 1e-6."""
    n = len(forecast)
    for name, columns in (
        ("probability", 3),
        ("quantiles", len(forecast.quantile_levels)),
        ("allowed", 3),
        ("uncalibrated", 3),
    ):
        array = getattr(forecast, name)
        if array is not None and array.shape != (n, columns):
            raise DataError(f"forecast.{name} must have the shape ({n}, {columns}), was {array.shape}")
    if forecast.symbol.shape != (n,) or (
        n and not 0 <= forecast.symbol.min() <= forecast.symbol.max() < _count(forecast)
    ):
        raise DataError(f"forecast.symbol must be {n} numbers of the {_count(forecast)} symbols")
    probability = forecast.probability
    # Sums along three columns are slow where rows are many, so faults are told apart only where there is one.
    with np.errstate(invalid="ignore"):
        total = probability[:, 0] + probability[:, 1] + probability[:, 2]
    if n and not (np.abs(total - 1.0).max() <= SUM_TOLERANCE and probability.min() >= 0.0):
        faults = {
            "are not finite": ~np.isfinite(probability).all(axis=1),
            "are negative": (probability < 0).any(axis=1),
            f"do not add up to 1 within {SUM_TOLERANCE:g}": np.abs(total - 1.0) > SUM_TOLERANCE,
        }
        for fault, rows in faults.items():
            if rows.any():
                _refuse(forecast, fault, rows)
    if forecast.quantiles is not None and not np.isfinite(forecast.quantiles).all():
        _refuse(forecast, "come with quantiles that are not finite", ~np.isfinite(forecast.quantiles).all(axis=1))


def forecast_to_frame(forecast: Forecast) -> pl.DataFrame:
    """See `Forecast.to_frame`."""
    names = np.array(forecast.symbols, dtype=object) if forecast.symbols else np.empty(0, dtype=object)
    columns: dict[str, Any] = {
        "timestamp": pl.Series(forecast.known_at, dtype=pl.Int64).cast(TIMESTAMP),
        "symbol": pl.Series(names[forecast.symbol].tolist(), dtype=pl.String),
        "horizon": pl.Series(np.full(len(forecast), forecast.horizon), dtype=pl.Int32),
    }
    columns |= {name: forecast.probability[:, k] for k, name in enumerate(PROBABILITIES)}
    if forecast.quantiles is not None:
        levels = enumerate(forecast.quantile_levels)
        columns |= {f"{QUANTILE}{level!r}": forecast.quantiles[:, q] for q, level in levels}
    if forecast.allowed is not None:
        columns |= {name: forecast.allowed[:, k] for k, name in enumerate(ALLOWED)}
    if forecast.uncalibrated is not None:
        columns |= {name: forecast.uncalibrated[:, k] for k, name in enumerate(UNCALIBRATED)}
    return pl.DataFrame(columns)


def fields_from_frame(frame: Frame) -> dict[str, Any]:
    """The fields of the forecast in a table, sorted by symbol and moment; DataError for a table that holds none."""
    frame = as_bars(frame)
    for name in (*KEYS, *PROBABILITIES):
        if name not in frame.columns:
            close = nearest(name, frame.columns)
            hint = f"is it {close!r}? rename it" if close else f"they have {frame.columns}"
            raise DataError(f"the forecasts lack the column {name!r}; {hint}")
    stamps = frame["timestamp"].dtype
    if not isinstance(stamps, pl.Datetime) or stamps.time_zone is None:
        raise DataError(
            f"column 'timestamp' of the forecasts is {stamps}; it must be a moment with a time zone, the close of the "
            "bar after which the forecast was known, such as 2024-01-02T21:00:00Z"
        )
    nulls = {name: frame[name].null_count() for name in (*KEYS, *PROBABILITIES) if frame[name].null_count()}
    if nulls:
        rows = frame.filter(pl.any_horizontal(pl.col(list(nulls)).is_null()))
        raise DataError(f"the forecasts have missing values: {nulls}; leave those rows out", rows=rows.head(200))
    horizons = frame["horizon"].unique().sort().to_list()
    if len(horizons) != 1:
        raise DataError(f"the forecasts must have one horizon, they have {horizons}; filter them to one of these")
    frame = frame.with_columns(pl.col("timestamp").dt.convert_time_zone("UTC").cast(TIMESTAMP)).sort(
        "symbol", "timestamp"
    )
    twice = frame.filter(frame.select("symbol", "timestamp").is_duplicated())
    if twice.height:
        first = twice.row(0, named=True)
        raise DataError(
            f"{twice.height} forecasts share a symbol and moment, first {first['symbol']} at {first['timestamp']}; "
            "keep one a bar",
            rows=twice.head(200),
        )
    symbols = tuple(frame["symbol"].unique().sort().to_list())
    codes = pl.Series(range(len(symbols)), dtype=pl.Int32)
    levels = [name for name in frame.columns if name.startswith(QUANTILE)]
    return {
        "probability": _matrix(frame, PROBABILITIES, pl.Float64),
        "known_at": frame["timestamp"].to_physical().to_numpy(),
        "symbol": frame["symbol"].replace_strict(symbols, codes, return_dtype=pl.Int32).to_numpy()
        if symbols
        else np.empty(0, np.int32),
        "symbols": symbols,
        "horizon": int(horizons[0]),
        "quantiles": _matrix(frame, levels, pl.Float64) if levels else None,
        "quantile_levels": tuple(_level(name) for name in levels),
        "allowed": _optional(frame, ALLOWED, pl.Boolean),
        "uncalibrated": _optional(frame, UNCALIBRATED, pl.Float64),
    }


def save_forecast(forecast: Forecast, path: Path) -> None:
    """Writes a forecast as Parquet; the same forecast, the same bytes."""
    with atomic_path(path) as temporary:
        step("write", path)
        forecast.to_frame().write_parquet(temporary)


def load_forecast(path: Path) -> Forecast:
    """The forecast in a Parquet file."""
    return Forecast.from_frame(pl.read_parquet(path))


def _matrix(frame: pl.DataFrame, names: tuple[str, ...] | list[str], kind: type[pl.DataType]) -> Array:
    try:
        columns = [frame[name].cast(kind).to_numpy() for name in names]
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(f"the columns {list(names)} of the forecasts must be numbers: {error}") from None
    return np.stack(columns, axis=1)


def _optional(frame: pl.DataFrame, names: tuple[str, ...], kind: type[pl.DataType]) -> Array | None:
    return _matrix(frame, names, kind) if set(names) <= set(frame.columns) else None


def _level(name: str) -> float:
    try:
        return float(name.removeprefix(QUANTILE))
    except ValueError:
        raise DataError(f"column {name!r} of the forecasts names no level; write it as 'quantile_0.05'") from None


def _count(forecast: Forecast) -> int:
    return len(forecast.symbols)


def _refuse(forecast: Forecast, fault: str, rows: Bool[Array, " n"]) -> None:
    at = np.flatnonzero(rows)
    first = int(at[0])
    offending = forecast_to_frame(
        Forecast(
            probability=forecast.probability[at[:200]],
            known_at=forecast.known_at[at[:200]],
            symbol=forecast.symbol[at[:200]],
            symbols=forecast.symbols,
            horizon=forecast.horizon,
        )
    )
    raise DataError(
        f"{at.size} of {len(forecast)} forecasts {fault}, first {forecast.symbols[forecast.symbol[first]]} at "
        f"{offending['timestamp'][0]}: {forecast.probability[first].tolist()}",
        rows=offending,
    )
