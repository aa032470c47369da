"""A part of the bars that is enough to probe."""

from __future__ import annotations

import polars as pl


def recent_bars(bars: pl.DataFrame, count: int, *, symbols: int | None = None) -> pl.DataFrame:
    """The last `count` bars of each symbol, of the `symbols` symbols with most bars (None: all), in their order.

    >>> from datetime import UTC, datetime
    >>> days = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    >>> bars = pl.DataFrame({"timestamp": [*days, days[0]], "symbol": ["A", "A", "A", "B"]})
    >>> recent_bars(bars, 2, symbols=1)["timestamp"].dt.day().to_list()
    [2, 3]
    """
    if symbols is not None:
        most = bars.group_by("symbol").len().sort(["len", "symbol"], descending=[True, False]).head(symbols)
        bars = bars.filter(pl.col("symbol").is_in(most["symbol"].to_list()))
    return bars.filter(pl.col("timestamp").rank("ordinal", descending=True).over("symbol") <= count)
