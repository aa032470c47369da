"""An independent audit of folds: no label that was learned from may overlap one that is judged by.

It shares no line with the splitters. It goes by intervals alone: a row's label lives from `known_at` to `label_end`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from gnomon.core.errors import GateError
from gnomon.core.types import Array, Int32, Int64
from gnomon.samples.base import UNKNOWN_END, Samples
from gnomon.samples.transforms import Params, rows_hash
from gnomon.splits.base import Fold, Splitter
from gnomon.splits.times import checked_times


@dataclass(frozen=True, kw_only=True)
class FoldAudit:
    """What the audit found: by pair of spans ("train", "test"), the rows of the first that overlap the second."""

    overlaps: Mapping[tuple[str, str], Int64[Array, " m"]]

    @property
    def clean(self) -> bool:
        """Whether nothing overlaps."""
        return not any(rows.size for rows in self.overlaps.values())

    def raise_overlaps(self) -> None:
        """Raises GateError (exit 4) that counts the overlaps."""
        if self.clean:
            return
        found = [
            f"{rows.size} labels of {first} overlap labels of {second} (first at row {rows[0]})"
            for (first, second), rows in self.overlaps.items()
            if rows.size
        ]
        raise GateError(f"the split leaks: {'; '.join(found)}; purge by label end")


def audit_fold(fold: Fold, known_at: Int64[Array, " n"], label_end: Int64[Array, " n"]) -> FoldAudit:
    """Checks train against validation, train against test, and validation against test; shared rows overlap too.

    A row without a label yet is learned from by nobody, and would overlap everything after it; where it is judged, it
    counts for as long as the longest label that was decided.
    """
    spans = {"train": fold.train, "valid": fold.valid, "test": fold.test}
    pairs = [("train", "valid"), ("train", "test"), ("valid", "test")]
    undecided = label_end == UNKNOWN_END
    judged_end = label_end
    if undecided.any():
        longest = np.where(undecided, 0, label_end - known_at).max()
        judged_end = np.where(undecided, known_at + longest, label_end)
    return FoldAudit(
        overlaps={
            (first, second): overlapping(spans[first], spans[second], known_at, label_end, judged_end)
            for first, second in pairs
        }
    )


def overlapping(
    rows: Int64[Array, " m"],
    others: Int64[Array, " k"],
    known_at: Int64[Array, " n"],
    label_end: Int64[Array, " n"],
    others_end: Int64[Array, " n"] | None = None,
) -> Int64[Array, " hits"]:
    """Those of `rows` whose closed interval [known_at, label_end] meets the interval of any of `others`.

    `others_end` says when the labels of `others` end, where that is not `label_end`.

    >>> known_at, label_end = np.array([0, 1, 2, 3]), np.array([1, 3, 4, 5])
    >>> overlapping(np.array([0, 1]), np.array([2, 3]), known_at, label_end).tolist()
    [1]
    """
    if rows.size == 0 or others.size == 0:
        return np.empty(0, np.int64)
    others = others[np.argsort(known_at[others], kind="stable")]
    # Among the others that begin before a row's label ends, the one that ends last decides.
    last_end = np.maximum.accumulate((label_end if others_end is None else others_end)[others])
    begun = np.searchsorted(known_at[others], label_end[rows], side="right")
    meets = (begun > 0) & (last_end[np.maximum(begun, 1) - 1] >= known_at[rows])
    return np.asarray(rows[meets])


def audit_windows(
    first: Int64[Array, " k"],
    last: Int64[Array, " k"],
    part: Int64[Array, " m"],
    symbol: Int32[Array, " n"],
    known_at: Int64[Array, " n"],
    *,
    gap: int | None = None,
) -> Int64[Array, " bad"]:
    """Which windows, given by their first and last row among all samples, hold what they must not.

    A window is bad when it reaches a row outside `part` (across an edge of the split), a second symbol, a step back in
    time, or a step of more than `gap` microseconds. It looks at keys and times alone, never at segments.

    >>> symbol, known_at = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 2, 9, 1, 2, 3])
    >>> audit_windows(np.array([0, 1, 2, 4]), np.array([1, 2, 3, 5]), np.array([0, 1, 2, 3, 4]), symbol, known_at,
    ...               gap=5).tolist()
    [1, 2, 3]
    """
    outside = np.ones(len(symbol), np.int64)
    outside[part] = 0
    step = np.diff(known_at)
    torn = (np.diff(symbol) != 0) | (step <= 0) | ((step > gap) if gap is not None else False)
    outside_before = np.concatenate([[0], np.cumsum(outside)])
    torn_before = np.concatenate([[0], np.cumsum(torn)])
    reaches_out = outside_before[last + 1] > outside_before[first]
    crosses = torn_before[last] > torn_before[first]
    return np.flatnonzero(reaches_out | crosses | (last < first))


def audit_fitted(fitted: Mapping[str, Params | None], samples: Samples, fold: Fold) -> None:
    """Raises GateError (exit 4) where what was fitted ("scaler", "projection") saw other rows than those of training.

    Goes by the record that each keeps of its rows, not by what fitted it.
    """
    train = samples.take(fold.train)
    expected = rows_hash(train)
    for name, params in fitted.items():
        if params is not None and params.rows_hash != expected:
            raise GateError(
                f"the {name} leaks: it was fitted on {params.rows} rows up to "
                f"{datetime.fromtimestamp(params.last_known_at / 1e6, UTC).isoformat()}, and these are not the "
                f"{len(train)} training rows; fit it on the training rows alone"
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class MemberFit:
    """One fit of an ensemble's member: the rows that it learned from, those that stopped it, and those it forecast.

    `rows_hash` is the record that the fitted model itself keeps of the rows it learned from.
    """

    member: str
    fold: int
    learned: Int64[Array, " l"]
    stopped: Int64[Array, " v"]
    tested: Int64[Array, " m"]
    rows_hash: str


def audit_out_of_fold(fits: Sequence[MemberFit], rows: Int64[Array, " m"], samples: Samples) -> None:
    """Raises GateError (exit 4) where `rows`, which a stacker learns from, hold a member's in-sample forecast.

    For every fit: the rows that it says it learned from are those that the fitted model recorded; none of the rows that
    it learned from or was stopped by has a label that meets the label of a row that it forecast; and every row of the
    stacker was forecast by exactly one fit of each member. It goes by intervals and hashes, not by who made the folds.
    """
    undecided = samples.last_label_end == UNKNOWN_END
    longest = np.where(undecided, 0, samples.last_label_end - samples.known_at).max() if len(samples) else 0
    judged_end = np.where(undecided, samples.known_at + longest, samples.last_label_end)
    covered: dict[str, Int64[Array, " n"]] = {}
    for fit in fits:
        where = f"{fit.member}, fold {fit.fold + 1}"
        if fit.rows_hash != rows_hash(samples.take(fit.learned)):
            raise GateError(
                f"the stacker leaks: {where} was fitted on other rows than the {len(fit.learned)} that are recorded"
            )
        for words, seen in (("learned from", fit.learned), ("was stopped by", fit.stopped)):
            met = overlapping(seen, fit.tested, samples.known_at, samples.last_label_end, judged_end)
            if met.size:
                raise GateError(
                    f"the stacker leaks: {met.size} rows that {where} {words} share time with the labels of rows that "
                    "it forecast for the stacker; give it forecasts of purged folds that no fit has seen"
                )
        counts = covered.setdefault(fit.member, np.zeros(len(samples), np.int64))
        counts[fit.tested] += 1
    for member, counts in covered.items():
        wrong = int((counts[rows] != 1).sum())
        if wrong:
            raise GateError(
                f"the stacker leaks: of {wrong} rows that it learned from it is not known which fit of {member} "
                "forecast them"
            )


@dataclass(frozen=True)
class Audited:
    """A splitter whose every fold is audited before it is handed on."""

    splitter: Splitter

    def split(self, known_at: Int64[Array, " n"], label_end: Int64[Array, " n"]) -> Iterator[Fold]:
        """The splitter's folds. Raises GateError at the first that leaks, and yields no fold after it."""
        known_at, label_end = checked_times(known_at, label_end)
        for fold in self.splitter.split(known_at, label_end):
            audit_fold(fold, known_at, label_end).raise_overlaps()
            yield fold


def audited(splitter: Splitter) -> Audited:
    """The splitter under audit: for splitters of one's own. Those of this room are audited as they stand."""
    return splitter if isinstance(splitter, Audited) else Audited(splitter)
