"""Writes a report in the forms that the configuration asks for."""

from __future__ import annotations

from pathlib import Path

from gnomon.config.models import ReportConfig
from gnomon.core.files import write_atomic
from gnomon.reporting.base import ReportContent
from gnomon.reporting.contents import to_document
from gnomon.reporting.export import exported
from gnomon.reporting.html import to_html
from gnomon.reporting.markdown import to_markdown
from gnomon.reporting.pdf import to_pdf


def write_report(content: ReportContent, folder: Path, *, config: ReportConfig | None = None) -> dict[str, Path]:
    """Writes `report.<form>` for each form of the config into `folder`, and figures and tables as it asks for them.

    Returns the files by relative name (`report.html`, `figures/equity.png`, `tables/headline.csv`). The same content
    gives the same bytes.
    """
    config = config or ReportConfig()
    document = to_document(content)
    made: dict[str, bytes] = {}
    if "html" in config.formats:
        made["report.html"] = to_html(document).encode()
    if "md" in config.formats:
        made["report.md"] = to_markdown(document, figures="figures" if "png" in config.export else None).encode()
    if "pdf" in config.formats:
        made["report.pdf"] = to_pdf(document)
    made |= exported(document, config.export)
    files = {name: folder / name for name in made}
    for name, path in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, made[name])
    return files
