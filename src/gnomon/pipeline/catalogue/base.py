"""The catalogue on disk: one Parquet file, a row for each model that was scored, replaced whole by every change.

A row's key says what was scored: data, model, configuration, horizon and code. The same key again replaces the row, so
the file never says the same thing twice. No Sharpe ratio stands in it without all of its doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from gnomon.core.errors import IntegrityError
from gnomon.core.files import atomic_path
from gnomon.data.base import TIMESTAMP
from gnomon.evaluation.base import DOUBT_COLUMNS
from gnomon.store.locks import lock

VERSION = 2
"""Of the schema. A file of an older one is read as what it would be today; a newer one is refused."""
METADATA = "gnomon_catalogue"
LOCK_WAIT_SECONDS = 30.0

KEY = ("data_version", "model", "config_hash", "horizon", "code_version")
"""What was scored, with what code."""
Key: TypeAlias = tuple[str, str, str, int, str]

COUNTS = ("n", "trials")
SCHEMA: dict[str, Any] = {
    "data_set": pl.String,
    "asset_class": pl.String,
    "data_version": pl.String,
    "market": pl.String,
    "frequency": pl.String,
    "symbols": pl.Int64,
    "bars": pl.Int64,
    "first": TIMESTAMP,
    "last": TIMESTAMP,
    "model": pl.String,
    "family": pl.String,
    "baseline": pl.Boolean,
    "params": pl.String,
    "depth": pl.Int64,
    "config_hash": pl.String,
    "horizon": pl.Int64,
    "code_version": pl.String,
    "status": pl.String,
    "cause": pl.String,
    "train_rows": pl.Int64,
    "valid_rows": pl.Int64,
    "test_rows": pl.Int64,
    "test_first": TIMESTAMP,
    "features": pl.Int64,
    "total_return": pl.Float64,
    "max_drawdown": pl.Float64,
    "turnover": pl.Float64,
    "f1": pl.Float64,
    "f1_error": pl.Float64,
    "log_loss": pl.Float64,
    "log_loss_error": pl.Float64,
    "prior_log_loss": pl.Float64,
    "brier": pl.Float64,
    "ece": pl.Float64,
    "ece_error": pl.Float64,
    "ic": pl.Float64,
    **{name: pl.Int64 if name in COUNTS else pl.Float64 for name in DOUBT_COLUMNS},
    "fit_seconds": pl.Float64,
    "row_microseconds": pl.Float64,
    "rows_per_second": pl.Float64,
    "parameters": pl.Int64,
    "seed": pl.Int64,
    "time": TIMESTAMP,
}
"""Columns of the catalogue, in order.

data_set, asset_class, symbols (how many), bars (how many), first, last (of them), frequency: what was traded; market:
under which the trial ledger counts its tries. params: of the model, as JSON; depth: its layers or levels, where it has
such a setting. status: "scored" or "failed", with its cause. test_first: the earliest test row. total_return (return
on investment), max_drawdown: of the account over the test rows, after costs; turnover: notional traded a bar, as a
share of equity. f1_error, log_loss_error, ece_error: standard errors, by a bootstrap of blocks of time.
prior_log_loss: of always giving the training rows' class frequencies. The fields of `SharpeDoubt`. row_microseconds:
median time of a forecast of one row. parameters: numbers that were learned, leaves of trees; null where the model does
not say.
"""

ADDED = {2: ("bars", "first", "last", "test_first", "f1_error", "log_loss_error", "ece_error")}
"""Columns that a version of the schema brought; null in rows of an older one."""


@dataclass(frozen=True)
class Catalogue:
    """The catalogue in the file `path`. Several processes may add to it."""

    path: Path

    def read(self) -> pl.DataFrame:
        """Every row, sorted by data set, horizon, family, model, then time; none where there is no file yet.

        IntegrityError for a file that is no catalogue, or one that a newer Gnomon wrote.
        """
        if not self.path.exists():
            return pl.DataFrame(schema=SCHEMA)
        try:
            version = int(pl.read_parquet_metadata(self.path)[METADATA])
            frame = pl.read_parquet(self.path)
        except (KeyError, ValueError, OSError, pl.exceptions.PolarsError) as error:
            raise IntegrityError(f"{self.path} is no catalogue of models ({error}); move it away") from None
        if version > VERSION:
            raise IntegrityError(
                f"{self.path} has schema {version}, this Gnomon knows up to {VERSION}; update Gnomon, or move it away"
            )
        for newer in range(version + 1, VERSION + 1):
            missing = [name for name in ADDED[newer] if name not in frame.columns]
            frame = frame.with_columns(pl.lit(None, SCHEMA[name]).alias(name) for name in missing)
        if set(frame.columns) == set(SCHEMA):
            frame = frame.select(list(SCHEMA))
        if dict(frame.schema) != SCHEMA:
            raise IntegrityError(f"{self.path} lacks columns of schema {version}, or has others; restore it")
        return frame

    def add(self, rows: Sequence[Mapping[str, Any]] | pl.DataFrame) -> None:
        """Puts rows in, each in the place of the one that has its key; on disk, all of them or none."""
        new = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, schema=SCHEMA, orient="row")
        if new.is_empty():
            return
        new = new.unique(KEY, keep="last", maintain_order=True)
        with lock(self.path.with_name(f"{self.path.stem}.lock"), "add to the catalogue", wait=LOCK_WAIT_SECONDS):
            held = self.read().join(new.select(KEY), on=KEY, how="anti", nulls_equal=True)
            every = pl.concat([held, new.select(list(SCHEMA))])
            every = every.sort("data_set", "horizon", "family", "model", "time", maintain_order=True)
            with atomic_path(self.path) as temporary:
                every.write_parquet(temporary, metadata={METADATA: str(VERSION)})

    def scored(self) -> set[Key]:
        """The keys of the rows that were scored; what failed may be tried again."""
        done = self.read().filter(pl.col("status") == "scored").select(KEY)
        return set(done.iter_rows())
