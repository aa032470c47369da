"""Jumps: prices that leave by a power of ten and come back (units), that look like a split, or that are extreme.

Prices alone show these. They cannot show which side of a jump is right, nor tell a crash from a split of the same size;
so the messages say "looks like", and the rows carry the ratio and what the volume did.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import polars as pl

from gnomon.core.types import Array, Float64, Int64
from gnomon.data.base import PRICES
from gnomon.data.checks.base import Finding, Sheet, vendor_columns

LOG10 = float(np.log(10))
UNIT_TOLERANCE = 0.04
"""How far, in powers of ten, a jump may be from a whole power: the market moves meanwhile, by 10% here."""
UNIT_BARS = 60
"""Prices in another unit come back within this many bars; what stays longer looks like a split."""
SPLIT_RATIOS = (
    1.5,
    2.0,
    2.5,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    9.0,
    10.0,
    12.0,
    15.0,
    20.0,
    25.0,
    30.0,
    40.0,
    50.0,
    100.0,
    1000.0,
)
SPLIT_SMALLEST = float(np.log(1.4))
SPLIT_SIGMAS = 5.0
CLOSE_TOLERANCE = 0.1
"""How far the close may have gone from a ratio that the open met."""
VOLUME_BARS = 10
FEWEST_MOVES = 5
"""Below this many moves a symbol has no scale, and moves of `UNSCALED` or more are looked at."""
UNSCALED = float(np.log(1.1))


def robust_sigma(moves: pl.Expr) -> pl.Expr:
    """1.4826 times the median size of the symbol's moves, where it has moved at least `FEWEST_MOVES` times; else 0.

    About zero and not about their median, for coarse prices move by one of two amounts; bars without a move do
    not count, or a thinly traded symbol would have no scale at all.
    """
    sizes = pl.when(moves != 0).then(moves.abs())
    known = sizes.count().over("symbol") >= FEWEST_MOVES
    return pl.when(known).then(1.4826 * sizes.median().over("symbol")).otherwise(0.0)


def check_jumps(sheet: Sheet) -> Iterator[Finding]:
    """Findings `units`, `splits` and `jumps`; a bar is in one of them only, in this order."""
    bars = _measured(sheet.bars)
    units = _off_unit(bars)
    yield from _units(bars, units)
    # A jump into or out of prices in another unit is explained by it.
    explained = units | np.concatenate([[False], units[:-1]])
    rest = bars.filter(pl.Series(~explained)).filter(pl.col("move").is_finite() & (pl.col("move") != 0))
    limit = pl.when(pl.col("sigma") > 0).then(sheet.config.jump_sigmas * pl.col("sigma")).otherwise(UNSCALED)
    rest = _with_split(rest.filter(pl.col("move").abs() >= pl.min_horizontal(SPLIT_SMALLEST, limit)))
    columns = ("row", "symbol", "timestamp", "before", *PRICES, "volume", "ratio")
    splits = rest.filter(pl.col("split").is_not_null())
    if not splits.is_empty():
        first = splits.row(0, named=True)
        yield Finding(
            check="splits",
            rows=splits.select(*columns, "split", "volume_ratio"),
            what=f"a price jumps by what looks like a split that was not adjusted (the first by {first['ratio']:.4g}, "
            f"as a {first['split']} split would)",
            remedy="name a table of splits in data.actions, or see that the move is real",
        )
    extreme = rest.filter(pl.col("split").is_null() & (pl.col("move").abs() > limit))
    if not extreme.is_empty():
        top = extreme.row(int(extreme["move"].abs().arg_max() or 0), named=True)
        yield Finding(
            check="jumps",
            rows=extreme.with_columns(sigmas=pl.col("move") / pl.col("sigma")).select(*columns, "sigmas"),
            what=f"a close moves by more than {sheet.config.jump_sigmas:g} robust standard deviations (the largest: "
            f"{top['symbol']} by {top['ratio'] - 1:+.1%} at {top['timestamp']:%Y-%m-%d %H:%M})",
            remedy="see whether the market did this; a bad print goes with the repair {kind: hampel}",
        )


def _measured(bars: pl.DataFrame) -> pl.DataFrame:
    """The log move of the close, its robust scale, and the volume against the median of the bars before."""
    usual = pl.col("volume").shift().rolling_median(VOLUME_BARS, min_samples=1).over("symbol")
    close = pl.when(pl.col("close").is_finite() & (pl.col("close") > 0)).then(pl.col("close"))
    measured = bars.with_columns(
        before=pl.when(pl.col("symbol") == pl.col("symbol").shift()).then(close.shift()), close=close
    )
    paid = vendor_columns(bars.columns).get("dividend")
    if paid is not None:
        # A fall by a recorded dividend is no jump; a dividend that is wrong must not make one either.
        net = pl.col("before") - pl.col(paid).cast(pl.Float64, strict=False).fill_null(0.0)
        calmer = (pl.col("close") / net).log().abs() < (pl.col("close") / pl.col("before")).log().abs()
        measured = measured.with_columns(before=pl.when(calmer & (net > 0)).then(net).otherwise("before"))
    measured = measured.with_columns(ratio=pl.col("close") / pl.col("before"))
    return measured.with_columns(move=pl.col("ratio").log().fill_nan(None)).with_columns(
        sigma=robust_sigma(pl.col("move")),
        volume_ratio=pl.when(pl.col("volume") > 0).then(pl.col("volume")) / pl.when(usual > 0).then(usual),
    )


def _off_unit(bars: pl.DataFrame) -> Array:
    """Which bars hold a price in another unit.

    Two cases: a close that leaves by a power of ten and comes back by the same power within `UNIT_BARS` (of the two
    levels, the one that fewer bars of the symbol have is off), and an open, high or low that is a power of ten away
    from its own close while the close stays.
    """
    off = _off_within(bars)
    power = _power(bars["move"].fill_null(0.0).to_numpy())
    jumps = np.flatnonzero(power)
    symbols = bars["symbol"].rle_id().to_numpy()
    taken = -1
    paired: dict[int, list[tuple[int, int]]] = {}
    for here, there in itertools.pairwise(jumps.tolist()):
        comes_back = power[here] == -power[there] and there - here <= UNIT_BARS and symbols[here] == symbols[there]
        if comes_back and here > taken:
            paired.setdefault(int(symbols[here]), []).append((here, there))
            taken = there
    for symbol, spans in paired.items():
        low, high = np.searchsorted(symbols, symbol), np.searchsorted(symbols, symbol, side="right")
        away = np.zeros(high - low, dtype=bool)
        for start, end in spans:
            away[start - low : end - low] = True
        off[low:high] |= away if away.mean() <= 0.5 else ~away
    return off


def _off_within(bars: pl.DataFrame) -> Array:
    """Bars whose own open, high or low is a power of ten away from a close that did not move."""
    steady = (bars["move"].abs().fill_null(0.0) < np.log(2)).to_numpy()
    off = np.zeros(bars.height, dtype=bool)
    for price in ("open", "high", "low"):
        ratio = bars.select(pl.when(pl.col(price) > 0).then((pl.col(price) / pl.col("close")).log()).fill_null(0.0))
        off |= _power(ratio.to_series().fill_nan(0.0).to_numpy()) != 0
    return np.asarray(off & steady)


def _power(moves: Float64[Array, " n"]) -> Int64[Array, " n"]:
    """The whole power of ten that a log move is, 0 where it is none."""
    powers = np.where(np.isfinite(moves), moves, 0.0) / LOG10
    whole = np.round(powers)
    near = np.abs(powers - whole) < UNIT_TOLERANCE
    return np.asarray(np.where(near, whole, 0), dtype=np.int64)


def _units(bars: pl.DataFrame, off: Array) -> Iterator[Finding]:
    if not off.any():
        return
    # The usual level: the last close of the symbol that is not off; it says by what the others are.
    usual = pl.when(~pl.col("off")).then(pl.col("close")).forward_fill().over("symbol")
    later = pl.when(~pl.col("off")).then(pl.col("close")).backward_fill().over("symbol")
    rows = (
        bars.with_columns(off=pl.Series(off))
        .with_columns(factor=pl.col("close") / usual.fill_null(later))
        .filter("off")
        .select("row", "symbol", "timestamp", *PRICES, "volume", "factor")
    )
    factor = _largest(rows.row(0, named=True))
    yield Finding(
        check="units",
        rows=rows,
        what=f"a price leaves by a power of ten and comes back (the first by a factor of {factor:.4g}): it looks like "
        "another unit, such as pence for pounds",
        remedy="fix the unit in the source; which of the two levels is right cannot be seen from prices; bad prints go "
        "with the repair {kind: hampel}",
    )


def _largest(bar: dict[str, float | None]) -> float:
    """By what a bar is off: its close from the usual level, or where that stands, its worst price from its close."""
    close, factor = bar["close"] or np.nan, bar["factor"] or np.nan
    if abs(np.log(factor)) >= np.log(2):
        return factor
    # The quotient of two prices that are each above zero may still be too small for a number.
    ratios = [(bar[name] or 0.0) / close for name in ("open", "high", "low")]
    within = [ratio for ratio in ratios if 0.0 < ratio < np.inf]
    return max(within, key=lambda ratio: abs(np.log(ratio)), default=factor)


def _with_split(bars: pl.DataFrame) -> pl.DataFrame:
    """Adds `split`, the ratio that a jump looks like ("2:1", "1:10"), null where it looks like none.

    Either the open or the close against the last close must be near a usual ratio, nearer in a calm symbol, and the
    volume, where there is one, must not have moved against it: twice the shares trade twice the volume.
    """
    gaps = bars.select((pl.col("open") / pl.col("before")).log())
    by_close, by_open = _nearest_split(bars["move"].to_numpy()), _nearest_split(gaps.to_series().to_numpy())
    nearer = by_open[1] < by_close[1]
    ratio, error = (np.where(nearer, opened, closed) for opened, closed in zip(by_open, by_close, strict=True))
    size, sigma = pl.col("move").abs(), pl.col("sigma")
    holds = (size - pl.col("near").log()).abs() < pl.max_horizontal(CLOSE_TOLERANCE, 3 * sigma)
    close_by = pl.col("error") < (1.5 * sigma).clip(0.03, 0.04)
    large = (size >= SPLIT_SMALLEST) & (size >= SPLIT_SIGMAS * sigma)
    against = (pl.col("volume_ratio").log() * pl.col("move").sign() > 0.5 * size).fill_null(value=False)
    name = pl.col("near").cast(pl.String).str.strip_suffix(".0")
    named = pl.when(pl.col("move") < 0).then(pl.format("{}:1", name)).otherwise(pl.format("1:{}", name))
    return bars.with_columns(near=ratio, error=error).with_columns(
        split=pl.when(holds & close_by & large & ~against).then(named)
    )


def _nearest_split(moves: Float64[Array, " n"]) -> tuple[Float64[Array, " n"], Float64[Array, " n"]]:
    """The usual split ratio nearest to each log move, up or down, and how far it is in logs (infinite for no move)."""
    sizes = np.abs(np.where(np.isfinite(moves), moves, np.inf))
    ratios = np.log(SPLIT_RATIOS)
    at = np.searchsorted((ratios[1:] + ratios[:-1]) / 2, sizes)
    return np.asarray(SPLIT_RATIOS)[at], np.abs(sizes - ratios[at])
