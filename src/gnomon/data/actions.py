"""Corporate actions: splits and dividends, and prices adjusted for them.

Two methods. *Backward* leaves the latest prices as they are and scales what came before each action; it is what charts
and vendors show. Its levels look ahead: today's action rewrites every earlier price, so a level, or a feature that is
not free of scale, knows how many splits are to come. Its returns do not look ahead. *Forward* leaves the first prices
as they are and scales what comes after; a bar then depends on actions up to itself alone, in levels too, and prices are
those of an account that began with one share and reinvests its dividends. Both have the same returns, bar by bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import polars as pl

from gnomon.core.errors import ConfigError, DataError
from gnomon.data.base import PRICES, TABLES, TIMESTAMP

ACTION_SCHEMA = pl.Schema(
    {
        "effective": TIMESTAMP,
        "symbol": pl.String(),
        "split": pl.Float64(),
        "dividend": pl.Float64(),
        "factor": pl.Float64(),
    }
)
"""A table of actions.

effective: the moment from which prices are without it; a bar that closes at it or before is before it. The ex-date at
00:00 UTC will do where the exchange's session lies within the UTC day. split: new shares for one old (2 for 2:1, 0.1
for 1:10), 1 for none. dividend: cash a share, in the price's currency, of shares held before the action; 0 for none.
factor: what earlier prices are multiplied by beside these, 1 for none, in tables that do not give the cash.
"""
AMOUNTS = ("split", "dividend", "factor")


def apply_actions(
    bars: pl.DataFrame, section: Mapping[str, Any], *, method: Literal["backward", "forward"] = "backward"
) -> pl.DataFrame:
    """Bars adjusted by the table of actions that `data.actions` names: the source of a side table."""
    return adjust(bars, read_actions(TABLES.from_config(section, where="data.actions").read()), method=method)


def read_actions(table: pl.DataFrame) -> pl.DataFrame:
    """Actions as `ACTION_SCHEMA`, sorted, from any of three shapes of table.

    - `split` and/or `dividend` at a `timestamp` (or `effective`), the ex-date;
    - `price_factor` and `split_factor`, rows of a factor file as Lean writes them: on and before the stamped date a
      price is multiplied by both. Each change between two rows is an action that takes effect on the following day;
    - `price_factor` alone: at the stamped ex-date, earlier prices are multiplied by it; the volume is adjusted too
      where a column `type` begins with "split".

    Raises DataError for other columns, empty or unusable values, and for two rows of one symbol at one moment.
    """
    stamp = next((name for name in ("effective", "timestamp", "known_at") if name in table.columns), None)
    if stamp is None or "symbol" not in table.columns:
        raise DataError(f"a table of actions needs `timestamp` and `symbol`, it has {', '.join(table.columns)}")
    table = table.with_columns(pl.col(stamp).cast(TIMESTAMP).alias("effective"))
    if {"price_factor", "split_factor"} <= set(table.columns):
        actions = _from_factor_file(table)
    elif "price_factor" in table.columns:
        actions = _from_factors(table)
    elif {"split", "dividend"} & set(table.columns):
        actions = table.select(
            "effective",
            "symbol",
            *((_amount(name) if name in table.columns else pl.lit(none)).alias(name) for name, none in NONE.items()),
        )
    else:
        raise DataError(
            f"a table of actions needs `split`, `dividend` or `price_factor`, it has {', '.join(table.columns)}"
        )
    actions = actions.cast(ACTION_SCHEMA).sort("symbol", "effective")
    _check(actions)
    # A split of 1 or a dividend of 0 is no action: such rows fill some vendors' files.
    return actions.filter((pl.col("split") != 1) | (pl.col("dividend") != 0) | (pl.col("factor") != 1))


NONE = {"split": 1.0, "dividend": 0.0, "factor": 1.0}
"""The value of each amount that does nothing."""


def adjust(
    bars: pl.DataFrame, actions: pl.DataFrame, *, method: Literal["backward", "forward"] = "backward"
) -> pl.DataFrame:
    """Bars with prices adjusted for splits and dividends, and volume for splits. Other columns stay.

    `bars`: unadjusted, sorted by symbol and timestamp. `actions`: `ACTION_SCHEMA`, as `read_actions` gives it; symbols
    and times without bars do nothing. At a dividend d with c the last close before it, earlier prices are multiplied by
    1 - d/c (CRSP's rule). Raises DataError for a dividend that is not below the close before it.

    >>> from datetime import UTC, datetime
    >>> day = lambda d: datetime(2020, 1, d, 21, tzinfo=UTC)
    >>> bars = pl.DataFrame({"timestamp": [day(1), day(2)], "symbol": "A", "open": [100.0, 50.0], "high": [100.0, 50.0],
    ...     "low": [100.0, 50.0], "close": [100.0, 50.0], "volume": [10.0, 20.0]})
    >>> ex = datetime(2020, 1, 2, tzinfo=UTC)
    >>> split = read_actions(pl.DataFrame({"timestamp": [ex], "symbol": "A", "split": 2.0}))
    >>> adjust(bars, split)["close"].to_list(), adjust(bars, split, method="forward")["close"].to_list()
    ([50.0, 50.0], [100.0, 100.0])
    """
    if method not in {"backward", "forward"}:
        raise ConfigError(f"method must be backward or forward, was {method!r}")
    factors = _price_factors(bars, actions)
    if factors.is_empty():
        return bars
    left = bars.select("symbol", pl.col("timestamp").cast(TIMESTAMP)).with_row_index("row").sort("timestamp")
    right = factors.sort("symbol", "effective")
    if method == "backward":
        right = right.with_columns(pl.col("price", "shares").cum_prod(reverse=True).over("symbol"))
    else:
        right = right.with_columns((pl.col("price", "shares") ** -1.0).cum_prod().over("symbol"))
    joined = left.join_asof(
        right.sort("effective"),
        left_on="timestamp",
        right_on="effective",
        by="symbol",
        strategy="forward" if method == "backward" else "backward",
        # A bar that closes at the moment of an action was traded before it.
        allow_exact_matches=method == "backward",
        check_sortedness=False,
    ).sort("row")
    price, shares = joined["price"].fill_null(1.0), joined["shares"].fill_null(1.0)
    return bars.with_columns(*(bars[name] * price for name in PRICES), bars["volume"] * shares)


def _price_factors(bars: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """For each action with bars on both sides of it: what earlier prices and volumes are multiplied by."""
    stamps = bars.select("symbol", pl.col("timestamp").cast(TIMESTAMP), before="close").sort("timestamp")
    placed = actions.sort("effective").join_asof(
        stamps,
        left_on="effective",
        right_on="timestamp",
        by="symbol",
        strategy="backward",
        check_sortedness=False,
    )
    last = stamps.group_by("symbol").agg(last=pl.col("timestamp").max())
    placed = placed.join(last, on="symbol").filter(
        pl.col("before").is_not_null() & (pl.col("effective") < pl.col("last"))
    )
    bad = placed.filter((pl.col("dividend") > 0) & ~(pl.col("dividend") < pl.col("before")))
    if not bad.is_empty():
        first = bad.row(0, named=True)
        raise DataError(
            f"{bad.height} dividends are not below the close before them, first {first['symbol']} at "
            f"{first['effective']}: {first['dividend']:g} on {first['before']:g}; is it in another unit (pence), or of "
            "shares after a split? Correct the table of actions",
            rows=bad.head(200),
        )
    kept = 1 - pl.col("dividend") / pl.col("before")
    price = pl.when(pl.col("dividend") == 0).then(1.0).otherwise(kept) * pl.col("factor") / pl.col("split")
    return placed.select("symbol", "effective", price=price, shares="split")


def _from_factor_file(table: pl.DataFrame) -> pl.DataFrame:
    """Actions between the rows of a factor file: a factor holds up to its date and the next one from the day after."""
    rows = table.sort("symbol", "effective")
    following = {name: pl.col(name).shift(-1).over("symbol") for name in ("price_factor", "split_factor")}
    return (
        rows.with_columns(
            (pl.col("effective").dt.truncate("1d") + pl.duration(days=1)).alias("effective"),
            split=following["split_factor"] / pl.col("split_factor"),
            factor=pl.col("price_factor") / following["price_factor"],
        )
        .filter(pl.col("split").is_not_null())
        .select("effective", "symbol", "split", pl.lit(0.0).alias("dividend"), "factor")
    )


def _from_factors(table: pl.DataFrame) -> pl.DataFrame:
    """Actions with one factor each; those called splits adjust the volume too."""
    is_split = pl.col("type").str.starts_with("split") if "type" in table.columns else pl.lit(value=False)
    return table.select(
        "effective",
        "symbol",
        split=pl.when(is_split).then(1 / pl.col("price_factor")).otherwise(1.0),
        dividend=pl.lit(0.0),
        factor=pl.when(is_split).then(1.0).otherwise("price_factor"),
    )


def _amount(name: str) -> pl.Expr:
    """Null means none; a split of 0 is how Yahoo writes none."""
    value = pl.col(name).cast(pl.Float64).fill_null(NONE[name])
    return pl.when(value == 0).then(NONE[name]).otherwise(value)


def _check(actions: pl.DataFrame) -> None:
    usable = (
        pl.col("effective").is_not_null()
        & pl.col("symbol").is_not_null()
        & pl.all_horizontal(pl.col(name).is_finite() for name in AMOUNTS)
        & (pl.col("split") > 0)
        & (pl.col("factor") > 0)
        & (pl.col("dividend") >= 0)
    )
    bad = actions.filter(~usable.fill_null(value=False))
    if not bad.is_empty():
        raise DataError(
            f"{bad.height} actions are unusable, first {bad.row(0, named=True)}; a split and a factor are above zero, "
            "a dividend is not negative, nothing is empty",
            rows=bad.head(200),
        )
    again = actions.filter(pl.struct("symbol", "effective").is_duplicated())
    if not again.is_empty():
        first = again.row(0, named=True)
        raise DataError(
            f"{again.height} actions share symbol and moment, first {first['symbol']} at {first['effective']}; put a "
            "split and a dividend of one day into one row, and remove repetitions",
            rows=again.head(200),
        )
