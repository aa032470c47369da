"""The order of time: what a timeline knows of rows in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gnomon.samples.base import UNKNOWN_END
from gnomon.splits.ranges import GLANCE, Span, Timeline

shared_fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_timeline_worked_by_hand() -> None:
    timeline = Timeline.of(np.array([30, 10, 20, 10]), np.array([31, 15, UNKNOWN_END, 12]))
    assert timeline.moments.tolist() == [10, 20, 30]
    assert timeline.places.tolist() == [0, 2, 3, 4]
    assert timeline.order is not None
    assert timeline.order.tolist() == [1, 3, 2, 0]
    assert timeline.judged_ends.tolist() == [15, 12, 25, 31]  # the longest label lives for 5
    assert timeline.rows([timeline.span(0, 3, UNKNOWN_END)]).tolist() == [0, 1, 3]
    assert timeline.rows([timeline.span(0, 1, 15), timeline.span(2, 3)]).tolist() == [0, 3]
    assert timeline.rows([]).tolist() == []
    assert timeline.released(15, 0) == 1
    assert timeline.released(20, 0) == 2  # a row that is known as the label ends still meets it
    assert timeline.released(20, 5) == 3
    assert Timeline.of(np.arange(4), np.arange(4)).order is None


@shared_fixtures
@given(seed=st.integers(0, 10_000), data=st.data())
def test_a_span_holds_what_a_mask_says(seed: int, data: Any, make_rows: Callable[..., Any]) -> None:
    known_at, label_end = make_rows(seed)
    timeline = Timeline.of(known_at, label_end)
    first = data.draw(st.integers(0, timeline.moments.size - 1))
    stop = data.draw(st.integers(first, timeline.moments.size))
    cut = data.draw(st.integers(0, timeline.moments.size - 1))
    span = timeline.until(first, stop, cut)
    inside = np.isin(known_at, timeline.moments[first:stop]) & (label_end < timeline.moments[cut])
    assert timeline.rows([span]).tolist() == np.flatnonzero(inside).tolist()
    assert timeline.holds_any(span) == inside.any()


def test_the_one_row_of_a_long_span_is_found() -> None:
    known_at = np.arange(20 * GLANCE)
    label_end = np.full(known_at.size, UNKNOWN_END)
    timeline = Timeline.of(known_at, label_end)
    assert not timeline.holds_any(Span(0, known_at.size, UNKNOWN_END))
    for place in (0, GLANCE, 17 * GLANCE + 3, known_at.size - 1):
        one = label_end.copy()
        one[place] = known_at[place]
        timeline = Timeline.of(known_at, one)
        assert timeline.holds_any(Span(0, known_at.size, UNKNOWN_END))
        assert not timeline.holds_any(Span(0, place, UNKNOWN_END))
