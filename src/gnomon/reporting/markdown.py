"""The report as Markdown."""

from __future__ import annotations

from gnomon.reporting.base import ReportContent


def to_markdown(content: ReportContent) -> str:
    """The report as Markdown text."""
    verdict = content.main.verdict
    reasons = "\n".join(f"- {reason}" for reason in verdict.reasons)
    return f"# {content.title}\n\n{verdict.text}\n\n{reasons}\n"
