"""From a report's content to its document: which sections there are, and in which order."""

from __future__ import annotations

from gnomon.reporting.base import ReportContent
from gnomon.reporting.document import Document
from gnomon.reporting.order import in_order
from gnomon.reporting.sections.doubt import doubt_section
from gnomon.reporting.sections.forecasting import forecast_section, models_section
from gnomon.reporting.sections.performance import exposure_section, performance_section, returns_section
from gnomon.reporting.sections.provenance import data_section, limitations_section, run_section, split_section
from gnomon.reporting.sections.robustness import lag_section, regimes_section, risk_section
from gnomon.reporting.sections.standings import standings_section
from gnomon.reporting.sections.summary import subtitle, summary_section, verdict_callout
from gnomon.reporting.sections.trading import costs_section, trades_section


def to_document(content: ReportContent) -> Document:
    """The report as sections of text, tables and figures; what a run does not have is left out or said to be absent."""
    content = in_order(content)
    sections = (
        summary_section(content),
        standings_section(content),
        performance_section(content),
        returns_section(content),
        doubt_section(content),
        costs_section(content),
        exposure_section(content),
        trades_section(content),
        lag_section(content),
        regimes_section(content),
        risk_section(content),
        forecast_section(content),
        models_section(content),
        split_section(content),
        data_section(content),
        run_section(content),
        limitations_section(content),
    )
    return Document(
        title=content.title,
        subtitle=subtitle(content),
        verdict=verdict_callout(content),
        sections=tuple(section for section in sections if section is not None),
    )
