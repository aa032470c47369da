"""The example of a feature that somebody else brings, as a person runs it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from gnomon.features import FEATURES
from gnomon.testing.features import check_feature

EXAMPLE = Path(__file__).parents[2] / "examples" / "features.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("example_features", EXAMPLE)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    # What joined the registry for this test leaves it again.
    FEATURES._entries.pop("efficiency")
    del sys.modules[spec.name]


def test_the_example_runs(example) -> None:
    table = example.main()
    assert table.columns == ["timestamp", "symbol", "efficiency_20", "rsi_14"]
    assert table.height == 500


def test_a_feature_from_outside_joins_by_name_and_meets_the_battery(example) -> None:
    assert "efficiency" in FEATURES.names()
    assert "efficiency" not in FEATURES.default_names()
    for window in (2, 10, 60):
        check_feature(FEATURES.create("efficiency", window=window), forgets=True, bars=300)


def test_efficiency_by_hand(example) -> None:
    out = example.efficiency_kernel.over(np.array([1.0, 2.0, 3.0, 2.0, 2.0, 2.0]), params=(2,))[0]
    np.testing.assert_allclose(out, [np.nan, np.nan, 1.0, 0.0, -1.0, 0.0])
