"""The table as a whole: one bar for a symbol and a moment, in order of time."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gnomon.data.base import BAR_SCHEMA
from gnomon.data.checks.base import Finding, Sheet, previous


def check_structure(sheet: Sheet) -> Iterator[Finding]:
    """Duplicates (equal and conflicting ones are told apart) and bars that stand before an older one."""
    bars = sheet.bars
    again = (pl.col("timestamp") == previous("timestamp")).fill_null(value=False)
    values = [name for name in bars.columns if name not in {"row", "symbol", "timestamp"}]
    conflict = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in values)
    repeated = bars.filter(again)
    if not repeated.is_empty():
        conflicting = bars.select((again & conflict).sum()).item()
        # Both bars of a pair are shown: which of them is right is the reader's decision.
        pairs = bars.filter(again | again.shift(-1, fill_value=False))
        yield Finding(
            check="duplicates",
            rows=pairs.select("row", *BAR_SCHEMA),
            count=repeated.height,
            what=f"a symbol has several bars at one moment ({conflicting} with different values)",
            remedy="fix the source, or add the repair {kind: deduplicate, keep: first}",
        )
    # In the order of the original frame, a bar that is older than the one before it in its symbol.
    by_row = bars.select("row", "symbol", "timestamp", after=pl.col("timestamp")).sort("symbol", "row")
    disordered = by_row.with_columns(after=previous("timestamp")).filter(pl.col("timestamp") < pl.col("after"))
    if not disordered.is_empty():
        yield Finding(
            check="order",
            rows=disordered.sort("row"),
            what="a bar stands after a later one of its symbol",
            remedy="sort the source, or add the repair {kind: sort}",
        )
