"""The probe of labels: they look ahead on purpose, and must not look further than they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import polars as pl

from gnomon.data.probe import ProbeReport, probe_lookahead
from gnomon.labels.base import Labeler


def probe_labels(
    labeler: Labeler,
    bars: Any,
    cuts: int | Literal["all"] = 64,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> ProbeReport:
    """Whether a label, its return or its weight depends on anything after its `label_end`.

    Purging goes by that moment: a label that ends later than it says leaks through every split. Each decided label
    counts as known at its end; then it is `probe_lookahead`. In a leak `first_row` is such an end.
    """

    def by_end(part: pl.DataFrame) -> pl.DataFrame:
        made = labeler.label(part).filter(pl.col("label").is_not_null())
        return made.with_columns(entry=pl.col("timestamp").dt.epoch("us"), timestamp="label_end").drop("label_end")

    keys = ("timestamp", "symbol", "horizon", "entry")
    return replace(probe_lookahead(by_end, bars, cuts, keys=keys, seed=seed, progress=progress), level="labels")
