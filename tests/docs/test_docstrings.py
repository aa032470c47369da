"""The examples in docstrings are run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import gnomon

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages([str(Path(gnomon.__file__).parent)], "gnomon.")
    if ">>>" in Path(module.module_finder.find_spec(module.name).origin).read_text(encoding="utf-8")  # type: ignore[union-attr, arg-type, call-arg]
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(name), verbose=False)
    assert found.failed == 0


def test_control_there_are_many() -> None:
    assert len(MODULES) > 20
