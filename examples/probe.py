"""A function of one's own under the look-ahead probe: three columns, two of which read the future.

Run it: python examples/probe.py
"""

from __future__ import annotations

from datetime import date

import polars as pl

import gnomon
from gnomon.core.errors import GateError
from gnomon.data.synthetic import Market, market_bars


def features(bars: pl.DataFrame) -> pl.DataFrame:
    """Where the close stands against its own past; against all of its history; and a smooth line through it."""
    close = pl.col("close")
    return bars.select(
        "timestamp",
        "symbol",
        trend=(close / close.rolling_mean(20) - 1.0).over("symbol"),
        level=((close - close.mean()) / close.std()).over("symbol"),
        smooth=close.rolling_mean(5, center=True).over("symbol"),
    )


def main() -> None:
    """Probes the three columns, then the honest one alone on every bar."""
    bars = market_bars(Market(symbols=2, start=date(2022, 1, 1), end=date(2023, 1, 1)))

    report = gnomon.probe_lookahead(features, bars, cuts=32)
    print(f"{len(report.columns)} columns, {len(report.cuts)} cuts, {report.runs} runs")
    for leak in report.leaks:
        print(f"  {leak.column}: first row {leak.first_row:%Y-%m-%d}, cut {leak.cut:%Y-%m-%d}, test {leak.test!r}")
    try:
        report.raise_leaks()
    except GateError as error:
        print(f"refused with exit code {error.exit_code}")

    honest = gnomon.probe_lookahead(
        lambda part: features(part).select("timestamp", "symbol", "trend"), bars, cuts="all"
    )
    print(f"trend alone, every bar: {'clean' if honest.clean else honest.leaking}")


if __name__ == "__main__":
    main()
