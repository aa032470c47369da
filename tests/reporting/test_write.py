"""All forms on disk; two processes write the same bytes."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

from gnomon.config.models import ReportConfig
from gnomon.core.files import is_temporary
from gnomon.reporting.base import ReportContent
from gnomon.reporting.write import write_report

PROGRAM = """
import pickle, sys
from pathlib import Path
from gnomon.config.models import ReportConfig
from gnomon.reporting.write import write_report
content = pickle.loads(Path(sys.argv[1]).read_bytes())
config = ReportConfig(formats=["html", "md", "pdf"], export=["png", "svg", "csv"])
write_report(content, Path(sys.argv[2]), config=config)
"""


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_form_is_written_and_another_process_writes_the_same(edge: ReportContent, tmp_path: Path) -> None:
    config = ReportConfig(formats=["html", "md", "pdf"], export=["png", "svg", "csv"])
    files = write_report(edge, tmp_path / "a", config=config)
    assert {
        "report.html",
        "report.md",
        "report.pdf",
        "figures/equity.png",
        "figures/equity.svg",
        "tables/headline.csv",
    } <= set(files)
    assert all(path == tmp_path / "a" / name and path.is_file() for name, path in files.items())
    assert "![" in files["report.md"].read_text(encoding="utf-8")
    assert not any(is_temporary(path) for path in tmp_path.rglob("*"))

    saved = tmp_path / "content.pickle"
    saved.write_bytes(pickle.dumps(edge))
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(saved), str(tmp_path / "b")], check=True, env=environment, timeout=120
    )
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_the_default_is_a_page_and_markdown(idle: ReportContent, tmp_path: Path) -> None:
    assert set(write_report(idle, tmp_path)) == {"report.html", "report.md"}
    assert "![" not in (tmp_path / "report.md").read_text(encoding="utf-8")
    again = write_report(idle, tmp_path, config=ReportConfig(formats=["md"]))
    assert set(again) == {"report.md"}
