"""Shared by all tests: hypothesis profiles, and the real data where a checkout has it."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("suite", max_examples=25, deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real market data; tests that need it are skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip("no real data beside this checkout")
    return REAL_DATA


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long runs are asked for by name (`make torture`, `make fuzz`)."""
    if config.getoption("-m"):
        return
    for item in items:
        if item.get_closest_marker("torture") or item.get_closest_marker("fuzz"):
            item.add_marker(pytest.mark.skip(reason="a long run: make torture, make fuzz"))
