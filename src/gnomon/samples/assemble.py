"""Tables to arrays: features, bars and labels become `Samples`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Float32, Int32, Int64
from gnomon.data.base import PRICES, TIMESTAMP
from gnomon.samples.base import UNKNOWN_END, Samples

KEYS = ["symbol", "timestamp"]
GAP_STEPS = 5.0
"""A step of more than this many usual ones breaks a segment: a weekend does not break daily bars, a lost week does."""
USUAL_STEPS = 101
"""Steps whose median is the usual one."""


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """Samples with what was left out: `cold` rows by symbol (a feature had not warmed up), and labels undecided."""

    samples: Samples
    cold: Mapping[str, int]
    undecided: Mapping[int, int]
    """Rows without a label, by horizon; they stay, with weight 0."""


def build_samples(
    features: pl.DataFrame,
    labels: pl.DataFrame | None,
    bars: pl.DataFrame,
    *,
    horizons: Sequence[int] | None = None,
    gap_steps: float = GAP_STEPS,
) -> Samples:
    """Samples of features and labels; `assemble` also tells what was left out.

    `features`: timestamp, symbol, a column a feature; `labels` as a `Labeler` gives them, or None to predict only;
    `bars` gives the prices. Rows before all features of their symbol have warmed up are dropped; later holes stay NaN.
    `horizons` chooses among those labelled. Raises DataError for tables that do not fit together.
    """
    return assemble(features, labels, bars, horizons=horizons, gap_steps=gap_steps).samples


def assemble(
    features: pl.DataFrame,
    labels: pl.DataFrame | None,
    bars: pl.DataFrame,
    *,
    horizons: Sequence[int] | None = None,
    gap_steps: float = GAP_STEPS,
) -> Assembly:
    """Samples with the counts of what was left out (see `build_samples`)."""
    names = tuple(name for name in features.columns if name not in KEYS)
    if not names:
        raise DataError(f"no features: the table has only the columns {features.columns}")
    features = _keyed(features, "features")
    if features.is_empty():
        raise DataError("the features hold no rows; there is nothing to make samples of")
    prices = _aligned(features, _keyed(bars, "bars").select(*KEYS, *PRICES), "bars")
    x = _matrix(features, names)
    symbols = tuple(features["symbol"].unique(maintain_order=True).to_list())
    symbol = np.repeat(
        np.arange(len(symbols), dtype=np.int32),
        features["symbol"].rle().struct.field("len").to_numpy().astype(np.int64),
    )
    known_at = features["timestamp"].to_physical().to_numpy()

    warm = _warm(x, symbol)
    if not warm.any():
        empty = [name for f, name in enumerate(names) if not np.isfinite(x[:, f]).any()]
        raise DataError(
            f"no row of {len(x)} is warm: "
            + (f"the features {empty} have no value at all" if empty else "no symbol has a value of every feature")
            + "; exclude them (features.exclude), shorten their windows, or bring a longer history"
        )
    _refuse_infinite(x, names, features)
    chosen = _horizons(labels, horizons)
    per_label = _labels(features, labels, chosen)
    rows = np.flatnonzero(warm)
    segment = _segments(known_at[rows], symbol[rows], gap_steps)
    samples = Samples(
        x=x if rows.size == len(x) else x[rows],
        known_at=known_at[rows],
        symbol=symbol[rows],
        segment=segment,
        prices=np.stack([prices[name].cast(pl.Float64).to_numpy() for name in PRICES], axis=1)[rows],
        symbols=symbols,
        feature_names=names,
        price_names=PRICES,
        horizons=chosen,
        **{name: array[rows] for name, array in per_label.items()},
    )
    cold = np.bincount(symbol[~warm], minlength=len(symbols))
    undecided = (samples.label_end == UNKNOWN_END).sum(axis=0)
    return Assembly(
        samples=samples,
        cold={name: int(n) for name, n in zip(symbols, cold, strict=True) if n},
        undecided={horizon: int(n) for horizon, n in zip(chosen, undecided, strict=True)},
    )


def _keyed(frame: pl.DataFrame, what: str) -> pl.DataFrame:
    """The table sorted by symbol and moment, its keys checked."""
    missing = [name for name in KEYS if name not in frame.columns]
    if missing:
        raise DataError(f"the {what} lack the columns {missing}; they have {frame.columns}")
    if frame["timestamp"].dtype != TIMESTAMP:
        raise DataError(f"column 'timestamp' of the {what} is {frame['timestamp'].dtype}, not Datetime('us', 'UTC')")
    if what == "labels":
        return frame
    frame = frame.sort(KEYS)
    twice = frame.select(KEYS).filter(
        (pl.col("symbol") == pl.col("symbol").shift()) & (pl.col("timestamp") == pl.col("timestamp").shift())
    )
    if twice.height:
        raise DataError(
            f"{twice.height} rows of the {what} repeat a moment, first {twice['symbol'][0]} at {twice['timestamp'][0]}",
            rows=twice.head(200),
        )
    return frame


def _aligned(features: pl.DataFrame, bars: pl.DataFrame, what: str) -> pl.DataFrame:
    """The rows of `bars` for each row of the features."""
    if features.height == bars.height and features.select(KEYS).equals(bars.select(KEYS)):
        return bars
    joined = features.select(KEYS).join(bars.with_columns(pl.lit(True).alias("_found")), on=KEYS, how="left")
    strays = joined.filter(pl.col("_found").is_null()).select(KEYS)
    if strays.height:
        raise DataError(
            f"{strays.height} rows of the features have no {what}, first {strays['symbol'][0]} at "
            f"{strays['timestamp'][0]}; compute the features from the same bars",
            rows=strays.head(200),
        )
    return joined.sort(KEYS)


def _matrix(features: pl.DataFrame, names: Sequence[str]) -> Float32[Array, "n f"]:
    x = np.empty((features.height, len(names)), np.float32)
    for f, name in enumerate(names):
        column = features[name]
        if not column.dtype.is_numeric():
            raise DataError(f"feature {name!r} is {column.dtype}, not a number")
        x[:, f] = column.cast(pl.Float32).to_numpy()
    return x


def _warm(x: Float32[Array, "n f"], symbol: Int32[Array, " n"]) -> Array:
    """Rows from which on every feature of the symbol has had a value."""
    starts = np.flatnonzero(np.diff(symbol, prepend=-1))
    warm = np.zeros(len(x), bool)
    for start, stop in zip(starts, [*starts[1:], len(x)], strict=True):
        seen = ~np.isnan(x[start:stop])
        first = seen.argmax(axis=0)
        if seen[first, np.arange(x.shape[1])].all():
            warm[start + int(first.max()) : stop] = True
    return warm


def _refuse_infinite(x: Float32[Array, "n f"], names: Sequence[str], features: pl.DataFrame) -> None:
    for f, name in enumerate(names):
        rows = np.flatnonzero(np.isinf(x[:, f]))
        if rows.size:
            first = features.select(KEYS)[int(rows[0])]
            raise DataError(
                f"feature {name!r} is infinite in {rows.size} rows, first for {first['symbol'][0]} at "
                f"{first['timestamp'][0]}; guard its division, or exclude it (features.exclude)",
                rows=features.select(*KEYS, name)[rows[:200]],
            )


def _segments(known_at: Int64[Array, " n"], symbol: Int32[Array, " n"], gap_steps: float) -> Int32[Array, " n"]:
    """A number for each run of rows of one symbol without a gap.

    A gap is measured by the median of the symbol's last `USUAL_STEPS` steps before it, so by nothing that comes later.
    """
    fresh = np.diff(symbol, prepend=-1) != 0
    step = np.diff(known_at, prepend=known_at[:1]).astype(np.float64)
    starts = np.flatnonzero(fresh)
    for start, stop in zip(starts, [*starts[1:], known_at.size], strict=True):
        if stop - start > 1:
            inside = step[start + 1 : stop]
            usual = pl.Series(inside).rolling_median(USUAL_STEPS, min_samples=1).to_numpy()
            fresh[start + 2 : stop] = inside[1:] > gap_steps * usual[:-1]
    return (np.cumsum(fresh) - 1).astype(np.int32)


def _horizons(labels: pl.DataFrame | None, wanted: Sequence[int] | None) -> tuple[int, ...]:
    if labels is None:
        return ()
    there = tuple(sorted(labels["horizon"].unique().to_list())) if "horizon" in labels.columns else ()
    if wanted is None:
        return there
    unlabelled = [horizon for horizon in wanted if horizon not in there]
    if unlabelled:
        raise DataError(f"no labels at the horizons {unlabelled}; the labels have {list(there)}")
    return tuple(wanted)


def _labels(features: pl.DataFrame, labels: pl.DataFrame | None, horizons: tuple[int, ...]) -> dict[str, Array]:
    shape = features.height, len(horizons)
    arrays: dict[str, Array] = {
        "y": np.zeros(shape, np.int8),
        "label_end": np.full(shape, UNKNOWN_END, np.int64),
        "forward_return": np.full(shape, np.nan),
        "weight": np.zeros(shape, np.float32),
    }
    if labels is None:
        return arrays
    labels = _keyed(labels, "labels")
    for h, horizon in enumerate(horizons):
        of_horizon = labels.filter(pl.col("horizon") == horizon).sort(KEYS)
        keys = of_horizon.select(KEYS)
        if not (keys.height == features.height and keys.equals(features.select(KEYS))):
            if keys.is_duplicated().any():
                raise DataError(f"the labels at horizon {horizon} repeat a symbol and moment")
            of_horizon = features.select(KEYS).join(of_horizon, on=KEYS, how="left").sort(KEYS)
        decided = of_horizon["label_end"].is_not_null() & of_horizon["label"].is_not_null()
        mask = decided.to_numpy()
        arrays["y"][:, h] = of_horizon["label"].fill_null(0).cast(pl.Int8).to_numpy()
        ends = of_horizon["label_end"].cast(TIMESTAMP).to_physical().fill_null(UNKNOWN_END).to_numpy()
        arrays["label_end"][:, h] = np.where(mask, ends, UNKNOWN_END)
        arrays["forward_return"][:, h] = of_horizon["forward_return"].cast(pl.Float64).to_numpy()
        weight = of_horizon["weight"].cast(pl.Float32).fill_null(0.0).to_numpy()
        arrays["weight"][:, h] = np.where(mask, weight, 0.0)
    return arrays
