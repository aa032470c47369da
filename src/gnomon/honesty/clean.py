"""Functions of bars that do not look ahead, some of them close to ones that do; no probe may accuse them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from gnomon.core.types import Array
from gnomon.honesty.leaky import DAY, C, H, T, TableFunction, V, joined, per_symbol

L, O = pl.col("low"), pl.col("open")  # noqa: E741
RETURN = C / C.shift(1) - 1.0
_K = pl.int_range(1, pl.len() + 1)

EXPRESSIONS: Mapping[str, pl.Expr] = {
    "close": C,
    "previous_close": C.shift(1),
    "return_1": RETURN,
    "return_24": C / C.shift(24) - 1.0,
    "log_range": (H / L).log(),
    "gap": O / C.shift(1) - 1.0,
    "mean_20": C.rolling_mean(20),
    "median_20": C.rolling_median(20),
    "deviation_20": C.rolling_std(20),
    "minimum_20": L.rolling_min(20),
    "maximum_20": H.rolling_max(20),
    "quantile_50": C.rolling_quantile(0.9, window_size=50),
    "skew_50": RETURN.rolling_skew(50),
    "zscore_20": (C - C.rolling_mean(20)) / C.rolling_std(20),
    "exponential_mean": H.ewm_mean(span=12),
    "exponential_deviation": H.ewm_std(span=12),
    "expanding_mean": H.cum_sum() / _K,
    "expanding_zscore": (H - H.cum_sum() / _K) / (H.rolling_std(200, min_samples=2)),
    "record_high": H.cum_max(),
    "fall_from_record": H / H.cum_max() - 1.0,
    "age": _K.cast(pl.Float64),
    "filled_forward": C.fill_nan(None).forward_fill(),
    "filled_with_expanding_mean": pl.coalesce(V.rolling_mean(20), V.cum_sum() / _K),
    "days_high_so_far": H.cum_max().over(DAY),
    "first_of_day": (DAY.shift(1) != DAY).cast(pl.Float64),
    "hour": T.dt.hour().cast(pl.Float64),
    "month_end_by_calendar": (DAY.dt.month_end() == DAY).cast(pl.Float64),
    "friday_afternoon": pl.when((T.dt.weekday() == 5) & (T.dt.hour() >= 12)).then(RETURN).otherwise(0.0),
    "crash_of_this_bar": (RETURN < -0.1).cast(pl.Float64),
    "one_symbols_own_past": pl.when(pl.col("symbol") == "SYN002").then(RETURN).otherwise(0.0),
    "volume_share": V / V.rolling_sum(24),
    "up_bars_of_ten": (RETURN > 0).cast(pl.Float64).rolling_sum(10),
    "swing_high_three_bars_later": (H.shift(3) == H.rolling_max(7)).cast(pl.Float64),
    "double_smoothed": H.ewm_mean(span=9).ewm_mean(span=9),
}
"""Within each symbol."""


def _kalman(x: Array) -> Array:
    """A local level filtered forwards, bar by bar."""
    out = np.empty(x.size)
    level, doubt = (x[0] if x.size else 0.0), 1.0
    for t in range(x.size):
        doubt += 0.01
        gain = doubt / (doubt + 1.0)
        if np.isfinite(x[t]):
            level, doubt = level + gain * (x[t] - level), (1.0 - gain) * doubt
        out[t] = level
    return out


def _expanding_slope(x: Array) -> Array:
    """The regression of a move on the one before, fitted on what had been seen."""
    move = np.diff(x, prepend=x[:1])
    before = np.concatenate([[0.0], move[:-1]])
    with np.errstate(all="ignore"):
        return np.asarray(np.cumsum(before * move) / np.cumsum(before * before))


def _one_sided(x: Array) -> Array:
    # Not np.convolve: it turns its arguments round where the weights are the longer of the two, and with them the bits.
    before = np.concatenate([np.zeros(6), x])
    return np.asarray(sum((7 - lag) / 28.0 * before[6 - lag : before.size - lag] for lag in range(7)))


def across_symbols(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Each symbol against all at the same moment: rank, distance from the mean, share."""
    moves = bars.with_columns(move=RETURN.over("symbol").fill_nan(None))
    return moves.select(
        "timestamp",
        "symbol",
        rank=V.rank().over("timestamp"),
        distance=pl.col("move") - pl.col("move").mean().over("timestamp"),
        share=V / V.sum().over("timestamp"),
    )


def resampled_to_the_right(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Highs of four hours, known once all four have closed."""
    grouped = bars.sort("timestamp").group_by_dynamic(
        "timestamp", every="4h", closed="right", label="right", group_by="symbol"
    )
    return grouped.agg(value=H.max()).select("timestamp", "symbol", "value")


def yesterdays_range(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The range of the day before, joined to the hours of a day: the last closed higher bar."""
    days = bars.group_by("symbol", day=DAY, maintain_order=True).agg(value=H.max() - L.min())
    before = days.with_columns(day=pl.col("day").dt.offset_by("1d"))
    return (
        bars.with_columns(day=DAY).join(before, on=["symbol", "day"], how="left").select("timestamp", "symbol", "value")
    )


def scaled_by_february(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Scaled by mean and deviation of training rows, from the moment on at which these are over."""
    trained = pl.datetime(2024, 3, 10, time_zone="UTC") > T
    past = V.filter(trained)
    scaled = pl.when(~trained).then((V - past.mean()) / past.std())
    return bars.select("timestamp", "symbol", value=scaled.over("symbol"))


def target_by_hour_so_far(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The mean return of this hour of the day, of the days before."""
    seen = RETURN.over("symbol").fill_nan(None).fill_null(0.0)
    hour = bars.with_columns(r=seen, hour=T.dt.hour())
    by = ["symbol", "hour"]
    mean = pl.col("r").cum_sum().over(by) / pl.int_range(1, pl.len() + 1).over(by)
    return hour.select("timestamp", "symbol", value=mean)


def warm_rows_only(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Rows without a value are left out, and the rest comes in another order."""
    values = bars.select("timestamp", "symbol", value=V.rolling_mean(24).over("symbol"))
    return values.drop_nulls().sort("value", "timestamp", "symbol")


def in_pandas(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """A rolling deviation and an exponential mean as pandas computes them."""
    frame = bars.to_pandas()
    parts = [
        part.assign(value=part["high"].rolling(24).std(), wave=part["low"].ewm(span=10).mean())
        for _, part in frame.groupby("symbol", sort=False)
    ]
    return pl.concat([pl.from_pandas(part[["timestamp", "symbol", "value", "wave"]]) for part in parts])


FUNCTIONS: Mapping[str, TableFunction] = {
    "across_symbols": across_symbols,
    "kalman_filter": per_symbol(_kalman),
    "expanding_regression": per_symbol(_expanding_slope),
    "one_sided_filter": per_symbol(_one_sided),
    "resampled_to_the_right": resampled_to_the_right,
    "yesterdays_range": yesterdays_range,
    "scaled_by_february": scaled_by_february,
    "target_by_hour_so_far": target_by_hour_so_far,
    "warm_rows_only": warm_rows_only,
    "pandas_windows": in_pandas,
    "joined_on_publication": joined(pl.col("known_at"), keep="first"),
}
