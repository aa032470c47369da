"""The diagrams say what the import linter holds; the reference pages name every key, component and command."""

from __future__ import annotations

import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

from gnomon.cli.main import COMMANDS
from gnomon.config.validation import every_path
from gnomon.labels.base import LABELERS

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"gnomon_tools_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def diagrams() -> ModuleType:
    return tool("diagrams")


def test_the_contract_is_read_from_the_linter(diagrams: ModuleType) -> None:
    contracts = diagrams.read_contracts(ROOT / "pyproject.toml")
    assert contracts.floors[0] == ("cli", "ui")
    assert contracts.floors[-1] == ("core",)
    assert contracts.side("features") == "live"
    assert contracts.side("labels") == "ahead"
    assert contracts.side("core") == "plain"


def test_every_room_of_the_contract_is_drawn_once(diagrams: ModuleType) -> None:
    contracts = diagrams.read_contracts(ROOT / "pyproject.toml")
    picture = ElementTree.fromstring(diagrams.draw_floors(contracts))
    names = [text.text for text in picture.iter(f"{SVG}text") if (text.get("class") or "").startswith("name")]
    assert sorted(names) == sorted(room for floor in contracts.floors for room in floor)


def test_every_folder_of_the_package_is_a_room(diagrams: ModuleType) -> None:
    rooms = {room for floor in diagrams.read_contracts(ROOT / "pyproject.toml").floors for room in floor}
    folders = {init.parent.name for init in (ROOT / "src" / "gnomon").glob("*/__init__.py")}
    assert folders - rooms == {"testing"}
    assert set(diagrams.PLANNED) >= rooms - folders, "a room that is not built yet says what it will be"


@pytest.mark.parametrize("name", ["path.svg", "floors.svg"])
def test_words_fit_and_boxes_do_not_overlap(diagrams: ModuleType, name: str) -> None:
    svg = next(text for path, text in diagrams.drawings().items() if path.name == name)
    picture = ElementTree.fromstring(svg)
    boxes = [
        tuple(float(box.get(side) or 0) for side in ("x", "y", "width", "height"))
        for box in picture.iter(f"{SVG}rect")
        if box.get("x") and box.get("rx") == "9"
    ]
    assert len(boxes) > 15
    for n, (x, y, w, h) in enumerate(boxes):
        assert not any(x < u + s and u < x + w and y < v + t and v < y + h for u, v, s, t in boxes[:n])
    for text in picture.iter(f"{SVG}text"):
        kind = (text.get("class") or "").split()[0]
        if kind in {"name", "note"} and text.get("x"):
            tx, ty = float(text.get("x") or 0), float(text.get("y") or 0)
            half = 0.5 * len(text.text or "") * {"name": 8.2, "note": 5.9}[kind]
            left, right = (tx - half, tx + half) if text.get("text-anchor") == "middle" else (tx, tx + 2 * half)
            around = [(x, w) for x, y, w, h in boxes if x <= tx <= x + w and y <= ty <= y + h]
            assert all(x <= left and right <= x + w for x, w in around), text.text


def test_check_finds_a_stale_picture(
    diagrams: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagrams, "OUT", tmp_path)
    monkeypatch.setattr(diagrams, "ROOT", tmp_path)
    monkeypatch.setattr(diagrams, "purpose", lambda room: f"The {room}")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert diagrams.main(["--check"]) == 1
    assert diagrams.main([]) == 0
    assert diagrams.main(["--check"]) == 0
    floors = tmp_path / "floors.svg"
    floors.write_text(floors.read_text().replace("kernels", "colonels"))
    capsys.readouterr()
    assert diagrams.main(["--check"]) == 1
    assert "floors.svg is stale" in capsys.readouterr().out
    contract = tmp_path / "pyproject.toml"
    contract.write_text(contract.read_text().replace('"(kernels) | (metrics)"', '"(kernels)"'))
    assert diagrams.main([]) == 0
    assert "metrics" not in floors.read_text()


def test_a_stop_in_a_room_that_no_floor_has_is_refused(diagrams: ModuleType) -> None:
    contracts = diagrams.Contracts((("core",),), frozenset(), frozenset())
    with pytest.raises(SystemExit, match="rooms on the path that no floor has"):
        diagrams.draw_path(contracts)


def test_the_reference_names_everything(tmp_path: Path) -> None:
    tool("reference").write(tmp_path)
    keys = (tmp_path / "keys.md").read_text(encoding="utf-8")
    for path in every_path():
        assert f"| `{path[-1]}` |" in keys, path
    without = [row for row in keys.splitlines() if re.search(r"\|\s*\|$", row) and "| section" not in row]
    assert without == [], "every key says what it means"
    components = (tmp_path / "components.md").read_text(encoding="utf-8")
    for name in LABELERS.names():
        assert f"### `{name}`" in components
    assert "| `latency_bars` | whole number | `1` |" in components
    commands = (tmp_path / "commands.md").read_text(encoding="utf-8")
    built = [name for name in COMMANDS if importlib.util.find_spec(f"gnomon.cli.{COMMANDS[name].module}")]
    for name in built:
        assert f"## `gnomon {name}`" in commands
    assert "### `gnomon config diff`" in commands
