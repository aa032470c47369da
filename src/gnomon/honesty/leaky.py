"""Functions of bars that look ahead, each in a way that has been seen in the wild; the probe must find every one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.signal import savgol_filter

from gnomon.core.types import Array

C, H, V, T = pl.col("close"), pl.col("high"), pl.col("volume"), pl.col("timestamp")
DAY = T.dt.date()
NEXT = C.shift(-1) / C - 1.0

TableFunction = Callable[[pl.DataFrame, Mapping[str, pl.DataFrame]], pl.DataFrame]


def only(condition: pl.Expr) -> pl.Expr:
    """The next bar's return where the condition holds, and nothing to be seen elsewhere."""
    return pl.when(condition).then(NEXT).otherwise(0.0)


_RANGE = H.rolling_std(24)
_AFTER_CRASH = (C / C.shift(1) - 1.0 < -0.1).fill_null(value=False)

EXPRESSIONS: Mapping[str, tuple[str, pl.Expr]] = {
    "next_close": ("off by one", C.shift(-1)),
    "next_return": ("off by one", NEXT),
    "momentum_backwards": ("shift of the wrong sign", C / C.shift(-5) - 1.0),
    "central_difference": ("off by one", (C.shift(-1) - C.shift(1)) / 2.0),
    "rows_dropped_then_glued": ("merge by row number", pl.concat([C.slice(2), C.head(2)])),
    "centred_mean": ("centred window", C.rolling_mean(11, center=True)),
    "centred_median": ("centred window", C.rolling_median(5, center=True)),
    "swing_high": ("centred window", (H.rolling_max(7, center=True) == H).cast(pl.Float64)),
    "global_zscore": ("global scaling", (C - C.fill_nan(None).mean()) / C.fill_nan(None).std()),
    "global_minmax": ("global scaling", (V - V.min()) / (V.max() - V.min())),
    "global_rank": ("whole-sample quantile", V.rank() / pl.len()),
    "above_whole_quantile": ("whole-sample quantile", (V.quantile(0.9) < V).cast(pl.Float64)),
    "winsorised_by_all": ("whole-sample quantile", V.clip(V.quantile(0.05), V.quantile(0.95))),
    "regime_by_whole_median": ("whole-sample quantile", (_RANGE.median() < _RANGE).cast(pl.Float64)),
    "back_filled": ("back-fill", H.rolling_mean(20).backward_fill()),
    "holes_interpolated": ("back-fill", C.fill_nan(None).interpolate()),
    "holes_filled_with_mean": ("global fill", C.fill_nan(None).fill_null(C.fill_nan(None).mean())),
    "reversed_maximum": ("reversed series", H.reverse().rolling_max(10).reverse()),
    "smoothed_both_ways": ("reversed series", H.ewm_mean(span=9).reverse().ewm_mean(span=9).reverse()),
    "what_is_left": ("reversed series", C.last() / C - 1.0),
    "future_volatility": ("shift of the wrong sign", C / C.rolling_std(20).shift(-20)),
    "label_among_features": ("label as feature", (C.shift(-5) - C).sign()),
    "share_of_history": ("length of the sample", pl.int_range(pl.len()) / pl.len()),
    "days_close_all_day": ("open higher bar", C.last().over(DAY)),
    "days_high_all_day": ("open higher bar", H.max().over(DAY)),
    "last_bar_of_day": ("next bar's moment", (DAY.shift(-1) != DAY).cast(pl.Float64)),
    "target_by_hour": ("target encoding", NEXT.fill_nan(None).mean().over(T.dt.hour())),
    "friday_afternoons": ("only sometimes", only((T.dt.weekday() == 5) & (T.dt.hour() >= 12))),
    "month_ends": ("only sometimes", only(DAY.dt.month_end() == DAY)),
    "one_symbol": ("only sometimes", only(pl.col("symbol") == "SYN002")),
    "after_a_crash": ("only sometimes", only(_AFTER_CRASH)),
    "clock_change": ("only sometimes", only(pl.date(2024, 3, 10) == DAY)),
    "first_bar_only": ("only sometimes", only(pl.int_range(pl.len()) == 0)),
}  # fmt: skip
"""Within each symbol."""


def per_symbol(transform: Callable[[Array], Array], column: str = "high") -> TableFunction:
    """A numpy function of one symbol's column as a function of bars."""

    def function(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        parts = [
            part.select("timestamp", "symbol", value=pl.Series(transform(part[column].to_numpy()), dtype=pl.Float64))
            for part in bars.partition_by("symbol", maintain_order=True)
        ]
        return pl.concat(parts)

    return function


def _low_pass(x: Array) -> Array:
    spectrum = np.fft.rfft(np.nan_to_num(x))
    spectrum[x.size // 20 :] = 0.0
    return np.asarray(np.fft.irfft(spectrum, x.size))


def _detrended(x: Array) -> Array:
    t = np.arange(x.size, dtype=np.float64)
    slope = np.cov(t, x)[0, 1] / np.var(t, ddof=1) if x.size > 1 else 0.0
    return np.asarray(x - slope * t)


def _fitted_on_all(x: Array) -> Array:
    move = np.diff(x, prepend=x[:1])
    before = np.concatenate([[0.0], move[:-1]])
    with np.errstate(all="ignore"):
        return np.asarray(before * (before @ move) / (before @ before))


def _smooth(x: Array) -> Array:
    return np.asarray(savgol_filter(x, 7, 2)) if x.size >= 7 else np.full(x.size, np.nan)


def whole_sample_component(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The first principal component of the columns, with loadings from the whole sample."""
    x = bars.select("open", "high", "low", "volume").to_numpy()
    centred = np.nan_to_num(x - x.mean(axis=0))
    loadings = np.linalg.svd(centred, full_matrices=False)[2][0]
    return bars.select("timestamp", "symbol", value=pl.Series(centred @ loadings))


def resampled_to_the_left(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Highs of four hours, stamped with the first of them, as most resamplers do by default."""
    grouped = bars.sort("timestamp").group_by_dynamic("timestamp", every="4h", group_by="symbol")
    return grouped.agg(value=H.max()).select("timestamp", "symbol", "value")


def joined(key: pl.Expr, *, strategy: Any = "backward", keep: str = "last") -> TableFunction:
    """Figures joined to the bars by `key`."""

    def function(bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
        figures = tables["figures"].sort("known_at").unique("about", keep=keep, maintain_order=True)  # type: ignore[arg-type]
        side = figures.select(timestamp=key, value="value").sort("timestamp")
        return (
            bars.sort("timestamp")
            .join_asof(side, on="timestamp", strategy=strategy)
            .select("timestamp", "symbol", "value")
        )

    return function


def market_one_ahead(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The mean of all symbols' next returns."""
    ahead = bars.with_columns(ahead=NEXT.over("symbol").fill_nan(None))
    return ahead.select("timestamp", "symbol", value=pl.col("ahead").mean().over("timestamp"))


def universe_by_later_volume(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Closes of the symbols that turned out to be traded most."""
    most = bars.with_columns(whole=V.sum().over("symbol"))
    return most.filter(pl.col("whole") > V.sum() / 3.0).select("timestamp", "symbol", value=C)


def tomorrows_rank(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Where the next return of a symbol stands among all of its moment: a cross-section that is one bar early."""
    coming = bars.with_columns(coming=(C.shift(-1) / C).fill_nan(None).over("symbol"))
    return coming.select("timestamp", "symbol", value=pl.col("coming").rank("average").over("timestamp"))


def ranked_among_all_moments(bars: pl.DataFrame, _: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The rank of a return among those of all symbols at all moments, later ones too."""
    moves = bars.with_columns(move=(C / C.shift(1)).fill_nan(None).over("symbol"))
    return moves.select("timestamp", "symbol", value=pl.col("move").rank("average") / pl.len())


def single_moment(bars: pl.DataFrame) -> pl.DataFrame:
    """Looks one bar ahead at one moment of the whole history: only the trial of every bar is sure to find it."""
    moment = bars["timestamp"].unique().sort()[61]
    return bars.select("timestamp", "symbol", value=only(moment == T).over("symbol"))


FUNCTIONS: Mapping[str, tuple[str, TableFunction]] = {
    "market_one_ahead": ("off by one", market_one_ahead),
    "universe_by_later_volume": ("survivors", universe_by_later_volume),
    "tomorrows_rank": ("cross-section of another moment", tomorrows_rank),
    "ranked_among_all_moments": ("cross-section of another moment", ranked_among_all_moments),
    "low_pass_filter": ("whole-sample transform", per_symbol(_low_pass)),
    "detrended": ("whole-sample regression", per_symbol(_detrended)),
    "coefficient_of_all": ("whole-sample regression", per_symbol(_fitted_on_all)),
    "savitzky_golay": ("centred window", per_symbol(_smooth)),
    "whole_sample_component": ("whole-sample PCA", whole_sample_component),
    "resampled_to_the_left": ("resample to the left edge", resampled_to_the_left),
    "joined_on_the_event": ("as-of join on the event", joined(pl.col("about"), keep="first")),
    "revised_figures": ("revised data", joined(pl.col("about") + pl.duration(hours=5))),
    "nearest_publication": ("as-of join forwards", joined(pl.col("known_at"), strategy="nearest", keep="first")),
    "next_publication": ("as-of join forwards", joined(pl.col("known_at"), strategy="forward", keep="first")),
}
