"""A reading: what a source's columns and stamps mean, declared and never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from gnomon.core.errors import ConfigError, unknown
from gnomon.data.base import PRICES
from gnomon.data.calendars import check_calendar, parse_frequency

NUMBERS = (*PRICES, "volume")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the columns of a frame mean. The fields are the keys of every source's YAML.

    columns: our name -> the source's ({timestamp: Date, close: "Adj. Close"}). `timestamp`, `symbol`, prices and volume
    are found by their own names too, whatever the case. Instead of `timestamp`, map `date` and `time`, two columns that
    together are the stamp. Any other name that is mapped becomes an extra column, as does every column not mapped.
    """

    columns: Mapping[str, str] | None = None
    stamp: Literal["open", "close"] | None = None
    """Which moment the stamps are. Required, unless `session_close` says when a daily bar was known."""
    session_close: str | None = None
    """For daily bars stamped with their session's date: the calendar (XNYS, 24/7) whose close makes the bar known."""
    off_session: Literal["refuse", "drop"] = "refuse"
    """What becomes of a daily bar on a day that the calendar does not trade."""
    frequency: str | None = None
    """Time between bars, for `stamp: open`; None takes the most common step of the data."""
    zone: str | None = None
    """The time zone of stamps that carry none ("UTC", "America/New_York")."""
    ambiguous: Literal["refuse", "earliest", "latest"] = "refuse"
    """Which of the two moments a local time is that a clock change repeats."""
    nonexistent: Literal["refuse", "shift_forward"] = "refuse"
    """What a local time means that a clock change skips."""
    unit: Literal["s", "ms", "us", "ns"] | None = None
    """The unit of stamps that are numbers since 1970 (or, in a `time` column, since local midnight)."""
    date_format: str | None = None
    """strptime's codes for stamps that are not ISO 8601 ("%d.%m.%Y %H:%M:%S"); of both columns with a space between."""
    symbol: str | None = None
    """The symbol of every row, for a source without such a column."""
    price_scale: float = 1.0
    """The source writes prices times this number (10000: 1672700 means 167.27)."""
    decimal: Literal[".", ","] = "."
    nulls: Literal["refuse", "nan"] = "refuse"
    """Whether an empty price or volume is refused, or is NaN for the checks and repairs to deal with."""
    null_values: tuple[str, ...] = ()
    """Words that mean an empty cell ("NA", "null"), beside nothing at all."""
    constants: Mapping[str, float] | None = None
    """Values of columns that the source does not have ({volume: 0})."""
    extras: bool = True
    """Whether columns that are not bars' own are kept."""
    sort: bool = False
    """Whether rows out of order are put in order instead of refused. A file wholly descending is no disorder."""

    def __post_init__(self) -> None:
        if self.stamp is None and self.session_close is None:
            raise ConfigError(
                "say what the time stamps are: `stamp: open` or `stamp: close`, or, for daily bars stamped with a "
                "date, `session_close: CALENDAR` (XNYS, 24/7, ...)"
            )
        if self.stamp is not None and self.session_close is not None:
            raise ConfigError(f"stamp: {self.stamp} and session_close: {self.session_close} contradict; keep one")
        if self.session_close is not None:
            check_calendar(self.session_close)
        if self.frequency is not None:
            parse_frequency(self.frequency)
        if self.zone is not None:
            check_zone(self.zone)
        if not self.price_scale > 0 or self.price_scale == float("inf"):
            raise ConfigError(f"price_scale must be above zero, was {self.price_scale}")
        if self.date_format is not None and self.unit is not None and "time" not in (self.columns or {}):
            raise ConfigError("`unit` (numbers) and `date_format` (text) contradict; keep one")
        for name in self.constants or {}:
            if name not in NUMBERS:
                raise ConfigError(unknown("column", name, NUMBERS, where="constants"))


def check_zone(name: str) -> str:
    """The name, when there is such a time zone; ConfigError that names the nearest one otherwise."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(unknown("time zone", name, available_timezones(), where="zone")) from None
    return name
