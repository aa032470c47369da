"""Reports and figures: one self-contained HTML page, Markdown, PDF, pictures and tables, all from one value."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnomon.reporting.base import ReportContent
    from gnomon.reporting.facade import PerformanceVisualizer, ReportGenerator
    from gnomon.reporting.write import write_report

_HOMES = {
    "PerformanceVisualizer": "gnomon.reporting.facade",
    "ReportContent": "gnomon.reporting.base",
    "ReportGenerator": "gnomon.reporting.facade",
    "write_report": "gnomon.reporting.write",
}

__all__ = ["PerformanceVisualizer", "ReportContent", "ReportGenerator", "write_report"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
