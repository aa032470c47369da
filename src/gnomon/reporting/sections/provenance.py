"""Where the result comes from: the data and its checks, the split and its audit, what was run, what cannot be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Block, Code, Column, Points, Section, Table, Text
from gnomon.reporting.words import format_value, known, label, plain

PARTS = {"train": "Training", "valid": "Validation", "test": "Test"}
SOURCE_FORMS = {"start": "moment", "end": "moment", "rows": "integer"}
BPS = "bps"


def data_section(content: ReportContent) -> Section:
    """The source, and what its checks found."""
    blocks: list[Block] = [_source(content.source)]
    issues = list(content.checks.get("issues") or ())
    blocks += _issues(issues)
    for name in ("universe", "adjusted", "repairs"):
        blocks += _counts(name, content.checks.get(name) or ())
    before = content.checks.get("issues_before")
    if before:
        blocks.append(_issue_table("issues_before", "Found before anything was mended", list(before), folded=True))
    return Section(
        name="data",
        title="Data and checks",
        lead="Nothing is mended in silence: what was found is listed, and what was changed is counted.",
        blocks=tuple(blocks),
    )


def _source(source: Mapping[str, Any]) -> Table:
    rows = []
    for key, value in source.items():
        if key == "symbols":
            symbols = [str(symbol) for symbol in value]
            more = f" and {len(symbols) - 20:,} more" if len(symbols) > 20 else ""
            rows.append(
                {"name": f"Symbols ({len(symbols):,})", "value": ", ".join(symbols[:20]) + more, "form": "text"}
            )
        else:
            form = SOURCE_FORMS.get(key, "text")
            rows.append({"name": label(key), "value": plain(value) if key != "version" else str(value), "form": form})
    return Table(
        name="source",
        title="Source",
        columns=(Column(key="name", title=""), Column(key="value", title="", form="own")),
        rows=tuple(rows),
        empty="Nothing is known about the source.",
    )


def _issues(issues: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not issues:
        return [Text(text="The checks found nothing to remark on.")]
    blocks: list[Block] = [_issue_table("issues", "What the checks found", issues)]
    for number, issue in enumerate(issues):
        rows = [dict(row) for row in issue.get("rows") or ()]
        if rows:
            keys = list(dict.fromkeys(key for row in rows for key in row))
            blocks.append(
                Table(
                    name=f"issue_{number + 1}_rows",
                    title=f"Rows of: {label(str(issue.get('check')))}",
                    columns=tuple(Column(key=key, title=key, form=_row_form(key)) for key in keys),
                    rows=tuple({key: plain(value) for key, value in row.items()} for row in rows),
                    note=f"{len(rows):,} of {format_value(issue.get('count'), 'integer')}.",
                    folded=True,
                )
            )
    return blocks


def _row_form(key: str) -> str:
    return "moment" if key == "timestamp" else "text"


def _issue_table(name: str, title: str, issues: Sequence[Mapping[str, Any]], *, folded: bool = False) -> Table:
    return Table(
        name=name,
        title=title,
        columns=(
            Column(key="check", title="Check"),
            Column(key="severity", title="Severity"),
            Column(key="count", title="Rows", form="integer"),
            Column(key="message", title="What was found"),
        ),
        rows=tuple(
            {
                "check": label(str(issue.get("check"))),
                "severity": issue.get("severity"),
                "count": issue.get("count"),
                "message": issue.get("message"),
            }
            for issue in issues
        ),
        folded=folded,
    )


def _counts(name: str, counts: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not counts:
        return []
    titles = {
        "universe": "Restricted to the universe",
        "adjusted": "Adjusted for splits and dividends",
        "repairs": "Repaired",
    }
    keys = list(dict.fromkeys(key for row in counts for key in row))
    return [
        Table(
            name=name,
            title=titles[name],
            columns=tuple(Column(key=key, title=label(key)) for key in keys),
            rows=tuple({key: plain(value) for key, value in row.items()} for row in counts),
        )
    ]


def split_section(content: ReportContent) -> Section | None:
    """The spans and the audit of their overlaps."""
    split = content.split
    if not split:
        return None
    total = known(split.get("rows"))
    rows = []
    for key, name in PARTS.items():
        part = split.get(key)
        if part:
            share = known(part.get("rows"))
            rows.append(
                {
                    "part": name,
                    "rows": part.get("rows"),
                    "share": share / total if share is not None and total else None,
                    "start": part.get("start"),
                    "end": part.get("end"),
                }
            )
    overlaps = split.get("overlaps")
    audit = (
        "No training label reaches into a test span"
        if overlaps == 0
        else (f"{format_value(overlaps, 'integer')} training labels reach into a test span")
    )
    words = (
        f"{audit}: an audit by interval, which shares no code with the split, looked at each of them. "
        f"{format_value(split.get('left_out'), 'integer')} rows were left out between the spans, because their labels "
        "would have reached into the next one, or as an embargo after it."
    )
    return Section(
        name="split",
        title="Training, validation and test",
        lead="The model learned on the first span, was chosen on the second, and is judged on the third only.",
        blocks=(
            Table(
                name="split",
                title="Spans",
                columns=(
                    Column(key="part", title="Span"),
                    Column(key="rows", title="Rows", form="integer"),
                    Column(key="share", title="Share", form="percent"),
                    Column(key="start", title="From", form="day"),
                    Column(key="end", title="To", form="day"),
                ),
                rows=tuple(rows),
            ),
            Text(text=words),
        ),
    )


def run_section(content: ReportContent) -> Section:
    """Execution, configuration, versions."""
    execution = [
        {"name": label(key).replace(" bps", ", bps"), "value": plain(value), "form": "text"}
        for key, value in content.execution.items()
    ]
    versions = [{"name": name, "value": str(version), "form": "text"} for name, version in content.versions.items()]
    two = (Column(key="name", title=""), Column(key="value", title="", form="own"))
    blocks: list[Block] = []
    if execution:
        blocks.append(
            Table(
                name="execution", title="How orders were filled and what they cost", columns=two, rows=tuple(execution)
            )
        )
    if versions:
        blocks.append(Table(name="versions", title="Versions", columns=two, rows=tuple(versions)))
    if content.config:
        blocks.append(Code(title="Configuration (secrets masked)", text=content.config))
    return Section(
        name="run",
        title="What was run",
        lead=f"Pipeline {content.pipeline}. The same configuration, data and versions give the same bytes.",
        blocks=tuple(blocks),
    )


def limitations_section(content: ReportContent) -> Section:
    """What this run cannot know."""
    points = tuple(content.limitations)
    block: Block = Points(items=points) if points else Text(text="None were recorded.")
    return Section(
        name="limitations",
        title="What this cannot know",
        lead="Blind spots of the data and of the method. No figure above allows for them.",
        blocks=(block,),
    )
