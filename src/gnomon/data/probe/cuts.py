"""Where to cut: few moments, chosen so that a leak which shows only sometimes meets one of them.

A leak of one bar shows only at a cut between the row and the bar that it read. So the cuts are spread over the kinds of
moment at which leaks have been seen to hide: the first bars (values filled backwards), hours and weekdays, ends of
sessions and months, days on which clocks change, the largest moves, gaps, and the last bar before a publication.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest

import numpy as np
import polars as pl

from gnomon.core.seeds import generator
from gnomon.core.types import Array, Bool, Int64

CLOCKS = ("America/New_York", "Europe/London")
"""Places whose clock changes are looked for: between them they change on four days a year."""
GAP_STEPS = 5.0
"""A step of more than this many usual ones is a gap."""


def choose_cuts(
    bars: pl.DataFrame,
    count: int,
    *,
    tables: Mapping[str, pl.DataFrame] | None = None,
    edges: Sequence[datetime] = (),
    seed: int = 0,
) -> list[int]:
    """At most `count` moments of the bars (microseconds since 1970), ascending, never the last one.

    Each kind of moment gives one in turn until all are given or there are `count`; what is left is drawn evenly.
    `edges` are a kind as well, and the first: each moment itself, the bar before it and the one after.
    """
    moments = np.unique(_micros(bars["timestamp"]))
    if count >= moments.size - 1:
        return [int(moment) for moment in moments[:-1]]
    chosen: dict[int, None] = {}
    for place in _in_turn([_edges(edges, moments), *_strata(bars, moments, tables or {}, seed)]):
        if len(chosen) == count:
            break
        if 0 <= place < moments.size - 1:
            chosen[int(place)] = None
    rest = generator(seed, "probe", "cuts").permutation(moments.size - 1).tolist()
    for place in rest:
        if len(chosen) == count:
            break
        chosen[place] = None
    return [int(moments[place]) for place in sorted(chosen)]


def _edges(edges: Sequence[datetime], moments: Int64[Array, " t"]) -> list[int]:
    """The place of each edge, then of the bars before them, then of those after."""
    at = np.searchsorted(moments, _micros(pl.Series(edges, dtype=pl.Datetime("us", "UTC")))).tolist()
    return [place + off for off in (0, -1, 1) for place in at]


def _in_turn(strata: Iterable[Iterable[int]]) -> Iterable[int]:
    for turn in zip_longest(*strata):
        yield from (place for place in turn if place is not None)


def _strata(
    bars: pl.DataFrame, moments: Int64[Array, " t"], tables: Mapping[str, pl.DataFrame], seed: int
) -> list[list[int]]:
    """Places in `moments` by kind; the first of each kind matter most."""
    chance = generator(seed, "probe", "strata")

    def pick(mask: Bool[Array, " t"], count: int = 1) -> list[int]:
        places = np.flatnonzero(mask)
        return [int(place) for place in chance.permutation(places)[:count]]

    stamps = pl.Series(moments).cast(pl.Datetime("us", "UTC"))
    day = stamps.dt.date()
    last_of_day = (day != day.shift(-1)).fill_null(value=True).to_numpy()
    month = stamps.dt.month().to_numpy()
    last_of_month = np.append(month[1:] != month[:-1], True)
    hour, weekday = stamps.dt.hour().to_numpy(), stamps.dt.weekday().to_numpy()
    month_end_day = (day == day.dt.month_end()).to_numpy()
    step = np.diff(moments, append=moments[-1])
    gap = step > GAP_STEPS * np.median(step[:-1])
    jumps, holes, listed = _notable(bars, moments)
    quarters = [(weekday == d) & (hour // 6 == quarter) for d in range(1, 8) for quarter in range(4)]
    return [
        list(dict.fromkeys([0, *listed[:4], 1, 3, 7, 15, 31, 63, 127, 255, 511])),
        [place for quarter in quarters for place in pick(quarter)],
        [place for h in range(24) for place in pick(hour == h)],
        [*pick(last_of_month), *pick(month_end_day), *pick(last_of_month, 3), *pick(month_end_day & last_of_day)],
        [place for changes in _clock_changes(stamps) for place in pick(changes, 2)],
        jumps,
        [*pick(last_of_day, 2), *pick(gap, 2), moments.size - 2],
        holes,
        _before_publications(moments, tables, chance),
    ]


def _clock_changes(stamps: pl.Series) -> list[Bool[Array, " t"]]:
    """For each clock: the moments of the days on which it changes, or of the first day after where there are none."""
    found = []
    for zone in CLOCKS:
        local = stamps.dt.convert_time_zone(zone)
        offset = (local.dt.base_utc_offset() + local.dt.dst_offset()).to_numpy()
        days = local.dt.date().gather(np.flatnonzero(offset[1:] != offset[:-1]) + 1)
        found.append(local.dt.date().is_in(days.to_list()).to_numpy())
    return found


def _notable(bars: pl.DataFrame, moments: Int64[Array, " t"]) -> tuple[list[int], list[int], list[int]]:
    """The bars of the largest moves with those before and after, the ends of holes, the first bars of symbols."""
    stamps = _micros(bars["timestamp"])
    listed = bars.group_by("symbol", maintain_order=True).agg(pl.col("timestamp").min())["timestamp"]
    first = np.searchsorted(moments, np.sort(_micros(listed))).tolist()
    numbers = [name for name, kind in bars.schema.items() if kind.is_float()]
    if not numbers:
        return [], [], first
    price = pl.col("close" if "close" in numbers else numbers[0])
    move = bars.select((price / price.shift(1) - 1.0).over("symbol").fill_nan(None).fill_null(0.0)).to_series()
    largest = [move.arg_min() or 0, move.arg_max() or 0, *np.argsort(-np.abs(move.to_numpy()), kind="stable")[:6]]
    places = np.searchsorted(moments, stamps[np.unique(largest)]).tolist()
    jumps = [place + off for off in (0, 1, -1, 2) for place in places]
    return jumps, _holes(bars.select(numbers), stamps, moments), first


def _holes(numbers: pl.DataFrame, stamps: Int64[Array, " n"], moments: Int64[Array, " t"]) -> list[int]:
    """The last bars of some runs of holes, and those before: a backward fill took its value from behind them."""
    bad = numbers.select(pl.any_horizontal(pl.all().is_null() | pl.all().is_nan())).to_series().to_numpy()
    at = np.unique(np.searchsorted(moments, stamps[bad]))
    if not at.size:
        return []
    ends = at[np.append(np.diff(at) != 1, True)]
    return [int(place) + off for place in ends[:: max(1, ends.size // 4)] for off in (0, -1)]


def _before_publications(
    moments: Int64[Array, " t"], tables: Mapping[str, pl.DataFrame], chance: np.random.Generator
) -> list[int]:
    """The last bar before some publications of each table."""
    places: list[list[int]] = []
    for table in tables.values():
        known = np.unique(_micros(table["known_at"]))
        before = np.unique(np.searchsorted(moments, known, side="left") - 1)
        before = before[(before >= 0) & (before < moments.size - 1)]
        places.append(chance.permutation(before)[:16].tolist())
    return list(_in_turn(places))


def _micros(stamps: pl.Series) -> Int64[Array, " n"]:
    return np.asarray(stamps.dt.epoch("us").to_numpy())
