"""Adjustment: whether the adjusted close, the dividends and the splits of a file agree with each other.

A vendor's adjusted close is the close times a factor. At a dividend d, with c the close before it, the factor must step
by 1 - d/c (CRSP's and Yahoo's rule). A file that carries `adj_close` and `dividends` can therefore be held against
itself: each dividend asks for a step, each step for a dividend, and a price that goes ex must fall. `stock_splits`
names jumps that the prices should not have any more.

What cannot be seen: amounts and adjustment that are wrong by the same factor, so long as the price does not contradict.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gnomon.data.checks.base import Finding, Sheet, moment, previous, vendor_columns
from gnomon.data.checks.jumps import robust_sigma

SMALLEST = 5e-5
"""Steps below this are rounding."""
SHARE = 0.1
"""A step may differ from its dividend by this share of either."""
WHOLE = 0.9
"""A dividend of this share of the price is no dividend."""
NEAR_BARS = 10
REPEAT_DAYS = 7
UNADJUSTED_SIGMAS = 4.0


def check_adjustment(sheet: Sheet) -> Iterator[Finding]:
    """Dividends and splits that the adjusted close, or the price, contradicts; one row an event, with its `fault`."""
    found = vendor_columns(sheet.bars.columns)
    if not {"adjusted", "dividend"} <= found.keys() and "split" not in found:
        return
    number = {meaning: pl.col(name).cast(pl.Float64, strict=False) for meaning, name in found.items()}
    bars = sheet.bars.filter(pl.col("close").is_finite() & (pl.col("close") > 0)).select(
        "row",
        "symbol",
        "timestamp",
        "close",
        adjusted=number.get("adjusted", pl.col("close")),
        dividend=number.get("dividend", pl.lit(0.0)).fill_null(0.0),
        split=number.get("split", pl.lit(0.0)).fill_null(0.0),
        gain=number.get("gain", pl.lit(0.0)).fill_null(0.0),
    )
    bars = bars.with_columns(split=pl.when(pl.col("split") <= 0).then(1.0).otherwise("split"))
    faults = [_unadjusted_splits(_moved(bars))]
    if {"adjusted", "dividend"} <= found.keys():
        faults.insert(0, _dividend_faults(_moved(bars)))
    rows = pl.concat(faults).sort("row")
    if rows.is_empty():
        return
    kinds = rows["fault"].value_counts(sort=True).sort(["count", "fault"], descending=[True, False])
    counts = "; ".join(f"{count} {kind}" for kind, count in kinds.iter_rows())
    first = rows.row(0, named=True)
    yield Finding(
        check="adjustment",
        rows=rows,
        what=f"the dividends, splits and adjusted close contradict each other ({counts})",
        where=f"first {first['symbol']} at {moment(first['timestamp'])}: {first['fault']}",
        remedy="do not use the adjusted column; adjust the close from a table of actions that you trust (data.actions)",
    )


def _moved(bars: pl.DataFrame) -> pl.DataFrame:
    """Adds the step of the factor, the step that the dividend asks for, and the moves of the prices."""
    factor = pl.col("adjusted") / pl.col("close")
    bars = bars.with_columns(factor=factor, before=previous("close"))
    rounded = bars.select((pl.col("adjusted").round(2) == pl.col("adjusted")).all()).item()
    slack = pl.lit(SMALLEST) if not rounded else pl.max_horizontal(pl.lit(SMALLEST), 0.011 / pl.col("adjusted").abs())
    bars = bars.with_columns(
        step=1 - previous("factor") / pl.col("factor"),
        wanted=pl.col("dividend") / pl.col("before"),
        with_gain=(pl.col("dividend") + pl.col("gain")) / pl.col("before"),
        move=(pl.col("close") / pl.col("before")).log(),
        total=(pl.col("adjusted") / previous("adjusted")).log(),
        slack=slack,
    )
    return bars.with_columns(sigma=robust_sigma(pl.col("move")))


def _dividend_faults(bars: pl.DataFrame) -> pl.DataFrame:
    """One row for each dividend whose step is absent, wrong or impossible, and for each step without a dividend."""

    def agree(step: pl.Expr, wanted: pl.Expr) -> pl.Expr:
        room = pl.max_horizontal(pl.col("slack"), SHARE * pl.min_horizontal(step.abs(), wanted.abs()))
        return ((step - wanted).abs() <= room).fill_null(value=False)

    def times(factor: pl.Expr) -> pl.Expr:
        """Whether amount and step differ by a factor: as large a disagreement has no chance of being rounding."""
        return ((pl.col("wanted") / pl.col("step") / factor - 1).abs() < SHARE).fill_null(value=False)

    step, wanted = pl.col("step"), pl.col("wanted")
    paid = (pl.col("dividend") != 0) & pl.col("before").is_not_null()
    flat = step.abs() <= pl.col("slack")
    next_step = pl.when(pl.col("symbol") == pl.col("symbol").shift(-1)).then(step.shift(-1))
    next_wanted = pl.when(pl.col("symbol") == pl.col("symbol").shift(-1)).then(pl.col("dividend") / pl.col("close"))
    # In raw prices a split steps the factor too.
    split_too = 1 - (1 - wanted) / pl.col("split")
    near_split = pl.col("split").rolling_max(7, center=True, min_samples=1)
    last_dividend = pl.when(pl.col("dividend") != 0).then(pl.struct("dividend", "timestamp"))
    earlier = last_dividend.shift().forward_fill().over("symbol")
    repeated = (earlier.struct.field("dividend") == pl.col("dividend")) & (
        pl.col("timestamp") - earlier.struct.field("timestamp") <= pl.duration(days=REPEAT_DAYS)
    )
    # The price must fall by about the dividend; noise of four sigmas, and at least 8%, is granted.
    excess = pl.col("move") - (1 - wanted).log()
    stays = (
        (wanted > 2 * pl.col("slack"))
        & (excess > pl.max_horizontal(0.08, 4 * pl.col("sigma")))
        & (pl.col("move") > 0.5 * (1 - wanted).log())
    )
    consistent = agree(step, wanted) | agree(step, split_too)
    fault = (
        pl.when(paid & (wanted >= WHOLE))
        .then(pl.lit("dividend as large as the price"))
        .when(paid & repeated)
        .then(pl.lit("dividend repeated within a week"))
        .when(paid & consistent & stays)
        .then(pl.lit("dividend that the price did not fall by"))
        .when(paid & consistent)
        .then(None)
        .when(paid & flat & agree(next_step, next_wanted) & (wanted > pl.col("slack")))
        .then(pl.lit("dividend recorded one bar before its adjustment"))
        .when(paid & flat)
        .then(pl.lit("dividend without an adjustment"))
        .when(paid & (pl.col("gain") != 0) & agree(step, pl.col("with_gain")))
        .then(pl.lit("capital gain counted twice"))
        .when(paid & (times(pl.lit(100.0)) | times(pl.lit(0.01))))
        .then(pl.lit("dividend and adjustment differ by a factor of 100"))
        .when(paid & (near_split != 1) & (times(near_split) | times(1 / near_split)))
        .then(pl.lit("dividend and adjustment differ by the ratio of the split"))
        .when(paid & agree(step, 1 - (1 - wanted) ** 2))
        .then(pl.lit("dividend adjusted for twice"))
        .when(paid)
        .then(pl.lit("dividend and adjustment differ"))
        .when(~flat & (pl.col("dividend") == 0) & ~agree(step, 1 - 1 / pl.col("split")) & ~_follows_dividend())
        .then(pl.lit("adjustment without a dividend"))
    )
    return bars.with_columns(fault=fault).pipe(_faulty)


def _follows_dividend() -> pl.Expr:
    """Whether the bar before went ex without a step: its adjustment is this one."""
    return ((previous("dividend") != 0) & (previous("step").abs() <= pl.col("slack"))).fill_null(value=False)


def _unadjusted_splits(bars: pl.DataFrame) -> pl.DataFrame:
    """Jumps of about a split's ratio, in the close after dividends, within `NEAR_BARS` bars of the split."""
    bars = bars.with_columns(place=pl.int_range(pl.len()))
    splits = bars.filter(pl.col("split") != 1).select("symbol", "place", ratio=pl.col("split").log().abs())
    if splits.is_empty():
        return bars.head(0).with_columns(fault=pl.lit(None, dtype=pl.String)).pipe(_faulty)
    move = pl.col("total").fill_nan(None).fill_null(pl.col("move"))
    jumps = bars.filter((move.abs() > 0.14) & (move.abs() > UNADJUSTED_SIGMAS * pl.col("sigma")))
    near = jumps.join(splits, on="symbol", suffix="_split", maintain_order="left").filter(
        ((pl.col("place") - pl.col("place_split")).abs() <= NEAR_BARS)
        & ((move.abs() - pl.col("ratio")).abs() <= pl.max_horizontal(0.06, 2 * pl.col("sigma")))
    )
    near = near.unique("row", keep="first", maintain_order=True)
    return near.with_columns(fault=pl.lit("price jumps by the ratio of a split that is recorded")).pipe(_faulty)


def _faulty(bars: pl.DataFrame) -> pl.DataFrame:
    columns = ("row", "symbol", "timestamp", "close", "before", "dividend", "split", "step", "wanted", "fault")
    return bars.filter(pl.col("fault").is_not_null()).select(columns)
