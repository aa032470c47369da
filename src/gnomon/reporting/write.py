"""Writes a report in the forms that the configuration asks for."""

from __future__ import annotations

from pathlib import Path

from gnomon.config.models import ReportConfig
from gnomon.core.files import write_atomic
from gnomon.reporting.base import ReportContent
from gnomon.reporting.markdown import to_markdown


def write_report(content: ReportContent, folder: Path, *, config: ReportConfig | None = None) -> dict[str, Path]:
    """Writes `report.<form>` for each form of the config into `folder`; returns the files by relative name.

    The same content gives the same bytes.
    """
    config = config or ReportConfig()
    files: dict[str, Path] = {}
    if "md" in config.formats:
        files["report.md"] = folder / "report.md"
        write_atomic(files["report.md"], to_markdown(content).encode())
    return files
