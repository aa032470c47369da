"""Checks and repairs: a market with planted faults, what the checks say, and a repair that is named and counted.

Run it: python examples/checks.py
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.actions import adjust, read_actions
from gnomon.data.asof import join_asof
from gnomon.data.checks import check_bars
from gnomon.data.repair import repair_bars
from gnomon.data.synthetic import Market, market_bars


def spoilt(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars with a close in pence, a close above its high, and a week missing."""
    row = pl.int_range(pl.len())
    close = (
        pl.when(row == 100).then(pl.col("close") * 100).when(row == 150).then(pl.col("high") * 1.1).otherwise("close")
    )
    return bars.with_columns(close=close).filter(~row.is_between(200, 204))


def main() -> None:
    """Checks bars, repairs them, adjusts them for a split, joins a side table as of its publication."""
    bars = market_bars(Market(symbols=1, start=date(2019, 1, 1), end=date(2020, 1, 1), seed=7))
    print(f"clean: {[str(issue) for issue in check_bars(bars).errors]}")

    report = check_bars(spoilt(bars))
    for issue in report.issues:
        print(f"{issue.severity}: {issue}")
    try:
        report.raise_errors()
    except DataError as error:
        print(f"a run would stop here with exit code {error.exit_code} and these rows:\n{error.rows}")

    # Nothing is repaired that is not named; both repairs look at the past only, and say what they did.
    mended, counts = repair_bars(spoilt(bars), [{"kind": "hampel"}, {"kind": "drop", "checks": ["ohlc"]}])
    print(f"repaired: {[(count.repair, count.action, count.column, count.count) for count in counts]}")
    print(f"errors left: {len(check_bars(mended).errors)}")

    split = {"timestamp": datetime(2019, 7, 1, tzinfo=UTC), "symbol": bars["symbol"][0], "split": 2.0}
    adjusted = adjust(bars, read_actions(pl.DataFrame([split])), method="forward")
    print(f"after a 2:1 split the last close counts {adjusted['close'][-1] / bars['close'][-1]:g} times")

    figures = {"known_at": [datetime(2019, month, 15, 13, 30, tzinfo=UTC) for month in (2, 3)], "cpi": [2.1, 2.2]}
    joined = join_asof(bars, pl.DataFrame(figures), prefix="macro")
    first = joined.filter(pl.col("macro.cpi").is_not_null())["timestamp"][0]
    print(f"the January figure is known from {first} on")


if __name__ == "__main__":
    main()
