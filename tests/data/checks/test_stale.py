"""Stale runs are counted as a plain loop counts them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from gnomon.config.models import ChecksConfig
from gnomon.data.checks import check_bars

Factory = Callable[..., pl.DataFrame]
CHECKS = ChecksConfig(stale_bars=4, order="off", gaps="off")


def loop(closes: list[tuple[str, float]], least: int) -> list[tuple[int, int]]:
    """First row and length of every run of equal closes of one symbol."""
    runs, start = [], 0
    for row in range(1, len(closes) + 1):
        if row == len(closes) or closes[row] != closes[row - 1]:
            if row - start >= least:
                runs.append((start, row - start))
            start = row
    return runs


@given(st.lists(st.integers(1, 2), min_size=2, max_size=60), st.integers(0, 60))
def test_runs_are_those_of_a_plain_loop(steps: list[int], cut: int) -> None:
    from datetime import UTC, datetime, timedelta

    start = datetime(2020, 1, 1, tzinfo=UTC)
    price = np.asarray(steps, dtype=float)
    symbols = ["A" if row < cut else "B" for row in range(len(steps))]
    bars = pl.DataFrame(
        {"timestamp": [start + timedelta(days=day) for day in range(len(steps))], "symbol": symbols}
        | dict.fromkeys(("open", "high", "low", "close"), price)
        | {"volume": 1.0}
    ).cast({"timestamp": pl.Datetime("us", "UTC")})
    expected = loop(list(zip(symbols, price, strict=True)), 4)
    issues = [issue for issue in check_bars(bars, CHECKS).issues if issue.check == "stale"]
    found = [(row, count) for issue in issues for row, count in issue.rows.select("row", "bars").iter_rows()]
    assert found == expected


def test_a_run_needs_all_four_prices_to_stand_still(clean: Factory) -> None:
    bars = clean(0, symbols=1).with_columns(close=100.0, open=100.0, high=100.0, low=pl.col("low").clip(0, 100))
    assert "stale" not in {issue.check for issue in check_bars(bars).issues}
    issue = next(i for i in check_bars(bars.with_columns(low=100.0)).issues if i.check == "stale")
    assert issue.count == bars.height
    assert "A, 260 bars" in issue.message
