"""The two doors that a person uses in a notebook: one to figures, one to whole reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gnomon.config.models import ReportConfig
from gnomon.core.errors import ConfigError, unknown
from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.document import Figure
from gnomon.reporting.export import exported
from gnomon.reporting.html import to_html
from gnomon.reporting.interactive import to_plotly
from gnomon.reporting.markdown import to_markdown
from gnomon.reporting.pdf import to_pdf
from gnomon.reporting.static import to_picture
from gnomon.reporting.write import write_report


@dataclass(frozen=True)
class PerformanceVisualizer:
    """The figures of a report, one by one. `names` lists them: equity, yearly, costs, exposure, trades, ..."""

    content: ReportContent

    @property
    def names(self) -> tuple[str, ...]:
        """The figures that this content has."""
        return tuple(to_document(self.content).figures)

    def figure(self, name: str) -> Figure:
        """The figure as a value. ConfigError names the nearest one where there is none of that name."""
        figures = to_document(self.content).figures
        if name not in figures:
            raise ConfigError(unknown("figure", name, figures))
        return figures[name]

    def plotly(self, name: str) -> list[dict[str, Any]]:
        """Data and layout for plotly, a figure a panel where panels stand side by side."""
        return to_plotly(self.figure(name))

    def png(self, name: str) -> bytes:
        """The figure as PNG."""
        return to_picture(self.figure(name), "png")

    def svg(self, name: str) -> bytes:
        """The figure as SVG."""
        return to_picture(self.figure(name), "svg")


@dataclass(frozen=True)
class ReportGenerator:
    """A report in any of its forms. `config`: the forms that `generate` writes."""

    content: ReportContent
    config: ReportConfig = field(default_factory=ReportConfig)

    def html(self) -> str:
        """One self-contained page."""
        return to_html(self.content)

    def markdown(self) -> str:
        """The report as Markdown."""
        return to_markdown(self.content)

    def pdf(self) -> bytes:
        """The report as PDF."""
        return to_pdf(self.content)

    def tables(self) -> dict[str, bytes]:
        """Every table, and the values behind every figure, as CSV by file name."""
        return {
            name.removeprefix("tables/"): data for name, data in exported(to_document(self.content), ["csv"]).items()
        }

    def generate(self, folder: Path) -> dict[str, Path]:
        """Writes the report into `folder`; returns the files by relative name."""
        return write_report(self.content, folder, config=self.config)
