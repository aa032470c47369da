"""Forecasts as tables and files, and what a person may get wrong in one."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import DataError
from gnomon.samples import Forecast, load_forecast, save_forecast


def forecast_of(probability: Any, **more: Any) -> Forecast:
    probability = np.asarray(probability, np.float64)
    n = len(probability)
    return Forecast(
        probability=probability,
        known_at=np.arange(n) * 1_000_000,
        symbol=(np.arange(n) >= n // 2).astype(np.int32),
        symbols=("A", "B"),
        horizon=5,
        **more,
    )


PLAIN = [[0.1, 0.2, 0.7], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4], [0.25, 0.5, 0.25]]


def test_the_table_has_the_agreed_columns() -> None:
    frame = forecast_of(PLAIN).to_frame()
    assert frame.columns == [
        "timestamp",
        "symbol",
        "horizon",
        "probability_short",
        "probability_flat",
        "probability_long",
    ]
    first = frame.row(0, named=True)
    assert first["timestamp"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert (first["symbol"], first["horizon"], first["probability_long"]) == ("A", 5, 0.7)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"quantiles": np.arange(8.0).reshape(4, 2), "quantile_levels": (0.05, 0.95)},
        {"allowed": np.array([[True, False, True]] * 4)},
    ],
    ids=["plain", "quantiles", "allowed"],
)
def test_there_and_back_it_is_the_same(more: dict[str, Any], tmp_path: Path) -> None:
    forecast = forecast_of(PLAIN, **more)
    save_forecast(forecast, tmp_path / "forecast.parquet")
    for back in (Forecast.from_frame(forecast.to_frame()), load_forecast(tmp_path / "forecast.parquet")):
        for field in fields(Forecast):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(forecast, field.name))
    save_forecast(forecast, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "forecast.parquet").read_bytes()


def test_a_table_in_any_order_and_zone_is_taken() -> None:
    frame = forecast_of(PLAIN).to_frame()
    local = frame.with_columns(pl.col("timestamp").dt.convert_time_zone("Europe/Berlin").dt.cast_time_unit("ns"))
    assert_frame_equal(Forecast.from_frame(local.reverse()).to_frame(), frame)
    empty = forecast_of(np.empty((0, 3))).to_frame()
    assert empty.height == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([0.5, 0.5, 0.5], "1 of 4 forecasts do not add up to 1 within 1e-06, first A at 1970-01-01 00:00:01"),
        ([np.nan, 0.5, 0.5], "1 of 4 forecasts are not finite"),
        ([np.inf, -np.inf, 0.5], "1 of 4 forecasts are not finite"),
        ([-0.1, 0.5, 0.6], "1 of 4 forecasts are negative"),
    ],
)
def test_impossible_probabilities_are_refused_with_their_rows(row: list[float], said: str) -> None:
    bad = forecast_of([PLAIN[0], row, *PLAIN[2:]])
    with pytest.raises(DataError, match=said) as caught:
        bad.checked()
    assert caught.value.rows is not None
    assert caught.value.rows["timestamp"].len() == 1
    nearly = forecast_of([[0.1, 0.2, 0.7 + 5e-7]])
    assert nearly.checked() is nearly


def test_shapes_are_checked() -> None:
    good = forecast_of(PLAIN)
    with pytest.raises(DataError, match=r"forecast\.probability must have the shape \(4, 3\)"):
        replace(good, probability=good.probability[:, :2]).checked()
    with pytest.raises(DataError, match=r"forecast\.allowed"):
        replace(good, allowed=np.ones((4, 2), bool)).checked()
    with pytest.raises(DataError, match=r"forecast\.symbol"):
        replace(good, symbol=np.full(4, 2, np.int32)).checked()
    with pytest.raises(DataError, match="quantiles that are not finite"):
        replace(good, quantiles=np.full((4, 1), np.nan), quantile_levels=(0.5,)).checked()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda f: f.rename({"probability_long": "probability_lng"}),
            "lack the column 'probability_long'; is it 'probability_lng'",
        ),
        (lambda f: f.drop("symbol"), "lack the column 'symbol'"),
        (lambda f: f.with_columns(pl.col("timestamp").dt.replace_time_zone(None)), "must be a moment with a time zone"),
        (
            lambda f: f.with_columns(pl.col("timestamp").cast(pl.String)),
            "column 'timestamp' of the forecasts is String",
        ),
        (lambda f: f.with_columns(horizon=pl.Series([1, 2, 1, 2])), r"must have one horizon, they have \[1, 2\]"),
        (lambda f: f.clear(), r"must have one horizon, they have \[\]"),
        (lambda f: pl.concat([f, f.head(1)]), "2 forecasts share a symbol and moment, first A"),
        (
            lambda f: f.with_columns(probability_flat=pl.lit(None, pl.Float64)),
            r"missing values: \{'probability_flat': 4\}",
        ),
        (lambda f: f.with_columns(probability_flat=pl.lit("much")), "must be numbers"),
        (lambda f: f.with_columns(quantile_low=pl.lit(0.0)), "'quantile_low' of the forecasts names no level"),
        (lambda f: f.with_columns(probability_flat=pl.lit(0.9)), "do not add up to 1"),
    ],
)
def test_a_persons_table_is_refused_in_words(change: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Forecast.from_frame(change(forecast_of(PLAIN).to_frame()))


def test_a_pandas_table_is_taken() -> None:
    frame = forecast_of(PLAIN).to_frame()
    for table in (frame.to_pandas(), frame.to_pandas().set_index("timestamp")):
        assert_frame_equal(Forecast.from_frame(table).to_frame(), frame, check_exact=True)
