"""Duplicates and order."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from gnomon.data.checks import check_bars

Factory = Callable[..., pl.DataFrame]


def test_equal_and_conflicting_duplicates_are_told_apart(clean: Factory) -> None:
    bars = clean(0, symbols=1)
    same, other = bars.slice(5, 1), bars.slice(9, 1).with_columns(pl.col("volume") + 1)
    report = check_bars(pl.concat([bars, same, other]).sort("timestamp", maintain_order=True))
    [issue] = report.errors
    assert issue.check == "duplicates"
    assert issue.count == 2
    assert "1 with different values" in issue.message
    assert issue.rows["row"].to_list() == [5, 6, 10, 11], "both bars of each pair are shown"


def test_order_is_judged_within_symbols(clean: Factory) -> None:
    bars = clean(0, symbols=3)
    # By time instead of by symbol: no symbol's own bars are out of order.
    assert check_bars(bars.sort("timestamp")).errors == ()
    back = pl.concat([bars.slice(200, 1), bars.head(200), bars.slice(201)])
    [issue] = check_bars(back).errors
    assert issue.check == "order"
    assert issue.rows["row"].to_list() == [1]
    assert issue.rows["after"].to_list() == [bars["timestamp"][200]]


def test_the_other_checks_see_disordered_bars_in_order(clean: Factory) -> None:
    report = check_bars(clean(0).sample(fraction=1.0, shuffle=True, seed=3))
    assert [issue.check for issue in report.issues] == ["order"]
