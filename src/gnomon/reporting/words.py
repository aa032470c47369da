"""Numbers as people read them: percent, thousands, sensible digits, and "not known" where there is nothing to say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from gnomon.evaluation.base import SharpeDoubt

UNKNOWN = "not known"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def plain(value: Any) -> Any:
    """A plain value as the number or text it stands for: `{"float": "inf"}` is infinity, a numpy scalar its item.

    >>> plain({"float": "inf"})
    inf
    """
    if isinstance(value, Mapping) and set(value) == {"float"}:
        return float(value["float"])
    if hasattr(value, "item") and not isinstance(value, str):
        return value.item()
    return value


def known(value: Any) -> float | None:
    """The value as a finite number, or None."""
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def format_value(value: Any, form: str = "text") -> str:
    """The value in one of `FORMS`; `not known` for None and NaN, "unlimited" for infinity.

    >>> format_value(-0.12345, "percent")
    '-12.3%'
    >>> format_value(float("nan"), "percent")
    'not known'
    """
    value = plain(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return UNKNOWN
    if isinstance(value, float) and math.isinf(value):
        return "unlimited" if value > 0.0 else "minus unlimited"
    return FORMS[form](value)


def _fixed(digits: int, *, scale: float = 1.0, suffix: str = "") -> Callable[[Any], str]:
    def form(value: Any) -> str:
        text = f"{float(value) * scale:,.{digits}f}"
        # A rounded zero has no sign.
        return (text.lstrip("-") if not text.strip("-0.,") else text) + suffix

    return form


def _percent(value: Any) -> str:
    share = abs(float(value))
    # A small share keeps a digit that says something: 0.04%, not 0.0%.
    digits = 0 if share >= 100.0 else 1 if share >= 0.0005 or share == 0.0 else 2 if share >= 0.00005 else 4
    return _fixed(digits, scale=100.0, suffix="%")(value)


def _probability(value: Any) -> str:
    if 0.0 < value < 0.001:
        return "below 0.001"
    return "above 0.999" if 0.999 < value < 1.0 else f"{value:.3f}"


def _number(value: Any) -> str:
    """Four significant digits, and never an exponent for what a person can read without one."""
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}"
    size = math.floor(math.log10(abs(value)))
    return f"{value:.3e}" if size < -6 else f"{value:,.{max(0, 3 - size)}f}"


def _trimmed(value: Any) -> str:
    text = _number(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _day(value: Any) -> str:
    moment = moment_of(value)
    return UNKNOWN if moment is None else f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def _moment(value: Any) -> str:
    moment = moment_of(value)
    if moment is None:
        return UNKNOWN
    return f"{_day(moment)} {moment:%H:%M}" if isinstance(moment, datetime) else _day(moment)


def moment_of(value: Any) -> datetime | date | None:
    """A moment from a moment or its ISO 8601 text; None where it is neither."""
    if isinstance(value, datetime | date):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _trimmed(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(plain(inner)) for inner in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(plain(inner))}" for key, inner in value.items()) or "none"
    return str(value)


def _sharpe(value: Any) -> str:
    return sharpe_text(value)


FORMS: Mapping[str, Callable[[Any], str]] = {
    "text": _text,
    "own": _text,
    "percent": _percent,
    "tenth": _fixed(1, scale=100.0, suffix="%"),
    "ratio": _fixed(2),
    "rate": _fixed(3),
    "price": _fixed(2),
    "fine": _fixed(4),
    "number": _number,
    "integer": _fixed(0),
    "money": _fixed(0),
    "bps": _fixed(1, suffix=" bps"),
    "times": _fixed(1, suffix="x"),
    "bars": _fixed(0),
    "span": _fixed(1),
    "probability": _probability,
    "day": _day,
    "moment": _moment,
    "year": lambda value: str(int(value)),
    "passed": lambda value: "passed" if value else "failed",
    "sharpe": _sharpe,
}
"""How each kind of value is written. `number` keeps four significant digits, `tenth` is percent with just one; `own`
leaves it to each row of a table."""

NUMERIC = frozenset(FORMS) - {"text", "own", "day", "moment", "passed"}
"""Forms that are set flush right."""


def sharpe_text(doubt: SharpeDoubt) -> str:
    """A year's Sharpe ratio with what it may not be shown without: its standard error, T and N.

    T: returns it was measured on; N: tries that were counted against it.
    """
    head = UNKNOWN
    if known(doubt.annual_sharpe) is not None:
        head = f"{format_value(doubt.annual_sharpe, 'ratio')} ± {format_value(doubt.annual_standard_error, 'ratio')}"
    return f"{head} (T {doubt.n:,}, N {doubt.trials:,})"


def label(name: str) -> str:
    """A name of the code as a person would say it.

    >>> label("buy_and_hold")
    'Buy and hold'
    """
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def period_text(start: Any, end: Any) -> str:
    """From one day to another."""
    return f"{format_value(start, 'day')} to {format_value(end, 'day')}"
