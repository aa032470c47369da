"""The report as Markdown: complete, and readable in a terminal as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Block, Callout, Code, Document, Facts, Figure, Points, Table, Text
from gnomon.reporting.words import NUMERIC, UNKNOWN, format_value

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$])")
INNER_UNDERSCORE = re.compile(r"(?<=\w)\\_(?=\w)")
TICKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 60


def to_markdown(content: ReportContent | Document, *, figures: str | None = None) -> str:
    """The report as Markdown text. `figures`: the folder, relative to it, where exported pictures lie, if any do."""
    document = content if isinstance(content, Document) else to_document(content)
    verdict = document.verdict
    lines = [f"# {escape(document.title)}", "", escape(" · ".join(document.subtitle)), ""]
    lines += [f"> **{escape(verdict.heading)}**", ">", f"> {escape(verdict.text)}", ""]
    lines += [f"- {escape(reason)}" for reason in verdict.items]
    for section in document.sections:
        lines += ["", f"## {escape(section.title)}", "", escape(section.lead)]
        for block in section.blocks:
            lines += ["", *_block(block, figures)]
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text in which nothing is markup any more: no link, no HTML, no emphasis, no line break."""
    flat = " ".join(text.split())
    # An underscore inside a word is no markup, and names of the code read better without a stroke before it.
    return INNER_UNDERSCORE.sub("_", SPECIAL.sub(r"\\\1", flat.replace("&", "&amp;")))


def _block(block: Block, figures: str | None) -> list[str]:
    match block:
        case Text():
            return [escape(block.text)]
        case Points():
            return [f"- {escape(item)}" for item in block.items]
        case Callout():
            return [
                f"> **{escape(block.heading)}** {escape(block.text)}",
                *(f"> - {escape(item)}" for item in block.items),
            ]
        case Facts():
            return [
                f"- {escape(fact.name)}: **{escape(format_value(fact.value, fact.form))}**"
                + (f" ({escape(fact.remark)})" if fact.remark else "")
                for fact in block.facts
            ]
        case Table():
            return _table(block)
        case Code():
            return _code(block)
        case Figure():
            return _figure(block, figures)


def _table(table: Table) -> list[str]:
    lines = [f"### {escape(table.title)}", ""]
    if not table.rows:
        return [*lines, escape(table.empty)]
    texts = [[escape(cell_text(table, row, column.key)) for column in table.columns] for row in table.rows]
    for number in table.strong:
        texts[number][0] = f"**{texts[number][0]}**"
    heads = [escape(column.title) for column in table.columns]
    right = [column.form in NUMERIC for column in table.columns]
    widths = [max(3, len(head), *(len(row[i]) for row in texts)) for i, head in enumerate(heads)]
    widths = [min(width, 60) for width in widths]
    lines.append(_row(heads, widths, right))
    lines.append(
        "|" + "|".join("-" * (w + 1) + ":" if r else "-" * (w + 2) for w, r in zip(widths, right, strict=True)) + "|"
    )
    lines += [_row(row, widths, right) for row in texts]
    return [*lines, "", escape(table.note)] if table.note else lines


def _row(cells: list[str], widths: list[int], right: list[bool]) -> str:
    padded = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)]
    return "| " + " | ".join(padded) + " |"


def cell_text(table: Table, row: Mapping[str, Any], key: str) -> str:
    """A cell as text: empty where the row has no such value, "not known" where the value is not."""
    column = next(column for column in table.columns if column.key == key)
    if key not in row or row[key] is None:
        return ""
    value = row[key]
    form = table.form(row, column)
    return value if isinstance(value, str) and form not in ("day", "moment") else _cell(value, form)


def _cell(value: Any, form: str) -> str:
    text = format_value(value, form)
    return str(value) if text == UNKNOWN and isinstance(value, str) else text


def _code(code: Code) -> list[str]:
    # The fence is longer than any run of backticks inside it, so that the text cannot end it.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", code.text)), default=0))
    return [f"### {escape(code.title)}", "", f"{fence}yaml", code.text.rstrip("\n"), fence]


def _figure(figure: Figure, folder: str | None) -> list[str]:
    lines = [f"### {escape(figure.title)}", ""]
    if folder is not None:
        lines += [f"![{escape(figure.alt)}]({folder}/{figure.name}.png)", ""]
    if figure.x_form == "moment":
        sparks = [
            f"{mark.name[:24]:<24} {_spark(mark.y)}"
            for panel in figure.panels
            for mark in panel.marks
            if mark.kind in ("line", "area")
        ]
        fence = "`" * (3 + max((len(run) for spark in sparks for run in re.findall(r"`+", spark)), default=0))
        lines += [f"{fence}text", *(" ".join(spark.splitlines()) for spark in sparks), fence, ""]
    lines.append(f"{escape(figure.alt)}.")
    return [*lines, "", escape(figure.caption)] if figure.caption else lines


def _spark(values: Any) -> str:
    """A line as a row of small blocks."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    picked = [known[i * (len(known) - 1) // max(SPARK_WIDTH - 1, 1)] for i in range(min(SPARK_WIDTH, len(known)))]
    if len(known) <= SPARK_WIDTH:
        picked = known
    low, high = min(picked), max(picked)
    span = high - low or 1.0
    return "".join(TICKS[min(int((value - low) / span * len(TICKS)), len(TICKS) - 1)] for value in picked)
