"""Features of the moment, in UTC, and of the session that it stands in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gnomon.features.base import FeatureSpec
from gnomon.features.registry import feature
from gnomon.kernels.indicators import calendar as kernels

Hour = Annotated[float, Field(ge=0, lt=24)]


@feature()
def time_of_day() -> FeatureSpec:
    """Sine and cosine of the time of day."""
    return FeatureSpec(
        name="time_of_day",
        inputs=("timestamp",),
        outputs=("time_of_day_sin", "time_of_day_cos"),
        params={"period": kernels.DAY, "offset": 0.0},
        kernel=kernels.cycle,
        warmup=0,
        units="-1 to 1",
        theme="calendar",
        reference="Andersen and Bollerslev 1997",
    )


@feature()
def time_of_week() -> FeatureSpec:
    """Sine and cosine of the time since Monday's midnight."""
    return FeatureSpec(
        name="time_of_week",
        inputs=("timestamp",),
        outputs=("time_of_week_sin", "time_of_week_cos"),
        params={"period": 7 * kernels.DAY, "offset": 4 * kernels.DAY},
        kernel=kernels.cycle,
        warmup=0,
        units="-1 to 1",
        theme="calendar",
        reference="French 1980",
    )


@feature()
def date() -> FeatureSpec:
    """Sine and cosine of the day of the month and of the year, and whether the month turns (last day to third)."""
    return FeatureSpec(
        name="date",
        inputs=("timestamp",),
        outputs=("day_of_month_sin", "day_of_month_cos", "day_of_year_sin", "day_of_year_cos", "turn_of_month"),
        kernel=kernels.date,
        warmup=0,
        units="-1 to 1",
        theme="calendar",
        reference="Lakonishok and Smidt 1988",
    )


@feature()
def session(start_hour: Hour = 0.0) -> FeatureSpec:
    """Log return since the day's open, place in its range so far, distance from its VWAP so far."""
    return FeatureSpec(
        name="session",
        inputs=("timestamp", "open", "high", "low", "close", "volume"),
        outputs=("session_return", "session_position", "session_vwap_distance"),
        params={"start": start_hour / 24.0 * kernels.DAY},
        kernel=kernels.session,
        warmup=0,
        units="log fraction; 0 to 1; fraction",
        theme="calendar",
        reference="Admati and Pfleiderer 1988",
    )
