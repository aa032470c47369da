"""Figures for the browser: valid for plotly, shared lists once, and no Sharpe ratio without its error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gnomon.reporting.base import ReportContent
from gnomon.reporting.colours import DARK, LIGHT
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Figure, Mark, Panel
from gnomon.reporting.interactive import Shared, to_plotly
from gnomon.reporting.static import to_picture


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def coloured(value: Any) -> Any:
    """As the page's script does it: role names to colours, references to lists."""
    if isinstance(value, str):
        return LIGHT[value.split(":")[1]] if value.startswith("role:") else value
    if isinstance(value, dict):
        return [] if set(value) == {"shared"} else {key: coloured(inner) for key, inner in value.items()}
    return [coloured(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["noise", "edge", "idle", "hostile"])
def test_plotly_takes_every_figure(contents: dict[str, ReportContent], name: str) -> None:
    import plotly.graph_objects as go

    for figure in to_document(contents[name]).figures.values():
        for one in to_plotly(figure):
            # Strict: a property that plotly does not know raises.
            assert go.Figure(coloured(one)).to_dict()["data"]


def test_control_plotly_refuses_what_it_does_not_know(noise: ReportContent) -> None:
    import plotly.graph_objects as go

    (one,) = to_plotly(to_document(noise).figures["equity"])
    one["layout"]["hoverness"] = "x"
    with pytest.raises(ValueError, match="hoverness"):
        go.Figure(coloured(one))


def test_moments_that_lines_share_are_kept_once(noise: ReportContent) -> None:
    shared = Shared()
    figures = to_document(noise).figures
    drawn = [to_plotly(figures[name], shared) for name in ("equity", "exposure")]
    text = json.dumps(drawn)
    assert len(shared.lists) == 1
    assert len(shared.lists[0]) == 500
    assert shared.lists[0][0] == "2018-01-02"
    assert text.count('"shared": 0') > 8


def test_intraday_moments_keep_their_time() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    x = [start + timedelta(hours=i) for i in range(60)]
    mark = Mark(kind="line", name="a", x=x, y=[1.0] * 60)
    shared = Shared()
    (one,) = to_plotly(
        Figure(name="f", title="F", alt="a", panels=(Panel(title="p", marks=(mark,)),), x_form="moment"), shared
    )
    assert shared.lists[0][1] == "2020-01-01 01:00"
    assert one["layout"]["xaxis"]["hoverformat"].endswith("%H:%M")


def test_every_colour_has_a_name_in_light_and_in_dark(contents: dict[str, ReportContent]) -> None:
    assert set(LIGHT) == set(DARK)
    for content in contents.values():
        for figure in to_document(content).figures.values():
            roles = {text for text in strings(to_plotly(figure)) if text.startswith("role:")}
            assert {role.split(":")[1] for role in roles} <= set(LIGHT)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_words_and_lines_stand_out_from_the_page(palette: dict[str, str]) -> None:
    for role in ("ink", "faint", "chosen", "gain", "loss"):
        assert contrast(palette[role], palette["paper"]) >= 4.5, role
    for role in set(palette) - {"paper", "grid"}:
        assert contrast(palette[role], palette["paper"]) >= 3.0, role


def test_drawn_sharpe_ratios_carry_their_errors(sentinel: ReportContent) -> None:
    found = 0
    for figure in to_document(sentinel).figures.values():
        for one in to_plotly(figure):
            for trace in one["data"]:
                if not isinstance(trace["y"], list) or not {41.41, 42.42, 43.43, 44.44} & set(trace["y"]):
                    continue
                found += 1
                assert len(trace["error_y"]["array"]) == len(trace["y"])
                assert "±" in trace["hovertemplate"]
    assert found == 2


def test_names_are_text_to_plotly(hostile: ReportContent) -> None:
    for figure in to_document(hostile).figures.values():
        for text in strings(to_plotly(figure)):
            # The only markup is our own: the box beside a point's label.
            assert "<" not in text.replace("<extra>", "").replace("</extra>", "")
            # Between dollar signs plotly looks for a formula.
            assert "$" not in text


def test_gaps_stay_gaps_and_digits_are_those_that_can_be_seen() -> None:
    mark = Mark(kind="line", name="a", x=[1.0, 2.0, 3.0], y=[1.23456789, None, float("nan")])
    (one,) = to_plotly(Figure(name="f", title="F", alt="a", panels=(Panel(title="p", marks=(mark,)),)))
    assert one["data"][0]["y"] == [1.23457, None, None]


def test_points_may_lie_with_their_intervals():
    mark = Mark(
        kind="points",
        name="rank",
        x=[2.0, 3.0],
        y=["b", "a"],  # type: ignore[list-item]
        roles=["chosen", "other1"],
        spans=[(1.0, 4.0), None],
    )
    figure = Figure(name="f", title="f", alt="f", panels=(Panel(title="p", marks=(mark,), flat=True),))
    (drawn,) = to_plotly(figure)
    (trace,) = drawn["data"]
    assert (trace["mode"], trace["y"], trace["marker"]["color"]) == (
        "markers",
        ["b", "a"],
        ["role:chosen", "role:other1"],
    )
    assert (trace["error_x"]["array"], trace["error_x"]["arrayminus"]) == ([2.0, 0], [1.0, 0])
    assert trace["customdata"] == [" (1 to 4)", ""]
    assert drawn["layout"]["yaxis"]["autorange"] == "reversed"
    assert b"<svg" in to_picture(figure, "svg")


@pytest.mark.parametrize(("last", "step"), [(3, 1), (400, None)])
def test_a_short_axis_of_whole_numbers_has_a_tick_at_each(last: int, step: int | None) -> None:
    """Left to itself it has ticks at halves, and rounds their names: 1, 2, 2, 3, 3."""
    mark = Mark(kind="line", name="loss", x=list(range(1, last + 1)), y=[1.0] * last)
    figure = Figure(name="f", title="f", alt="f", panels=(Panel(title="p", marks=(mark,)),), x_form="integer")
    assert to_plotly(figure)[0]["layout"]["xaxis"].get("dtick") == step


def test_points_are_joined_unless_they_share_a_place() -> None:
    marks = tuple(Mark(kind="points", name="a", x=[1, 2], y=[1.0, 2.0], joined=joined) for joined in (True, False))
    figure = Figure(name="f", title="f", alt="f", panels=(Panel(title="p", marks=marks),))
    assert [trace["mode"] for trace in to_plotly(figure)[0]["data"]] == ["lines+markers", "markers"]
