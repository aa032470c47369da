"""Time is handed in: library code asks a `Clock` and never the machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime:
        """The present moment, with time zone UTC."""
        ...


class SystemClock:
    """The machine's clock. Made once, at the edge (command line, service), and handed down."""

    def now(self) -> datetime:
        """The machine's time in UTC."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is moved: for tests and replays."""

    moment: datetime

    def __post_init__(self) -> None:
        if self.moment.tzinfo is None:
            raise ValueError(f"a clock needs a time zone, {self.moment} has none; pass tzinfo=UTC")

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment.astimezone(UTC)
