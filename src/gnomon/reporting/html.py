"""The report as one HTML file: no network, no other file, the same bytes for the same content.

Figures are JSON that a short script hands to plotly, which stands in the page once. A content security policy allows
those two scripts by their hashes and nothing else: even text that slipped through the escaping could not run.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from gnomon.reporting.base import ReportContent
from gnomon.reporting.colours import DARK, LIGHT, css_variables
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Block, Column, Document, Fact, Table
from gnomon.reporting.interactive import Shared, to_plotly
from gnomon.reporting.markdown import cell_text
from gnomon.reporting.words import NUMERIC, UNKNOWN, format_value, known

HEAT = 46.0
"""The strongest shade of a cell, in percent: words on it keep their contrast."""
NEGATIVE = re.compile(r"(?<![\w.-])-(?=\d)")
SIGNED = re.compile(r"(?<![\w.-])-\d[\d.,]*%? (±|to) |to -\d")
LONG = 60
"""A table with words longer than this puts each row on several lines where the page is narrow."""
SHORT = 26
"""Words of so many characters are not broken."""


def to_html(content: ReportContent | Document) -> str:
    """The report as one self-contained page."""
    document = content if isinstance(content, Document) else to_document(content)
    shared = Shared()
    drawn = {name: to_plotly(figure, shared) for name, figure in document.figures.items()}
    plotly, script = plotly_script() if drawn else "", _packaged("report.js")
    page: str = _template().render(
        document=document,
        kinds=_kind,
        cells=_cells,
        heads=_heads,
        shape=_shape,
        fact=_fact,
        figures={name: [_json(one) for one in figures] for name, figures in drawn.items()},
        shared=_json(shared.lists),
        style=_packaged("report.css"),
        light=css_variables(LIGHT),
        dark=css_variables(DARK),
        plotly=plotly,
        script=script,
        hashes=[_hash(plotly), _hash(script)] if drawn else [],
    )
    return page


@cache
def plotly_script() -> str:
    """The plotly library as it goes into a page."""
    from plotly.offline import get_plotlyjs

    # A browser reads line ends as \n before it hashes a script.
    text: str = get_plotlyjs()
    return text.replace("\r\n", "\n").replace("\r", "\n")


@cache
def _packaged(name: str) -> str:
    return importlib.resources.files("gnomon.reporting").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_packaged),
    )
    environment.filters["minus"] = _minus
    return environment.get_template("report.html")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """JSON that can stand inside a script element: no `<` can end it or open a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _minus(text: str) -> str:
    """The text, its numbers with the sign that typesetting has for them; days and names keep their hyphens."""
    return NEGATIVE.sub("−", text)


def _fact(fact: Fact) -> dict[str, str]:
    return _split(format_value(fact.value, fact.form), fact.form)


def _split(text: str, form: str) -> dict[str, str]:
    """The text and, of a Sharpe ratio, what stands small behind it."""
    if form == "sharpe":
        head, _, rest = text.partition(" (")
        return {"text": _minus(head), "small": f"({rest}"}
    return {"text": _minus(text) if form in NUMERIC or SIGNED.search(text) else text, "small": ""}


def _shape(table: Table) -> str:
    """What the style sheet should know of a table: whether it is a heat map, and whether it holds long words."""
    if any(column.heat for column in table.columns):
        return "heatmap"
    texts = (cell_text(table, row, column.key) for row in table.rows for column in table.columns)
    return "prose" if any(len(text) > LONG for text in texts) else ""


def _heads(table: Table) -> list[dict[str, str]]:
    return [
        {"title": column.title, "side": "number" if column.form in NUMERIC else "words", "help": column.help}
        for column in table.columns
    ]


def _cells(table: Table, row: Mapping[str, Any]) -> list[dict[str, str]]:
    return [_one_cell(table, row, column, _most(table)) for column in table.columns]


def _most(table: Table) -> float:
    heat = [column.key for column in table.columns if column.heat]
    return max((abs(known(row.get(key)) or 0.0) for row in table.rows for key in heat), default=0.0)


def _one_cell(table: Table, row: Mapping[str, Any], column: Column, most: float) -> dict[str, str]:
    form = table.form(row, column)
    text = cell_text(table, row, column.key)
    sides = ["number" if column.form in NUMERIC else "words"]
    style = ""
    if column.heat:
        sides.append("heat")
        value = known(row.get(column.key))
        if value and most > 0.0:
            role = "gain" if value > 0.0 else "loss"
            share = HEAT * (abs(value) / most) ** 0.6
            style = f"background: color-mix(in srgb, var(--{role}) {share:.0f}%, transparent)"
    elif column.form not in NUMERIC and len(text) <= SHORT:
        sides.append("short")
    if form == "passed" and text:
        sides.append(text)
    if text == UNKNOWN:
        sides.append("unknown")
    return {**_split(text, form), "side": " ".join(sides), "style": style}
