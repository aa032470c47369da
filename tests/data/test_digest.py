"""The content hash: equal values, equal hash, whatever the memory looks like; any change is seen."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnomon.core.errors import DataError
from gnomon.data.digest import hash_bars


def sample() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "timestamp": [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2, 3)],
            "symbol": ["A", "B", "AB"],
            "close": [1.0, float("nan"), -0.0],
            "n": [1, None, 3],
            "up": [True, False, None],
            "word": ["x", None, ""],
        }
    )


def test_the_hash_is_pinned() -> None:
    # A version recorded last year must be found again: this number may never change.
    assert hash_bars(sample()) == "36667614c2a2ca1c8a3026a66193437917aea09db2dfd3202491a0c2054e200d"


def test_memory_does_not_count() -> None:
    frame = sample()
    chunked = pl.concat([frame[:1], frame[1:]], rechunk=False)
    sliced = pl.concat([frame, frame])[3:]
    assert (
        hash_bars(chunked) == hash_bars(sliced) == hash_bars(frame.select(reversed(frame.columns))) == hash_bars(frame)
    )
    other_nan = frame.with_columns(close=pl.Series([1.0, float("inf") - float("inf"), -0.0]))
    assert hash_bars(other_nan) == hash_bars(frame)
    assert hash_bars(frame.cast({"symbol": pl.Categorical})) != ""


@pytest.mark.parametrize(
    "change",
    [
        {"close": [1.0, float("nan"), 0.0]},
        {"close": [1.0000000000000002, float("nan"), -0.0]},
        {"symbol": ["AB", "", "AB"]},
        {"n": [1, 0, 3]},
        {"n": [1, 3, None]},
        {"word": ["x", "", None]},
        {"up": [True, False, False]},
        {"extra": [1, 2, 3]},
        {"n": [1.0, None, 3.0]},
    ],
)
def test_every_change_is_seen(change: dict[str, list[object]]) -> None:
    changed = sample().with_columns(**{name: pl.Series(values) for name, values in change.items()})
    assert hash_bars(changed) != hash_bars(sample())
    assert hash_bars(sample().reverse()) != hash_bars(sample())
    assert hash_bars(sample()[:2]) != hash_bars(sample())


@given(st.lists(st.text(max_size=5), min_size=2, max_size=6), st.lists(st.text(max_size=5), min_size=2, max_size=6))
def test_texts_never_run_together(one: list[str], two: list[str]) -> None:
    same = hash_bars(pl.DataFrame({"a": one})) == hash_bars(pl.DataFrame({"a": two}))
    assert same == (one == two)


def test_what_bars_do_not_hold_is_refused() -> None:
    with pytest.raises(DataError, match="'a' is List"):
        hash_bars(pl.DataFrame({"a": [[1], [2]]}))
