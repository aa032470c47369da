"""Rules that one bar meets by itself: its values are there, finite, positive, and agree with each other.

pandera holds the schema (columns, types, rules) and says which rules fail; the rows are then taken with the same
expression, because collecting millions of failures in pandera takes minutes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from gnomon.data.base import BAR_SCHEMA, PRICES
from gnomon.data.checks.base import Finding, Sheet, place

if TYPE_CHECKING:
    import pandera.polars as pa

VALUES = (*PRICES, "volume")
# Vendors store prices as float32: open and high of one trade then differ by a part in ten million.
ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of one bar: `holds` is true where the bar is right; nulls and NaN belong to their own rules."""

    name: str
    holds: pl.Expr
    what: str
    remedy: str


def _rule(name: str, columns: tuple[str, ...], holds: pl.Expr, what: str, remedy: str) -> Rule:
    unknown = pl.any_horizontal(pl.col(c).is_null() | pl.col(c).is_nan() for c in columns)
    return Rule(name=name, holds=(holds | unknown).fill_null(value=True), what=what, remedy=remedy)


RULES = (
    Rule(
        name="nulls",
        holds=pl.all_horizontal(pl.col(c).is_not_null() for c in VALUES),
        what="a price or the volume is missing (null)",
        remedy="fix the source, or add the repair {kind: drop, checks: [nulls]}",
    ),
    Rule(
        name="non_finite",
        holds=pl.all_horizontal(pl.col(c).is_finite().fill_null(value=True) for c in VALUES),
        what="a price or the volume is NaN or infinite",
        remedy="fix the source, or add the repair {kind: drop, checks: [non_finite]}",
    ),
    Rule(
        name="non_positive",
        holds=pl.all_horizontal((pl.col(c) > 0).fill_null(value=True) | pl.col(c).is_nan() for c in PRICES),
        what="a price is zero or negative",
        remedy="fix the source, or add the repair {kind: drop_nonpositive}",
    ),
    _rule(
        "negative_volume",
        ("volume",),
        pl.col("volume") >= 0,
        "the volume is negative",
        "fix the source, or add the repair {kind: drop, checks: [negative_volume]}",
    ),
    _rule(
        "ohlc",
        PRICES,
        (pl.col("high") >= pl.max_horizontal("open", "low", "close") * (1 - ROUNDING))
        & (pl.col("low") <= pl.min_horizontal("open", "close") * (1 + ROUNDING)),
        "open or close lies outside of low and high",
        "check the source's column order, or add the repair {kind: drop, checks: [ohlc]}",
    ),
)


@functools.cache
def schema() -> pa.DataFrameSchema:
    """The pandera schema of bars: required columns with their types, and every rule of `RULES` as a named check."""
    import pandera.polars as pa

    def check(rule: Rule) -> pa.Check:
        # One truth value a rule: pandera then has one failure to collect, however many rows are wrong.
        def holds(data: pa.PolarsData) -> bool:
            return bool(data.lazyframe.select(rule.holds.all()).collect().item())

        return pa.Check(holds, name=rule.name, error=rule.name)

    columns = {name: pa.Column(dtype, nullable=name in VALUES) for name, dtype in BAR_SCHEMA.items()}
    return pa.DataFrameSchema(columns, checks=[check(rule) for rule in RULES], strict=False, name="bars")


def validate(bars: pl.DataFrame) -> tuple[list[str], frozenset[str]]:
    """What pandera says of a frame: what keeps it from being bars at all, and which rules some bar breaks.

    The first are missing columns, wrong types, null symbols or timestamps; the second are names of `RULES`.
    """
    failures = _failures(bars)
    rules = {rule.name for rule in RULES}
    structural = [text for name, text in failures if name not in rules]
    return structural, frozenset(name for name, _ in failures if name in rules)


def check_values(sheet: Sheet) -> Iterator[Finding]:
    """Nulls, non-finite and non-positive values, negative volume, OHLC that contradict each other."""
    for rule in RULES:
        if rule.name in sheet.failed:
            rows = sheet.bars.filter(~rule.holds).select("row", *BAR_SCHEMA)
            yield Finding(check=rule.name, rows=rows, what=rule.what, remedy=rule.remedy)
    idle = sheet.bars.filter(pl.col("volume") == 0)
    if not idle.is_empty():
        yield _idle(sheet, idle)


def _idle(sheet: Sheet, idle: pl.DataFrame) -> Finding:
    """Zero volume; symbols that have no volume at all are named apart, for they are no fault (indices, currencies)."""
    totals = sheet.bars.group_by("symbol", maintain_order=True).agg(silent=(pl.col("volume") == 0).all())
    silent = totals.filter("silent")["symbol"]
    where = place(idle)
    if len(silent):
        where += f"; {len(silent)} symbols have no volume at all ({', '.join(silent.head(3))})"
    return Finding(
        check="zero_volume",
        rows=idle.select("row", *BAR_SCHEMA),
        what="nothing was traded",
        where=where,
        remedy="nothing would fill there; drop such bars with {kind: drop, checks: [zero_volume]}",
    )


def _failures(bars: pl.DataFrame) -> list[tuple[str, str]]:
    """Which checks of the schema fail: (name, what pandera says)."""
    import pandera.errors

    try:
        schema().validate(bars, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return [(_name(error), str(error).split("\n", 1)[0]) for error in errors.schema_errors]
    return []


def _name(error: Any) -> str:
    check = error.check
    return str(getattr(check, "name", None) or check)
