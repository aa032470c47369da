"""The kinds of side table that features know: what their columns mean, within which bounds, and for whom they hold.

A table is held to the model of its name, or to the one that `kind` names. The model knows units: a funding rate in
percent or a factor return of 2 instead of 0.02 is refused, where it would only have looked strange in a feature.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from gnomon.data.base import TIMESTAMP

if TYPE_CHECKING:
    import pandera.polars as pa


@dataclass(frozen=True, kw_only=True)
class ColumnModel:
    """What a column holds, and between which bounds (both included) it is possible."""

    meaning: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class TableModel:
    """A kind of side table. Columns that it does not know are only held to be finite, and none has to be there."""

    meaning: str
    per_symbol: bool | None = None
    """Whether its rows are of a symbol each (True) or of the whole market (False); None for either."""
    columns: Mapping[str, ColumnModel] = field(default_factory=dict)


POSITIVE = 1e-12
RATE = ColumnModel(meaning="percent a year", low=-20.0, high=200.0)
INDEX = ColumnModel(meaning="implied volatility in percent a year", low=1.0, high=300.0)
RETURN = ColumnModel(meaning="return of a period as a fraction", low=-1.0, high=1.0)

TABLE_MODELS: Mapping[str, TableModel] = {
    "vix": TableModel(meaning="implied volatility of the S&P 500", per_symbol=False, columns={"vix": INDEX}),
    "vix_3m": TableModel(meaning="the same, three months ahead", per_symbol=False, columns={"vix_3m": INDEX}),
    "wti": TableModel(
        meaning="price of oil", per_symbol=False, columns={"wti": ColumnModel(meaning="dollars a barrel", low=-100.0)}
    ),
    "cpi": TableModel(
        meaning="consumer prices", per_symbol=False, columns={"cpi": ColumnModel(meaning="index", low=POSITIVE)}
    ),
    "rates": TableModel(meaning="the yield curve", per_symbol=False, columns={"short": RATE, "long": RATE}),
    "calendar": TableModel(meaning="dates of releases, announced ahead (`schedule`)"),
    "releases": TableModel(
        meaning="releases with what had been forecast",
        columns={
            "actual": ColumnModel(meaning="as first published"),
            "forecast": ColumnModel(meaning="the last one before the release"),
        },
    ),
    "funding": TableModel(
        meaning="funding of perpetual futures",
        columns={"rate": ColumnModel(meaning="what a long position pays a period, as a fraction", low=-0.1, high=0.1)},
    ),
    "open_interest": TableModel(
        meaning="contracts that are open", columns={"open_interest": ColumnModel(meaning="contracts or money", low=0.0)}
    ),
    "on_chain": TableModel(
        meaning="what happens on a coin's chain",
        columns={
            "activity": ColumnModel(meaning="active addresses or transactions", low=0.0),
            "exchange_flow": ColumnModel(meaning="coins that went to exchanges less those that left them"),
        },
    ),
    "sentiment": TableModel(
        meaning="scores of texts",
        columns={
            "score": ColumnModel(meaning="high is good; any scale"),
            "articles": ColumnModel(meaning="how many texts it rests on", low=0.0),
        },
    ),
    "news": TableModel(meaning="vectors of texts: `embedding`, a list, or `embedding_0`, `embedding_1`, ..."),
    "sectors": TableModel(
        meaning="which sector a symbol belongs to",
        per_symbol=True,
        columns={"sector": ColumnModel(meaning="the sector's number, the same for all of it")},
    ),
    "factors": TableModel(
        meaning="factor returns", per_symbol=False, columns={"market": RETURN, "size": RETURN, "value": RETURN}
    ),
}


@functools.cache
def schema(*, kind: str | None, per_symbol: bool, values: tuple[str, ...]) -> pa.DataFrameSchema:
    """The pandera schema of a side table: moments in UTC, no empty keys, finite values, those of its kind in bounds.

    Values may be null (published as "none") but not NaN or infinite, which would spread through every feature.
    """
    import pandera.polars as pa

    known = TABLE_MODELS[kind].columns if kind is not None else {}
    columns = {"known_at": pa.Column(TIMESTAMP)}
    if per_symbol:
        columns["symbol"] = pa.Column(pl.String)
    for name in values:
        checks = [pa.Check(_finite, error=f"{name} is NaN or infinite")]
        if name in known and (text := bounds(known[name])):
            limits = known[name].low, known[name].high
            checks.append(pa.Check(_within, low=limits[0], high=limits[1], error=f"{name} must be {text}"))
        columns[name] = pa.Column(pl.Float64, checks, nullable=True)
    return pa.DataFrameSchema(columns, strict=True)


def outside(kind: str | None, column: str) -> pl.Expr:
    """The rows whose value a schema refuses."""
    model = TABLE_MODELS[kind].columns.get(column) if kind is not None else None
    good = pl.col(column).is_finite()
    if model is not None:
        good &= _between(column, model.low, model.high)
    return ~good.fill_null(value=True)


def bounds(column: ColumnModel) -> str:
    """The bounds in words; empty where there are none.

    >>> bounds(RETURN)
    'from -1 to 1 (return of a period as a fraction)'
    """
    if column.low is None and column.high is None:
        return ""
    low = "" if column.low is None else "above 0" if column.low == POSITIVE else f"from {column.low:g}"
    return f"{low}{'' if column.high is None else f' to {column.high:g}'} ({column.meaning})"


def _finite(data: pa.PolarsData) -> pl.LazyFrame:
    return data.lazyframe.select((pl.col(data.key).is_finite() | pl.col(data.key).is_null()).all())


def _within(data: pa.PolarsData, low: float | None, high: float | None) -> pl.LazyFrame:
    return data.lazyframe.select(_between(data.key, low, high).fill_null(value=True).all())


def _between(column: str, low: float | None, high: float | None) -> pl.Expr:
    good = pl.lit(value=True)
    if low is not None:
        good &= pl.col(column) >= low
    if high is not None:
        good &= pl.col(column) <= high
    return good
