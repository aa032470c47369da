"""The Markdown report: whole tables, nothing active, every Sharpe ratio with its doubt."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Code, Document, Figure, Mark, Panel, Section, Text
from gnomon.reporting.markdown import escape, to_markdown

NAMES = ["noise", "edge", "idle", "hostile"]


@pytest.mark.parametrize("name", NAMES)
def test_every_section_and_table_is_there_and_whole(contents: dict[str, ReportContent], name: str) -> None:
    document = to_document(contents[name])
    text = to_markdown(contents[name])
    for section in document.sections:
        assert f"\n## {escape(section.title)}\n" in text
    for table in document.tables.values():
        assert f"### {escape(table.title)}\n" in text
    width = 0
    for line in text.splitlines():
        if not line.startswith("| ") and not line.startswith("|-"):
            width = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        width = width or cells
        assert cells == width, line


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_shown_as_code(contents: dict[str, ReportContent], name: str) -> None:
    assert not {"nan", "NaN", "None", "inf", "null", "nan%"} & set(to_markdown(contents[name]).split())


def test_no_sharpe_ratio_stands_without_its_doubt(sentinel: ReportContent, bare: Callable[[str], list[str]]) -> None:
    text = to_markdown(sentinel)
    assert bare(text) == []
    assert text.count("41.41") > 20


def test_control_a_bare_sharpe_ratio_is_caught(sentinel: ReportContent, bare: Callable[[str], list[str]]) -> None:
    broken = to_markdown(sentinel).replace(" ± ", " + or - ", 1)
    assert len(bare(broken)) == 1


def test_what_comes_from_the_data_is_no_markup(hostile: ReportContent, hostile_text: str) -> None:
    text = to_markdown(hostile)
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in re.sub(r"\\<", "", outside)
    assert "](javascript" not in outside.replace("\\]", "")
    # The fence around the configuration is longer than the one inside it.
    assert "````yaml" in text
    assert escape(hostile_text) in outside


def test_control_unescaped_text_is_markup(hostile_text: str) -> None:
    assert "<script" in re.sub(r"\\<", "", hostile_text)
    assert "<script" not in re.sub(r"\\<", "", escape(hostile_text))


def test_escaping_by_hand() -> None:
    assert escape("a_b_c") == "a_b_c"
    assert escape("_a_ *b* [c](d)") == r"\_a\_ \*b\* \[c\](d)"
    assert escape("a\n# b | c & d") == r"a \# b \| c &amp; d"


def test_lines_over_time_are_drawn_small() -> None:
    values = [0.0, 1.0, None, 2.0, 7.0]
    mark = Mark(kind="line", name="rise", x=list(range(5)), y=values)
    empty = Mark(kind="line", name="none", x=[1], y=[None])
    figure = Figure(
        name="f",
        title="F",
        alt="It rises",
        panels=(Panel(title="p", marks=(mark, empty)),),
        x_form="moment",
        caption="So.",
    )
    section = Section(name="s", title="S", lead="L.", blocks=(figure, Text(text="T"), Code(title="C", text="a: 1\n")))
    verdict = Document(title="D", subtitle=("x", "y"), verdict=to_callout(), sections=(section,))
    text = to_markdown(verdict, figures="figures")
    assert "rise" + " " * 21 + "▁▂▃█" in text
    assert "![It rises](figures/f.png)" in text
    assert "```yaml\na: 1\n```" in text
    assert text.startswith("# D\n\nx · y\n\n> **No edge**\n")


def to_callout() -> object:
    from gnomon.reporting.document import Callout

    return Callout(tone="none", heading="No edge", text="None was shown.")


def test_the_same_content_gives_the_same_text(noise: ReportContent) -> None:
    assert to_markdown(noise) == to_markdown(to_document(noise))
