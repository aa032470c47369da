"""What a check is: a function of the sorted bars that gives findings.

A finding is plain: which check, the offending rows, what to say. Its severity comes from `ChecksConfig`, which also
turns checks off; so a check never decides how serious it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from gnomon.config.models import ChecksConfig

SYMBOLS_NAMED = 3
NAMES = {
    "adjusted": ("adj_close", "adjclose", "adjusted_close", "close_adj"),
    "dividend": ("dividends", "dividend", "ex_dividend", "div_cash"),
    "split": ("stock_splits", "splits", "split_ratio", "split"),
    "gain": ("capital_gains", "capital_gain"),
}
"""The columns that vendors use; blanks, dots and capitals do not count."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Bars as every check sees them: sorted by symbol and timestamp, `row` being the place in the original frame."""

    bars: pl.DataFrame
    failed: frozenset[str]
    """The rules of one bar that some bar breaks, as pandera found."""
    config: ChecksConfig
    frequency: str | None = None
    calendar: str | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found: `rows` are all offending rows (row, symbol, timestamp, ...), `count` is their number."""

    check: str
    rows: pl.DataFrame
    what: str
    """What is wrong, without numbers of rows: "prices at or below zero"."""
    remedy: str
    """The way out: which repair, which setting."""
    where: str | None = None
    """Where; None names the first row and the symbols with most rows."""
    count: int | None = None

    def __post_init__(self) -> None:
        if self.count is None:
            object.__setattr__(self, "count", self.rows.height)


Check = Callable[[Sheet], Iterator[Finding]]


def previous(column: str) -> pl.Expr:
    """The value of the symbol's bar before; null at its first. For frames sorted by symbol and timestamp."""
    return pl.when(pl.col("symbol") == pl.col("symbol").shift()).then(pl.col(column).shift())


def place(rows: pl.DataFrame, *, value: str | None = None) -> str:
    """Where rows are, in words: the first of them, and the symbols that have most."""
    first = rows.row(0, named=True)
    seen = f" ({value} = {first[value]})" if value else ""
    text = f"first {first['symbol']} at {moment(first['timestamp'])}{seen}"
    counts = rows["symbol"].value_counts(sort=True).sort(["count", "symbol"], descending=[True, False])
    if counts.height > 1:
        named = ", ".join(f"{symbol} {count}" for symbol, count in counts.head(SYMBOLS_NAMED).iter_rows())
        text += f"; {counts.height} symbols: {named}{', ...' if counts.height > SYMBOLS_NAMED else ''}"
    return text


def moment(stamp: object) -> str:
    """A timestamp in words, without the parts that say nothing.

    >>> from datetime import UTC, datetime
    >>> moment(datetime(2020, 1, 2, 21, tzinfo=UTC))
    '2020-01-02 21:00'
    """
    text = str(stamp).removesuffix("+00:00")
    return text.removesuffix(":00") if text.count(":") > 1 else text


def vendor_columns(columns: list[str]) -> dict[str, str]:
    """Which column holds what: {"adjusted": "Adj Close", ...}.

    >>> vendor_columns(["close", "Adj. Close", "Ex-Dividend"])
    {'adjusted': 'Adj. Close', 'dividend': 'Ex-Dividend'}
    """
    plain = {re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_"): name for name in columns}
    return {meaning: plain[alias] for meaning, aliases in NAMES.items() for alias in aliases if alias in plain}
