from __future__ import annotations

import subprocess
import sys

import pytest

from gnomon.core.errors import ConfigError
from gnomon.features import FEATURES, FeatureSet, FeatureSpec, Lag, Window
from gnomon.features.registry import FeatureRegistry
from gnomon.kernels.indicators.trend import sma


def spec(name: str, window: int = 3, **changes) -> FeatureSpec:
    fields = {
        "name": name,
        "inputs": ("close",),
        "outputs": (f"{name}_{window}",),
        "params": {"window": window, "relative": 1.0},
        "kernel": sma,
        "warmup": window - 1,
        "reference": "none",
    }
    return FeatureSpec(**{**fields, **changes})


def test_the_basic_set_is_small() -> None:
    names = FEATURES.names()
    assert names == sorted(names)
    assert {"rsi", "log_return", "vix_level"} <= set(FEATURES.basic_names()) < set(names)
    assert "price_zscore" not in FEATURES.basic_names()
    assert len(FeatureSet.basic().outputs) == 22


def test_the_default_set_is_all_that_this_package_has_for_one_symbol() -> None:
    default = FeatureSet.default()
    assert len(default.outputs) >= 130, "of bars alone, without side tables"
    assert set(FEATURES.basic_names()) < set(FEATURES.default_names()) < set(FEATURES.names())
    tables = {table for spec in FEATURES.values() for table in spec.tables}
    assert len(FeatureSet.default(tables=tables).specs) == len(FEATURES.default_names())
    assert {spec.theme for spec in default.specs} >= {
        *("trend", "momentum", "volatility", "volume", "liquidity", "oscillators", "distribution", "memory"),
        *("calendar", "candles", "timeframes", "regime"),
    }


def test_lists_of_a_config_are_tuples_of_params() -> None:
    assert FEATURES.create("log_return", windows=[2, 4]).flat_params() == (2.0, 4.0)


def test_a_feature_joins_by_the_decorator_and_keeps_its_name() -> None:
    registry = FeatureRegistry("feature")

    @registry.feature("mine", default=True)
    def made(window: Window = 3, lag: Lag = 1) -> FeatureSpec:
        return spec("mine", window)

    assert registry.create("mine", window=4).outputs == ("mine_4",)
    assert "mine" in registry.default_names()
    with pytest.raises(ConfigError, match="already registered"):

        @registry.feature("mine")
        def other() -> FeatureSpec:
            return spec("mine")

    @registry.feature()
    def yours() -> FeatureSpec:
        return spec("mine")

    with pytest.raises(ConfigError, match="'yours' makes a feature named 'mine'"):
        registry.create("yours")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": ("a", "b")}, "names 2 outputs, its kernel writes 1"),
        ({"inputs": ()}, "has no inputs"),
        ({"warmup": -1}, "must be 0 or more"),
        ({"inputs": ("vix.close",)}, r"reads the tables \['vix'\] and declares \[\]"),
        ({"tables": ("vix",)}, "table.column"),
    ],
)
def test_a_spec_that_does_not_fit_its_kernel_is_refused(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        spec("mine", **changes)


def test_importing_the_package_does_not_bring_numba() -> None:
    code = "import sys, gnomon.features; assert 'numba' not in sys.modules; gnomon.features.FEATURES; print('ok')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "ok\n"


def test_what_is_not_there_is_named() -> None:
    import gnomon.features

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gnomon.features.nothing  # noqa: B018
