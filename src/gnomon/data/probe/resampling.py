"""The probe of resampling: longer bars must be closed, and what was given once must never be given otherwise.

A longer bar that is given while it is open carries a stamp that lies ahead, so no value up to the cut is wrong. It is
wrong all the same, for whoever reads the last row: so each row counts as known when the data that gave it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

import polars as pl

from gnomon.data.probe.base import ProbeReport
from gnomon.data.probe.compare import as_polars
from gnomon.data.probe.lookahead import probe_lookahead


def probe_resampling(
    function: Callable[..., Any],
    bars: Any,
    cuts: int | Literal["all"] = 64,
    *,
    tables: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> ProbeReport:
    """`probe_lookahead` for a function from bars to longer bars, each stamped with its close.

    Beside what that finds (a stamp that is too early, values of bars to come), it finds longer bars that are given
    before they have closed, and so change later.

    >>> from datetime import UTC, datetime
    >>> from gnomon.data.resample import resample_bars
    >>> hours = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(24)]
    >>> bars = pl.DataFrame({"timestamp": hours, "symbol": "A", "close": [100.0 + hour for hour in range(24)]})
    >>> probe_resampling(lambda b: resample_bars(b, "4h"), bars).leaking
    ()
    >>> left = lambda b: b.group_by_dynamic("timestamp", every="4h", group_by="symbol").agg(pl.col("close").last())
    >>> probe_resampling(left, bars).leaking
    ('close',)
    """

    def given(part: Any, *side: Any) -> pl.DataFrame:
        made = as_polars(function(part, *side))
        last = as_polars(part, what="the frame of bars")["timestamp"].max()
        stamp = pl.col("timestamp")
        return made.with_columns(stamp.alias("closes_at"), timestamp=pl.min_horizontal(stamp, pl.lit(last)))

    keys = ("timestamp", "symbol", "closes_at")
    report = probe_lookahead(given, bars, cuts, tables=tables, keys=keys, seed=seed, progress=progress)
    return replace(report, level="resampling")
