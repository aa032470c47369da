"""The code behind a stage: the text scan finds every import that a parser finds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gnomon
from gnomon.pipeline.code import imported_names

SOURCES = sorted(Path(gnomon.__file__).parent.rglob("*.py"))


def parsed(source: str) -> set[str]:
    """The slow twin."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
    return found


def test_no_import_of_the_package_is_missed():
    assert len(SOURCES) > 200
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        assert parsed(source) <= imported_names(source), path


@pytest.mark.parametrize(
    "source",
    [
        "from a import b",
        "import a",
        "import a.b, c as d",
        "def f():\n    from a.b import c as d, e",
        "from a import (  # first (second)\n    b,  # why\n    c as d,\n)",
        "x = 1; from a import b",
        "if True: from a import b",
        "if True: import a, b.c",
        "x = 1; import a",
        "\timport a",
    ],
)
def test_forms_of_import(source):
    assert parsed(source.lstrip("\t")) <= imported_names(source)
