"""What the corpus is made of: cases, each leaking or clean, and what the probes said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gnomon.core.errors import GateError
from gnomon.data.probe.base import Level

Finder = Literal["probe", "overlap audit", "row ids", "one-bar lag"]
"""Perturbation and truncation; the interval check of folds; the hash of the rows that a fit saw; a later fill."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One planted leak, or one piece of clean work, with the probe that judges it."""

    name: str
    kind: str
    """What sort of mistake it is, or "clean"."""
    finder: Finder
    leaks: bool
    level: Level = "features"
    """Where on the way from bars to orders it sits."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a case's probe said."""

    case: Case
    found: bool
    evidence: str
    """The first row and the cut, the overlap, the two Sharpe ratios; empty when nothing was found."""

    @property
    def right(self) -> bool:
        """A leak was found, or clean work was let pass."""
        return self.found == self.case.leaks


@dataclass(frozen=True, kw_only=True)
class CorpusReport:
    """The verdicts on the whole corpus."""

    verdicts: tuple[Verdict, ...]

    @property
    def planted(self) -> int:
        """How many leaks there were."""
        return sum(verdict.case.leaks for verdict in self.verdicts)

    @property
    def missed(self) -> tuple[str, ...]:
        """Leaks that were not found."""
        return tuple(v.case.name for v in self.verdicts if v.case.leaks and not v.found)

    @property
    def clean(self) -> int:
        """How many pieces of clean work there were."""
        return len(self.verdicts) - self.planted

    @property
    def false_alarms(self) -> tuple[str, ...]:
        """Clean work that was accused."""
        return tuple(v.case.name for v in self.verdicts if not v.case.leaks and v.found)

    def raise_wrong(self) -> None:
        """Raises GateError (exit 4) that names every leak missed and every false alarm; nothing when all is right."""
        told = []
        if self.missed:
            told.append(f"{len(self.missed)} of {self.planted} planted leaks were missed: {', '.join(self.missed)}")
        if self.false_alarms:
            named = ", ".join(self.false_alarms)
            told.append(f"{len(self.false_alarms)} of {self.clean} pieces of clean work were accused: {named}")
        if told:
            raise GateError("; ".join(told))
