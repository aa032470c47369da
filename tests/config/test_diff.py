"""Differences of two configurations."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gnomon.config.diff import Difference, difference, flat
from gnomon.config.loader import load_config

VALUES = st.recursive(
    st.integers(0, 3) | st.booleans() | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
SECTIONS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def test_worked_by_hand(workspace: Path) -> None:
    rows = difference(load_config(workspace), load_config(workspace, experiment="wide"))
    assert rows == [
        Difference("labels.upper_multiple", 1.5, 3.0),
        Difference("report.formats", ["html", "md"], ["pdf"]),
    ]


def test_one_and_true_differ_and_a_missing_key_is_none() -> None:
    assert difference({"a": 1}, {"a": True}) == [Difference("a", 1, True)]
    assert difference({"a": {}}, {"b": None}) == [Difference("a", {}, None), Difference("b", None, None)]


@given(SECTIONS, SECTIONS)
def test_laws(a: dict, b: dict) -> None:
    assert difference(a, a) == []
    assert [(row.key, row.b, row.a) for row in difference(b, a)] == [tuple(row) for row in difference(a, b)]
    changed = {row.key for row in difference(a, b)}
    for key, value in flat(a):
        if key not in changed:
            assert dict(flat(b))[key] == value
