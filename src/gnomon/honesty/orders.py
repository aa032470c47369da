"""The probe of orders: what was decided, filled and booked up to a moment must not depend on what came after.

Two questions are asked of a whole path from bars to an account. What stands at a close, once that bar is known:
targets, fills and the account. And what fills at an open, when only the open of its bar is known: a fill at the low of
its own bar is known by the bar's close, and could still not be had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import numpy as np
import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import TIMESTAMP
from gnomon.data.frames import Frame, as_bars
from gnomon.data.probe import ProbeReport, choose_cuts, probe_changes
from gnomon.data.probe.perturb import Data
from gnomon.honesty.path import TradingPath
from gnomon.simulation.base import Simulation

HOLE_BARS = 20
"""Bars after the cut that the test `nan` makes NaN: for ever, and no later model could be fitted."""
MOVE = 0.1
"""How far the prices of a bar that has opened are changed, as a fraction: a ruined account is closed at that close."""

Given = tuple[pl.DataFrame, dict[str, pl.DataFrame] | None]


def probe_orders(
    path: Callable[..., Simulation],
    bars: Frame,
    cuts: int | Literal["all"] = 64,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    edges: Sequence[datetime] | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> ProbeReport:
    """Whether any target, fill or amount of an account was decided with what was not known yet.

    `path` takes bars (with `tables`, also these) and gives a `Simulation`: a `TradingPath`, or one's own. It must say
    the same twice. Then for each cut t the bars after t are multiplied by ten, made NaN for twenty bars, shuffled,
    mirrored (moves of the other sign; prices stay above zero), and left out: all targets, fills and the account up to t
    must hold their bits. The same is done once more with the opens and volumes of the next bar left as they are: fills
    at its open must hold theirs (columns `..._at_open`). So a path that fills at other prices than opens is told.

    Cuts are made from the first row of the account on, at `edges` first: the moments of refits (those of a
    `TradingPath` where none are given). DataError where nothing is decided, or most runs raise.
    """
    if cuts != "all" and cuts < 1:
        raise ConfigError(f"cuts must be a number of 1 or more, or 'all', was {cuts!r}")
    known = as_bars(bars)
    side = None if tables is None else dict(tables)
    if edges is None:
        edges = path.edges(known, side) if isinstance(path, TradingPath) else ()

    def run(given: Given) -> Simulation:
        return path(given[0]) if given[1] is None else path(*given)

    begun = run((known, side)).equity["timestamp"].min()
    if begun is None:
        raise DataError(f"nothing is decided on {known.height} bars, so nothing can be probed; bring a longer history")
    later = known.filter(pl.col("timestamp") >= begun)
    chosen = choose_cuts(later, later.height if cuts == "all" else cuts, tables=side, edges=edges, seed=seed)
    future = Future(known, side, seed)
    shared: dict[str, Any] = {
        "whole": (known, side),
        "cuts": chosen,
        "last": int(future.moments[-1]),
        "keys": ("timestamp", "symbol", "row"),
        "tolerance": tolerance,
        "level": "orders",
    }
    closes = probe_changes(
        lambda given: _booked(run(given)), after=future.after, progress=lambda done: progress(done / 2.0), **shared
    )
    opens = probe_changes(
        lambda given: _filled(run(given), given[0]),
        after=future.after_the_open,
        progress=lambda done: progress(0.5 + done / 2.0),
        **shared,
    )
    return replace(
        closes,
        leaks=closes.leaks + opens.leaks,
        columns=closes.columns + opens.columns,
        rows=closes.rows + opens.rows,
        runs=closes.runs + opens.runs,
        empty=closes.empty + opens.empty,
        refused={**opens.refused, **closes.refused},
    )


def _booked(account: Simulation) -> pl.DataFrame:
    """All that stands at closes, a row each: what was asked for, what was filled, what is held, the account."""
    return pl.concat(
        [
            account.targets.with_columns(row=pl.lit("target")),
            _fills(account, ""),
            account.positions.select("timestamp", "symbol", position="quantity", row=pl.lit("position")),
            account.equity.with_columns(symbol=pl.lit("(account)"), row=pl.lit("account")),
        ],
        how="diagonal",
    )


def _filled(account: Simulation, bars: pl.DataFrame) -> pl.DataFrame:
    """The fills, each known when its bar opened: at the close of the moment before."""
    moments = bars["timestamp"].unique().sort()
    before = pl.DataFrame({"timestamp": moments, "opened": moments.shift(1)})
    fills = _fills(account, "_at_open").join(before, on="timestamp", how="left", maintain_order="left")
    return fills.with_columns(timestamp=pl.coalesce("opened", "timestamp")).drop("opened")


def _fills(account: Simulation, suffix: str) -> pl.DataFrame:
    number = pl.int_range(pl.len()).over("timestamp", "symbol").cast(pl.String)
    return account.fills.with_columns(row=pl.concat_str(pl.lit("fill "), number)).rename(
        {name: f"fill_{name}{suffix}" for name in ("quantity", "price", "fee")}
    )


class Future:
    """Bars and side tables with another future, whose prices are prices still."""

    def __init__(self, bars: pl.DataFrame, tables: Mapping[str, pl.DataFrame] | None, seed: int) -> None:
        self.bars = bars
        self.tables = tables
        self.data = Data(bars, tables, seed)
        self.moments = np.unique(bars["timestamp"].dt.epoch("us").to_numpy())

    def after(self, cut: int, test: str) -> Given:
        """All that became known after the cut, changed."""
        bars, tables = self.data.after(cut, test)
        stamp = pl.col("timestamp").dt.epoch("us")
        if test == "nan":
            place = int(np.searchsorted(self.moments, cut)) + HOLE_BARS
            over = int(self.moments[min(place, self.moments.size - 1)])
            bars = pl.concat([bars.filter(stamp <= over), self.bars.filter(stamp > over)])
        elif test == "sign":
            bars = self._mirrored(bars, cut)
        return bars.sort("symbol", "timestamp"), tables

    def after_the_open(self, cut: int, test: str) -> Given:
        """The same, but the next bars have opened: their opens stand, and so does the volume that was to come.

        How much of an order fills goes by the bar's volume: that is the ledger's rule, and no foresight of a price.
        """
        bars, tables = self.after(cut, test)
        opening = int(self.moments[np.searchsorted(self.moments, cut, side="right")])
        if tables is not None:
            # What is published until then may be booked before the fill: funding is.
            tables = self.data.after(opening, test)[1]
        stands = [name for name in ("open", "volume") if name in bars.columns]
        opened = self.bars.filter(pl.col("timestamp").dt.epoch("us") == opening)
        if test == "truncated":
            flat = [pl.col("open").alias(name) for name in ("high", "low", "close") if name in bars.columns]
            return pl.concat([bars, opened.with_columns(flat)]).sort("symbol", "timestamp"), tables
        keys = ["timestamp", "symbol"]
        whole = bars.join(opened.select(*keys, *stands), on=keys, how="left", suffix="_stands", maintain_order="left")
        now = pl.col("timestamp") == opened["timestamp"][0]
        kept = [pl.when(now).then(f"{name}_stands").otherwise(name).alias(name) for name in stands]
        moved = [
            pl.when(now & (pl.col("open_stands") > 0.0))
            .then(pl.col(name).clip(pl.col("open_stands") * (1.0 - MOVE), pl.col("open_stands") * (1.0 + MOVE)))
            .otherwise(name)
            .alias(name)
            for name in ("high", "low", "close")
            if name in bars.columns
        ]
        return whole.with_columns(*kept, *moved).select(bars.columns), tables

    def _mirrored(self, changed: pl.DataFrame, cut: int) -> pl.DataFrame:
        """Every later move of the other sign: a price p becomes c^2 / p, c the last close before; high and low swap."""
        close = pl.col("close").fill_nan(None)
        past = pl.col("timestamp") <= pl.lit(cut).cast(TIMESTAMP)
        anchor = self.bars.group_by("symbol").agg(
            pl.coalesce(close.filter(past).drop_nulls().last(), close.drop_nulls().first()).alias("anchor")
        )
        own = self.bars.join(anchor, on="symbol", how="left", maintain_order="left")
        turned = {"open": "open", "high": "low", "low": "high", "close": "close"}
        prices = own.select(
            pl.when(past).then(pl.col(name)).otherwise(pl.col("anchor") ** 2 / pl.col(source)).alias(name)
            for name, source in turned.items()
            if name in own.columns
        )
        rest = self.bars.select("volume") if "volume" in self.bars.columns else self.bars.select()
        return changed.with_columns(*prices.get_columns(), *rest.get_columns())
