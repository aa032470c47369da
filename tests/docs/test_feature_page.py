"""The page of features names every feature with its units, warm-up, formula and reference, and draws each."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

from gnomon.features.registry import FEATURES

TOOL = Path(__file__).parents[2] / "tools" / "feature_page.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gnomon_tools_feature_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_feature_is_told_and_drawn(tool: ModuleType, tmp_path: Path) -> None:
    tool.write(tmp_path)
    page = (tmp_path / "features.md").read_text(encoding="utf-8")
    for spec in FEATURES.values():
        part = page.split(f"### `{spec.name}`\n", 1)[1].split("\n### ", 1)[0]
        assert f"| warm-up | {spec.warmup} bars |" in part
        assert f"| units | {spec.units} |" in part
        assert spec.reference in part
        assert all(f"`{output}`" in part for output in spec.outputs)
        picture = ElementTree.parse(tmp_path / "features" / f"{spec.name}.svg")
        assert len(list(picture.iter("{http://www.w3.org/2000/svg}polyline"))) == len(spec.outputs)
    assert " nan" not in (tmp_path / "features" / "rsi.svg").read_text(encoding="utf-8")
