"""The rounds of a probe: run once as it is, once again, then with every changed future, and compare.

What is run, and what a changed future is, the levels say: functions of bars, refits over samples, paths to orders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import polars as pl

from gnomon.core.errors import DataError
from gnomon.data.probe.base import Leak, Level, ProbeReport
from gnomon.data.probe.compare import Baseline, Difference
from gnomon.data.probe.perturb import TESTS

MOST = 0.5
"""Share of the runs that a function must answer for "no leak" to mean something."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

D = TypeVar("D")


def probe_changes(
    run: Callable[[D], pl.DataFrame],
    *,
    whole: D,
    after: Callable[[int, str], D],
    cuts: Sequence[int],
    last: int,
    keys: Sequence[str] = ("timestamp", "symbol"),
    tolerance: float = 0.0,
    level: Level = "features",
    progress: Callable[[float], None] = lambda _: None,
) -> ProbeReport:
    """Whether any row of `run(whole)` up to a cut is another in `run(after(cut, test))`, for each cut and test.

    Moments are microseconds since 1970; `last` is that of the data. Rows hold `timestamp`, when they were known, and
    what else tells them apart in `keys`. A column that leaks is watched no longer, and when all do the rounds end.
    DataError when most runs raise.
    """
    baseline = Baseline(run(whole), keys, tolerance)
    leaks: dict[str, Leak] = {}

    def add(found: Sequence[Difference], cut: int, test: str) -> None:
        for column, stamp, symbol, value, changed in found:
            leaks[column] = Leak(
                column=column,
                cut=moment(cut),
                first_row=moment(stamp),
                symbol=symbol,
                test=test,
                value=value,
                changed=changed,
            )

    add(baseline.differences(run(whole), last, baseline.columns), last, "repeat")
    runs = 2
    refused: dict[str, str] = {}
    answered = asked = 0
    for number, cut in enumerate(cuts):
        for test in TESTS:
            watched = [column for column in baseline.columns if column not in leaks]
            if not watched:
                break
            runs, asked = runs + 1, asked + 1
            try:
                result = run(after(cut, test))
            except Exception as error:  # noqa: BLE001  what a user's function raises is told in the report
                refused.setdefault(test, f"{type(error).__name__}: {error}")
                continue
            answered += 1
            add(baseline.differences(result, cut, watched), cut, test)
        progress((number + 1) / len(cuts))
    if not leaks and answered < MOST * asked:
        raise DataError(
            f"the function raised in {asked - answered} of {asked} runs, so little was probed; "
            + "; ".join(f"{test}: {why}" for test, why in refused.items())
        )
    return ProbeReport(
        leaks=tuple(leaks[column] for column in baseline.columns if column in leaks),
        columns=baseline.columns,
        cuts=tuple(moment(cut) for cut in cuts),
        rows=baseline.frame.height,
        runs=runs,
        empty=baseline.empty(),
        refused=refused,
        level=level,
    )


def moment(micros: int) -> datetime:
    """The moment (UTC) so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)
