"""What the documentation shows is run: every Python block of every page, and every file in examples/."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    if page.is_file() and not {"_build", "generated"} & set(page.parts)
)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^```(?:pycon|python)\n>>> ", re.MULTILINE)


PREPARED = {
    # The README speaks of a reader's own bars and targets; here they are.
    "README": """\
from datetime import UTC, datetime, timedelta
import numpy as np, polars as pl
close = 100.0 * np.exp(np.cumsum(np.random.default_rng(7).normal(0.0, 0.01, 300)))
hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(300)]
mine = pl.DataFrame({"timestamp": hours, "open": close, "high": close, "low": close, "close": close, "volume": 1.0})
mine = mine.with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")), symbol=pl.lit("AAA"))
mine.write_parquet("bars.parquet")
targets = mine.select(pl.col("timestamp") + timedelta(hours=1), "symbol", target=pl.lit(0.5))
""",
}


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page with the line where each begins."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)), found[1]) for found in BLOCK.finditer(text)]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = "".join([PREPARED.get(page.stem, ""), *(code for _, code in blocks(page))])
    # In a process of its own: a page registers parts, and a test must not leave them behind.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=_quiet())
    assert done.returncode == 0, f"{page.name}: {done.stderr[-2000:]}"


def test_prompts_stand_in_no_page() -> None:
    """Blocks are programs with assertions, so that a page can be copied and is checked by one rule."""
    assert [page.name for page in PAGES if PROMPT.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(example)], cwd=tmp_path, capture_output=True, text=True, timeout=120, env=_quiet()
    )
    assert done.returncode == 0, f"{example.name}: {done.stderr[-2000:]}"
    assert done.stdout.strip(), "an example shows something"


def test_control_a_broken_block_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Words.\n\n```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n")
    program = "".join(code for _, code in blocks(page))
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 1


def _quiet() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore::DeprecationWarning"}
