"""How the documentation is built. Its reference pages are made from the code on each build."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))

project = "Gnomon"
author = "The Gnomon authors"
copyright = author  # noqa: A001 - the name that Sphinx asks for
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "generated"]

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
autodoc_mock_imports: list[str] = []

html_theme = "furo"
html_title = "Gnomon"
html_static_path = ["_static"]
html_css_files = ["gnomon.css"]
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "native"


def write_reference(_app: Any) -> None:
    """Makes the pages of keys, components, commands and features."""
    import feature_page
    import reference

    reference.write(HERE / "generated")
    feature_page.write(HERE / "generated")


def plain_docstring(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with `code` and doctests; reStructuredText would trip over their asterisks and bars."""
    out = []
    for line in lines:
        text = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line)
        if not line.startswith((">>>", "...")):
            text = "".join(
                part if part.startswith("``") else re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part)
                for part in re.split(r"(``.+?``)", text)
            )
        out.append(text.lstrip() if not line.startswith(("    >>>", "    ...")) else text)
    lines[:] = out


def setup(app: Any) -> None:
    """Connects both."""
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-process-docstring", plain_docstring)
