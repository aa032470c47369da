"""The two times of a row, checked at the door, and a moment in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from gnomon.core.errors import DataError
from gnomon.core.types import Array, Int64
from gnomon.samples.base import UNKNOWN_END


def checked_times(known_at: Any, label_end: Any) -> tuple[Int64[Array, " n"], Int64[Array, " n"]]:
    """Both times as microseconds of UTC. Raises DataError when they do not belong together.

    Takes whole numbers (microseconds), or moments: a numpy array, a pandas or a polars column. A `label_end` that is
    missing becomes `UNKNOWN_END`.

    >>> known_at = np.array(["2024-01-01", "2024-01-02"], "datetime64[D]")
    >>> checked_times(known_at, np.array(["2024-01-02", "NaT"], "datetime64[D]"))[1].tolist()
    [1704153600000000, 9223372036854775807]
    """
    known, missing = _microseconds(known_at, "known_at")
    if missing.any():
        raise DataError(f"known_at is missing in {int(missing.sum())} rows, first in row {int(missing.argmax())}")
    end, undecided = _microseconds(label_end, "label_end")
    if known.size != end.size:
        raise DataError(f"known_at has {known.size} rows and label_end {end.size}; they are two times of the same rows")
    if known.size == 0:
        raise DataError("there are no rows to split")
    if undecided.any():
        end = np.where(undecided, UNKNOWN_END, end)
    backwards = end < known
    if backwards.any():
        row = int(backwards.argmax())
        raise DataError(
            f"label_end lies before known_at in {int(backwards.sum())} rows, first in row {row}: "
            f"{in_words(end[row])}, known at {in_words(known[row])}; a label cannot end before its row is known"
        )
    return known, end


def checked_count(name: str, value: int, *, least: int) -> None:
    """Raises ValueError unless a setting is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of {least} or more, was {value!r}")


def in_words(moment: int | np.int64) -> str:
    """A moment in microseconds as a person writes it.

    >>> in_words(1_704_067_200_000_000)
    '2024-01-01 00:00:00+00:00'
    """
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(moment))).isoformat(" ", "seconds")


def _microseconds(values: Any, name: str) -> tuple[Int64[Array, " n"], Array]:
    """The times, and which of them are missing."""
    if getattr(getattr(values, "dtype", None), "time_zone", "") is None:
        raise DataError(f"{name} has no time zone; say which one it is in: .dt.replace_time_zone('UTC')")
    try:
        array = np.asarray(values)
        if array.dtype == object:  # a pandas column with a time zone
            array = np.asarray(values, "datetime64[us]")
    except (ValueError, TypeError) as error:
        raise DataError(f"{name} holds no times: {error}") from None
    if array.ndim != 1:
        raise DataError(f"{name} must have one dimension, a time for each row; its shape is {array.shape}")
    if array.dtype.kind == "M":
        return array.astype("datetime64[us]").astype(np.int64), np.isnat(array)
    if array.dtype.kind not in "iu":
        raise DataError(f"{name} is {array.dtype}; it must be moments, or whole numbers of microseconds (UTC)")
    return array.astype(np.int64, copy=False), np.zeros(1, bool)
