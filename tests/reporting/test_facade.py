"""The two names that people import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gnomon.reporting
from gnomon.config.models import ReportConfig
from gnomon.core.errors import ConfigError
from gnomon.reporting import PerformanceVisualizer, ReportContent, ReportGenerator


def test_figures_one_by_one(noise: ReportContent) -> None:
    visualizer = PerformanceVisualizer(noise)
    assert "equity" in visualizer.names
    assert visualizer.figure("costs").side_by_side
    assert len(visualizer.plotly("costs")) == 2
    assert visualizer.png("yearly").startswith(b"\x89PNG")
    assert b"<svg" in visualizer.svg("yearly")
    with pytest.raises(ConfigError, match="unknown figure 'equty'; did you mean 'equity'"):
        visualizer.figure("equty")


def test_a_report_in_each_form(idle: ReportContent, tmp_path: Path) -> None:
    generator = ReportGenerator(idle, ReportConfig(formats=["md"]))
    assert generator.html().startswith("<!doctype html>")
    assert generator.markdown().startswith("# A small market")
    assert generator.pdf().startswith(b"%PDF")
    assert "headline.csv" in generator.tables()
    assert set(generator.generate(tmp_path)) == {"report.md"}


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="Reporter"):
        _ = gnomon.reporting.Reporter  # type: ignore[attr-defined]


def test_heavy_libraries_load_only_when_something_is_drawn() -> None:
    program = (
        "import sys, gnomon.reporting.write, gnomon.reporting.facade\n"
        "print([name for name in ('plotly', 'matplotlib', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
