"""The order in which a content was put together does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import polars as pl

from gnomon.reporting.base import ReportContent
from gnomon.reporting.html import to_html
from gnomon.reporting.markdown import to_markdown
from gnomon.reporting.order import in_order, ordered


def turned(value: Any) -> Any:
    """The value with the keys of every mapping in it the other way round."""
    if isinstance(value, Mapping):
        return {key: turned(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return [turned(inner) for inner in value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: turned(getattr(value, one.name)) for one in fields(value)})
    return value


def test_mappings_turned_around_give_the_same_bytes(noise: ReportContent, hostile: ReportContent) -> None:
    for content in (noise, hostile):
        other = turned(content)
        assert list(other.evaluations) == list(reversed(content.evaluations))
        assert to_html(other) == to_html(content)
        assert to_markdown(other) == to_markdown(content)


def test_control_a_sequence_turned_around_shows(noise: ReportContent) -> None:
    issues = [*noise.checks["issues"], {"check": "gap", "severity": "warning", "count": 2, "message": "2 bars miss"}]
    one = replace(noise, checks={**noise.checks, "issues": issues})
    other = replace(noise, checks={**noise.checks, "issues": issues[::-1]})
    assert to_markdown(one) != to_markdown(other)


def test_the_chosen_one_comes_first_and_benchmarks_as_expected(noise: ReportContent) -> None:
    content = in_order(replace(noise, chosen="logistic"))
    assert list(content.evaluations) == ["logistic", "lightgbm"]
    assert list(content.main.benchmarks) == ["buy_and_hold", "equal_weight", "moving_average_cross", "random", "cash"]
    assert isinstance(content.main.equity, pl.DataFrame)
    assert list(content.source)[:2] == ["source", "symbols"]


def test_by_hand() -> None:
    assert list(ordered({"b": 1, "a": 2, "c": 3}, ["c", "z"])) == ["c", "a", "b"]
    assert list(ordered({})) == []
