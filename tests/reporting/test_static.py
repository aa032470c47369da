"""Static twins of the figures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Figure, Mark, Panel
from gnomon.reporting.static import inches, tick, to_picture


def test_pictures_are_pictures_and_the_same_twice(noise: ReportContent) -> None:
    figures = to_document(noise).figures
    assert to_picture(figures["yearly"], "png").startswith(b"\x89PNG\r\n")
    for name in ("costs", "calibration"):
        first = to_picture(figures[name], "svg")
        assert first == to_picture(figures[name], "svg")
        assert ET.fromstring(first).tag.endswith("svg")
        assert not re.search(rb"<dc:date>", first)
    assert to_picture(figures["yearly"], "png") == to_picture(figures["yearly"], "png")


@pytest.mark.parametrize("name", ["equity", "exposure", "trades", "regimes", "stress", "training"])
def test_each_kind_of_figure_is_drawn(noise: ReportContent, name: str) -> None:
    picture = to_picture(to_document(noise).figures[name], "svg")
    assert len(picture) > 5000


def test_a_dollar_sign_is_a_dollar_sign(hostile: ReportContent) -> None:
    """As a formula, the text would not parse, and the report would fail."""
    assert to_picture(to_document(hostile).figures["yearly"], "png")


def test_square_panels_are_no_higher_than_wide(noise: ReportContent) -> None:
    calibration = to_document(noise).figures["calibration"]
    assert inches(calibration, 6.0) < inches(calibration, 9.0) <= calibration.height / 96.0


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.25, "percent", "25%"),
        (-0.025, "percent", "−2.5%"),
        (0.0, "percent", "0%"),
        (0.000012, "percent", "0.0012%"),
        (1500.0, "price", "1,500"),
        (7.5, "times", "7.5x"),
        (-1.0, "ratio", "−1"),
    ],
)
def test_ticks_by_hand(value: float, form: str, text: str) -> None:
    assert tick(value, form) == text


def test_a_single_bar_and_many_names_are_drawn() -> None:
    from datetime import date

    day = Mark(kind="bars", name="one", x=[date(2020, 1, 1)], y=[1.0])
    one = Figure(name="f", title="F", alt="a", panels=(Panel(title="p", marks=(day,)),), x_form="moment")
    names = [f"a long name {i}" for i in range(12)]
    many = Mark(kind="points", name="many", x=names, y=[None, *([1.0] * 11)])
    turned = Figure(name="g", title="G", alt="a", panels=(Panel(title="p", marks=(many,)),), x_form="text")
    assert to_picture(one, "png")
    assert to_picture(turned, "png")
