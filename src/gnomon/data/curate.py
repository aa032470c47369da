"""Raw bars to bars that can be trusted: universe, adjustment and repair where the config names them, then the checks.

One order for everyone who reads bars (pipeline, training, forecasts): what is restricted is not adjusted, what is
adjusted is repaired as adjusted, and what is checked is what will be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from gnomon.config.models import DataConfig
from gnomon.data.actions import apply_actions
from gnomon.data.checks.run import check_bars
from gnomon.data.issues import CheckReport
from gnomon.data.manager import rooted
from gnomon.data.repair import RepairCount, repair_bars
from gnomon.data.universe import UniverseCount, restrict


@dataclass(frozen=True, kw_only=True)
class Curation:
    """Curated bars, what was found in them, and what was done to them.

    `before`: what the checks find in the raw bars, where anything was done; None where nothing was. `adjusted`: bars
    whose close was adjusted; None without a table of actions.
    """

    bars: pl.DataFrame
    report: CheckReport
    before: CheckReport | None = None
    restricted: Sequence[UniverseCount] = ()
    adjusted: int | None = None
    repaired: Sequence[RepairCount] = ()


def curate(raw: pl.DataFrame, config: DataConfig, *, root: Path | None = None, train: float | None = None) -> Curation:
    """Does to bars what the section `data` names, and checks them; errors are in the report, not raised.

    `root`: the folder that relative paths of tables start from. `train`: the fraction of the distinct timestamps that
    repairs may take statistics from. Raises ConfigError for a repair that cannot be built, DataError where it leaves
    nothing.
    """
    bars = raw
    restricted: Sequence[UniverseCount] = ()
    repaired: Sequence[RepairCount] = ()
    adjusted = None
    if config.universe is not None:
        bars, restricted = restrict(bars, rooted(config.universe, root), unlisted=config.unlisted)
    if config.actions is not None:
        unadjusted = bars["close"]
        bars = apply_actions(bars, rooted(config.actions, root), method=config.adjust)
        adjusted = int((bars["close"] != unadjusted).sum())
    if config.repair:
        bars, repaired = repair_bars(bars, config.repair, train_end=_train_end(bars, train))
    report = check_bars(bars, config.checks, frequency=config.frequency, calendar=config.calendar)
    before = None
    if bars is not raw:
        before = check_bars(raw, config.checks, frequency=config.frequency, calendar=config.calendar)
    return Curation(
        bars=bars, report=report, before=before, restricted=restricted, adjusted=adjusted, repaired=repaired
    )


def _train_end(bars: pl.DataFrame, train: float | None) -> datetime | None:
    """The last moment of the first `train` of the distinct timestamps."""
    if train is None:
        return None
    moments = bars["timestamp"].unique().sort()
    end: datetime = moments[max(round(train * len(moments)) - 1, 0)]
    return end
