"""Scaled samples as Parquet files, for tools that read tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from gnomon.core.errors import DataError
from gnomon.core.files import atomic_folder, step
from gnomon.core.types import Array, Int64
from gnomon.samples.base import UNKNOWN_END, Samples
from gnomon.samples.projection import ProjectionParams
from gnomon.samples.transforms import ScalerParams, StandardScaler, Transform

SCALER = "scaler.json"
PROJECTION = "projection.json"


def export_scaled(
    samples: Samples,
    folder: Path,
    *,
    train: Int64[Array, " train"],
    valid: Int64[Array, " valid"],
    test: Int64[Array, " test"],
    scaler: Transform[ScalerParams] | None = None,
    projection: Transform[ProjectionParams] | None = None,
) -> ScalerParams:
    """Writes `train_scaled.parquet`, `val_scaled.parquet` and `test_scaled.parquet` into a new folder, and the scaler.

    Columns: timestamp, symbol, a Float32 a feature, scaled by what `scaler` (default: `StandardScaler`) learned from
    the training rows alone, and `label_h5`, `label_h10`, ... in {-1, 0, 1}, null while undecided. `train`, `valid` and
    `test` are the rows of a fold. A `projection`, fitted on the same rows, comes before the scaler and is written as
    `projection.json`. `scaler.json` holds the scaler as `ScalerParams.load` reads it. All files appear at
    once or none. Raises DataError for rows that are shared by two parts, for samples without labels, and for a feature
    that is named like a label.
    """
    parts = {"train": np.asarray(train), "val": np.asarray(valid), "test": np.asarray(test)}
    _check(samples, parts)
    projected = None if projection is None else projection.fit(samples.take(parts["train"]))
    if projected is not None:
        samples = projected.apply(samples)
    fitted = (StandardScaler() if scaler is None else scaler).fit(samples.take(parts["train"]))
    with atomic_folder(folder) as temporary:
        for name, rows in parts.items():
            path = temporary / f"{name}_scaled.parquet"
            step("write", path)
            scaled_table(samples.take(rows), fitted).write_parquet(path, compression="zstd")
        fitted.save(temporary / SCALER)
        if projected is not None:
            projected.save(temporary / PROJECTION)
    return fitted


def scaled_table(samples: Samples, scaler: ScalerParams) -> pl.DataFrame:
    """Samples as a table: timestamp, symbol, scaled features, a `label_h<bars>` a horizon (null while undecided)."""
    x = scaler.apply(samples).x
    columns = {
        "timestamp": pl.Series(samples.known_at).cast(pl.Datetime("us", "UTC")),
        "symbol": pl.Series(samples.symbols, dtype=pl.String).gather(samples.symbol),
        **{name: pl.Series(np.ascontiguousarray(x[:, f])) for f, name in enumerate(samples.feature_names)},
    }
    for h, bars in enumerate(samples.horizons):
        undecided = samples.label_end[:, h] == UNKNOWN_END
        columns[f"label_h{bars}"] = pl.Series(samples.y[:, h]).set(pl.Series(undecided), None)
    return pl.DataFrame(columns)


def _check(samples: Samples, parts: Mapping[str, Int64[Array, " m"]]) -> None:
    if not samples.horizons:
        raise DataError("the samples carry no labels, so there is nothing to export for learning; label the bars first")
    taken = {"timestamp", "symbol", *(f"label_h{bars}" for bars in samples.horizons)}
    clash = [name for name in samples.feature_names if name in taken]
    if clash:
        raise DataError(f"the features {clash} are named like the columns of keys and labels; rename them")
    rows = np.concatenate(list(parts.values()))
    twice = rows.size - np.unique(rows).size
    if twice:
        raise DataError(f"{twice} rows are in train, valid and test more than once; give the parts of one fold")
