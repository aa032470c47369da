"""Every error that Gnomon raises on purpose, as one tree; each branch carries its exit code.

A message says what, which value, where, and the way out. The command line prints it without a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import polars as pl


class GnomonError(Exception):
    """The root: the work failed for a reason that can be named (exit 1)."""

    exit_code: ClassVar[int] = 1


class ConfigError(GnomonError):
    """The configuration or the command line is wrong; nothing was started (exit 2)."""

    exit_code = 2


class PlanError(ConfigError):
    """A pipeline that cannot run: a stage reads what nothing writes, a component is unknown (exit 2)."""


class DataError(GnomonError):
    """The data was refused (exit 3).

    `rows` holds the rows that caused it, at most a few hundred, so that the caller can show and save them.
    """

    exit_code = 3

    def __init__(self, message: str, *, rows: pl.DataFrame | None = None) -> None:
        super().__init__(message)
        self.rows = rows


class GateError(GnomonError):
    """A gate was not passed: thresholds, a leak, a check of honesty (exit 4)."""

    exit_code = 4


class StoreError(GnomonError):
    """The store could not be read or written (exit 1)."""


class NotFoundError(StoreError):
    """A run, model, version or alias that is not there: the name is wrong, or nothing was made yet (exit 2)."""

    exit_code = 2


class IntegrityError(StoreError):
    """Bytes on disk are not the bytes that were written: a hash or a chain does not match (exit 1)."""


class LockedError(StoreError):
    """Another living process owns what was asked for; the message names it (exit 1)."""


class StageError(GnomonError):
    """A pipeline stage failed; the message names the stage and its cause (exit 1)."""


class TrainingError(GnomonError):
    """A fit went wrong, by a loss that is no number or a gradient that explodes: nothing is kept of it (exit 1)."""


def nearest(word: str, options: Iterable[str]) -> str | None:
    """The option a person most likely meant, or None when nothing is near.

    >>> nearest("lightgmb", ["lightgbm", "logistic_regression"])
    'lightgbm'
    """
    known = {option.casefold(): option for option in options}
    found = difflib.get_close_matches(word.strip().casefold(), known, n=1, cutoff=0.5)
    return known[found[0]] if found else None


def unknown(kind: str, word: str, options: Iterable[str], *, where: str = "") -> str:
    """The message for a name nobody knows: what, where, the nearest one, and all of them when there is none.

    >>> unknown("model", "lightgmb", ["lightgbm", "logistic_regression"], where="models.a.kind")
    "unknown model 'lightgmb' at models.a.kind; did you mean 'lightgbm'?"
    """
    options = sorted(options)
    place = f" at {where}" if where else ""
    close = nearest(word, options)
    hint = f"did you mean {close!r}?" if close else f"known: {', '.join(options) or 'none'}"
    return f"unknown {kind} {word!r}{place}; {hint}"
