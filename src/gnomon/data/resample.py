"""Longer bars of shorter ones: closed ones only, each stamped with the moment at which it had closed."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from gnomon.core.errors import ConfigError
from gnomon.data.base import TIMESTAMP
from gnomon.data.calendars import parse_frequency
from gnomon.data.frames import Frame, as_bars

MICROSECOND = timedelta(microseconds=1)


def resample_bars(bars: Frame, every: str) -> pl.DataFrame:
    """Bars of `every` ("15m", "4h", "1d") made of shorter ones, sorted by symbol and timestamp.

    A bar of four hours ends where the stamp is a multiple of four hours from 1970 on (UTC) and holds the shorter bars
    that closed after the one before and up to then. It is given once it has closed: once any symbol's bars have reached
    its end. So the last one, still open, is left out, and so is the first of each symbol, whose beginning was not seen.
    Open is the first, high the highest, low the lowest, close the last price that is there, volume the sum; of any
    other column the last value. Stretches without a bar have none.

    To read longer bars beside the shorter ones, join them as of their stamp (`gnomon.data.asof.join_asof`); what they
    say is then that of the last closed one, as in the feature `higher_bars`.

    ConfigError where `every` cannot be read, or is no longer than the bars are.

    >>> from datetime import UTC, datetime
    >>> hours = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(1, 8)]
    >>> prices = {name: [float(hour) for hour in range(1, 8)] for name in ("open", "high", "low", "close", "volume")}
    >>> longer = resample_bars(pl.DataFrame({"timestamp": hours, "symbol": "A", **prices}), "2h")
    >>> longer.select(pl.col("timestamp").dt.hour(), "open", "close", "volume").rows()
    [(4, 3.0, 4.0, 7.0), (6, 5.0, 6.0, 11.0)]
    """
    bars = as_bars(bars).sort("symbol", "timestamp")
    length = parse_frequency(every)
    step = bars.select(pl.col("timestamp").diff().over("symbol").median()).item()
    if step is not None and step >= length:
        raise ConfigError(f"every must be longer than the bars are: they follow each other by {step}, every is {every}")
    micros = length // MICROSECOND
    stamp = pl.col("timestamp").dt.epoch("us")
    end = (stamp + (-stamp) % micros).cast(TIMESTAMP).alias("timestamp")
    how = {"open": pl.Expr.first, "high": pl.Expr.max, "low": pl.Expr.min, "volume": pl.Expr.sum}
    longer = bars.group_by("symbol", end, maintain_order=True).agg(
        how.get(name, pl.Expr.last)(_there(name, kind)).alias(name)
        for name, kind in bars.schema.items()
        if name not in {"timestamp", "symbol"}
    )
    begun = pl.col("timestamp") != pl.col("timestamp").min().over("symbol")
    return longer.filter(begun, pl.col("timestamp") <= bars["timestamp"].max()).select(bars.columns)


def _there(name: str, kind: pl.DataType) -> pl.Expr:
    values = pl.col(name)
    return (values.fill_nan(None) if kind.is_float() else values).drop_nulls()
