"""The page: one file, no network, everything escaped, every Sharpe ratio with its doubt, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import html as html_module
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Callout, Column, Document, Section, Table
from gnomon.reporting.html import plotly_script, to_html


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, words, and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self._script: dict[str, str] | None = None
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.elements.append((tag, given))
        self.words += [given[key] for key in ("aria-label", "title", "alt") if key in given]
        if tag == "script":
            self._script = given
            self.scripts.append((given, ""))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None
        if tag == "style":
            self._style = False

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            given, text = self.scripts[-1]
            self.scripts[-1] = (given, text + data)
        elif not self._style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def pages(contents: dict[str, ReportContent]) -> dict[str, str]:
    return {name: to_html(content) for name, content in contents.items()}


@pytest.mark.parametrize("name", ["noise", "edge", "idle", "hostile"])
def test_the_page_needs_nothing_else(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    for tag, given in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "img"}
        assert "src" not in given
        assert given.get("href", "#").startswith("#")
    style = re.search(r"<style>(.*?)</style>", pages[name], re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert pages[name].count(plotly_script()) == (1 if to_document_has_figures(pages[name]) else 0)
    assert len(pages[name]) < 5_500_000


def to_document_has_figures(page: str) -> bool:
    return 'class="plot-data"' in page


def test_only_the_two_scripts_of_the_page_may_run(pages: dict[str, str]) -> None:
    page = Page(pages["noise"])
    policy = next(
        given["content"] for tag, given in page.elements if given.get("http-equiv") == "Content-Security-Policy"
    )
    run = [text for given, text in page.scripts if "type" not in given]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in run]
    assert len(run) == 2
    assert f"script-src {' '.join(hashes)};" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_figures_are_json_that_can_be_read(pages: dict[str, str]) -> None:
    page = Page(pages["noise"])
    data = [json.loads(text) for given, text in page.scripts if given.get("class") == "plot-data"]
    (shared,) = [json.loads(text) for given, text in page.scripts if given.get("id") == "shared"]
    assert len(data) == 8 + 2 + 3 + 2 + 2 + 1
    assert all(set(one) == {"data", "layout"} for one in data)
    assert len(shared) == 1


@pytest.mark.parametrize("name", ["noise", "edge", "idle", "hostile"])
def test_headings_labels_and_ids(pages: dict[str, str], name: str) -> None:
    page = Page(pages[name])
    ids = [given["id"] for _, given in page.elements if "id" in given]
    assert len(set(ids)) == len(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(given.get("aria-label") for _, given in page.elements if given.get("role") in {"img", "region"})
    targets = {given["href"][1:] for tag, given in page.elements if tag == "a"}
    assert targets <= set(ids)
    assert ("html", {"lang": "en"}) in page.elements


@pytest.mark.parametrize("name", ["noise", "edge", "idle", "hostile"])
def test_nothing_is_shown_as_code(pages: dict[str, str], name: str) -> None:
    words = Page(pages[name]).text.split()
    assert not {"nan", "NaN", "None", "inf", "null", "nan%", "{'float':"} & set(words)


def test_the_same_content_gives_the_same_bytes(noise: ReportContent, pages: dict[str, str]) -> None:
    assert to_html(noise) == pages["noise"]
    assert to_html(replace(noise, title="Other")) != pages["noise"]


def harmless(text: str, hostile_text: str) -> list[str]:
    """What of a hostile text got through as markup."""
    page = Page(text)
    found = [tag for tag, given in page.elements if tag == "img" or any(key.startswith("on") for key in given)]
    found += [body for given, body in page.scripts if "type" not in given and len(body) < 1000]
    return [*found, *(["raw"] if hostile_text in text else [])]


def test_what_comes_from_the_data_cannot_become_markup(pages: dict[str, str], hostile_text: str) -> None:
    assert harmless(pages["hostile"], hostile_text) == []
    # It is shown, as the words that it is.
    assert hostile_text in Page(pages["hostile"]).text
    inside = [body for given, body in Page(pages["hostile"]).scripts if "type" in given]
    assert all("<" not in body and ">" not in body for body in inside)


def test_control_a_page_that_does_not_escape_is_caught(pages: dict[str, str], hostile_text: str) -> None:
    broken = pages["hostile"].replace(
        html_module.escape(hostile_text, quote=True).replace("&#x27;", "&#39;"), hostile_text, 1
    )
    assert broken != pages["hostile"]
    assert harmless(broken, hostile_text)


def test_no_sharpe_ratio_stands_without_its_doubt(sentinel: ReportContent, bare: Callable[[str], list[str]]) -> None:
    text = Page(to_html(sentinel)).text
    assert bare(text) == []
    for number in ("41.41", "42.42", "44.44"):
        assert number in text


def test_control_a_bare_sharpe_ratio_is_caught(sentinel: ReportContent, bare: Callable[[str], list[str]]) -> None:
    document = to_document(sentinel)
    table = Table(name="bad", title="Bad", columns=(Column(key="x", title="Sharpe"),), rows=({"x": "41.41"},))
    section = Section(name="bad", title="Bad", lead="Bad.", blocks=(table,))
    broken = Document(
        title=document.title,
        subtitle=document.subtitle,
        verdict=document.verdict,
        sections=(*document.sections, section),
    )
    assert len(bare(Page(to_html(broken)).text)) == 1


@pytest.mark.parametrize("name", ["noise", "edge", "idle"])
def test_every_sentence_with_a_sharpe_ratio_has_its_error_and_n(pages: dict[str, str], name: str) -> None:
    sentences = re.split(r"(?<=[.;])\s", Page(pages[name]).text)
    shown = [one for one in sentences if re.search(r"(?<!deflated )Sharpe ratio [−-]?\d", one)]
    for sentence in shown:
        assert re.search(r"standard error [\d.]+, N = \d|± [\d.]+ \(T [\d,]+, N", sentence), sentence
    assert shown or name == "idle"


def test_a_content_without_figures_carries_no_plotly(idle: ReportContent) -> None:
    document = to_document(idle)
    words_only = Document(
        title="t",
        subtitle=("s",),
        verdict=document.verdict,
        sections=tuple(s for s in document.sections if s.name == "split"),
    )
    page = to_html(words_only)
    assert len(page) < 60_000
    assert "script-src 'none'" in html_module.unescape(page)


def test_a_verdict_that_is_a_note_looks_like_a_verdict(noise: ReportContent) -> None:
    """Its tone is a class of its element: the rule for small print under tables must not reach it."""
    page = to_html(replace(to_document(noise), verdict=Callout(tone="note", heading="h", text="t")))
    assert 'class="verdict note"' in page
    assert re.search(r"(?<!p)\.note\b[^{]*\{", page) is None
