"""What a probe finds: leaks, each with the cut and the first row that show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl

from gnomon.core.errors import GateError

Level = Literal["resampling", "features", "labels", "refits", "orders"]
"""Where on the way from bars to orders a probe looks."""

NAMED: Mapping[Level, str] = {
    "resampling": "the resampled column",
    "features": "feature",
    "labels": "the label's column",
    "refits": "the forecast of refits",
    "orders": "the account",
}
"""How the leak of a level is called in a message, before the column's name."""

SHOWN = 5
"""Leaks that a message spells out; the report holds all of them."""


@dataclass(frozen=True, kw_only=True)
class Leak:
    """One column whose past changes with its future."""

    column: str
    cut: datetime
    """The moment after which the data were changed. For the test `repeat`, which changes nothing, the data's last."""
    first_row: datetime
    """The earliest row, at or before the cut, whose value changed with them."""
    symbol: str
    """The symbol of that row."""
    test: str
    """What was done to the future: one of `gnomon.data.probe.perturb.TESTS`, or `repeat`."""
    value: object
    """What the row holds on the whole data; None where the row is absent."""
    changed: object
    """What it holds otherwise."""

    def __str__(self) -> str:
        if self.test == "repeat":
            return (
                f"column {self.column!r} differs between two runs on the same data, first for {self.symbol} at "
                f"{_moment(self.first_row)}: {self.value!r} and {self.changed!r}"
            )
        return (
            f"column {self.column!r} of {self.symbol} at {_moment(self.first_row)} is {self.value!r}, and "
            f"{self.changed!r} when the data after the cut {_moment(self.cut)} are {_DONE[self.test]}"
        )


_DONE = {
    "x10": "multiplied by ten",
    "nan": "NaN",
    "shuffled": "shuffled",
    "sign": "of the other sign",
    "truncated": "left out",
}


@dataclass(frozen=True, kw_only=True)
class ProbeReport:
    """What the probe did and what it found. Empty `leaks` mean: no past value moved, at any cut, under any test."""

    leaks: tuple[Leak, ...]
    """One entry a leaking column, in the order of the columns: its earliest cut, and the first row that shows it."""
    columns: tuple[str, ...]
    """The value columns that were probed."""
    cuts: tuple[datetime, ...]
    rows: int
    """Rows of the function's result on the whole data."""
    runs: int
    """How often the function was called."""
    empty: tuple[str, ...] = ()
    """Columns without any value on the whole data: nothing could be seen in them."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Tests in which the function raised at some cut, with the first message: it takes no NaN, or no short history."""
    level: Level = "features"
    """What was probed."""

    @property
    def clean(self) -> bool:
        """Whether nothing leaks."""
        return not self.leaks

    @property
    def leaking(self) -> tuple[str, ...]:
        """The names of the leaking columns."""
        return tuple(leak.column for leak in self.leaks)

    def raise_leaks(self, owners: Mapping[str, str] | None = None) -> None:
        """Raises GateError (exit 4) that names each leaking column, its first row and its cut; nothing when clean.

        `owners` tells which feature a column belongs to, where that is not its name.
        """
        if self.clean:
            return
        named = [
            f"{NAMED[self.level]} {(owners or {}).get(leak.column, leak.column)!r} looks ahead: {leak}"
            for leak in self.leaks
        ]
        more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        raise GateError("; ".join(named[:SHOWN]) + more)

    def to_frame(self) -> pl.DataFrame:
        """The leaks as a table: column, cut, first_row, symbol, test, value, changed (as text)."""
        return pl.DataFrame(
            [
                {
                    "column": leak.column,
                    "cut": leak.cut,
                    "first_row": leak.first_row,
                    "symbol": leak.symbol,
                    "test": leak.test,
                    "value": repr(leak.value),
                    "changed": repr(leak.changed),
                }
                for leak in self.leaks
            ],
            schema={
                "column": pl.String,
                "cut": pl.Datetime("us", "UTC"),
                "first_row": pl.Datetime("us", "UTC"),
                "symbol": pl.String,
                "test": pl.String,
                "value": pl.String,
                "changed": pl.String,
            },
        )

    def __str__(self) -> str:
        head = f"{len(self.columns)} columns, {len(self.cuts)} cuts, {self.runs} runs: "
        found = "no leak" if self.clean else f"{len(self.leaks)} leak: " + "; ".join(map(str, self.leaks))
        blind = f"; without any value: {', '.join(self.empty)}" if self.empty else ""
        return head + found + blind + "".join(f"; {test} refused: {why}" for test, why in self.refused.items())


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S" + (".%f" if moment.microsecond else ""))
