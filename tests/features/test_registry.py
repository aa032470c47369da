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


def test_the_default_set_and_the_rest() -> None:
    names = FEATURES.names()
    assert names == sorted(names)
    assert {"rsi", "log_return", "vix_level"} <= set(FEATURES.default_names()) < set(names)
    assert "price_zscore" not in FEATURES.default_names()


def test_the_full_set_is_all_that_this_package_has() -> None:
    full = FeatureSet.full()
    assert len(full.outputs) >= 130, "of bars alone, without side tables"
    assert set(FEATURES.default_names()) < set(FEATURES.full_names()) <= set(FEATURES.names())
    tables = {table for spec in FEATURES.values() for table in spec.tables}
    assert len(FeatureSet.full(tables=tables).specs) == len(FEATURES.full_names())
    assert {spec.theme for spec in full.specs} >= {
        *("trend", "momentum", "volatility", "volume", "liquidity", "oscillators", "distribution", "memory"),
        *("calendar", "candles", "timeframes", "regime"),
    }


def test_the_default_set_is_the_one_that_runs_were_made_with() -> None:
    assert len(FeatureSet.default().outputs) == 22
    assert "momentum_60" not in FeatureSet.default().outputs


def test_short_windows_pair_with_long_ones() -> None:
    assert FEATURES.create("sma_cross", fast=[2], slow=[9]).flat_params() == (2.0, 9.0)
    for params in ({"fast": [5], "slow": [5]}, {"fast": [5, 6], "slow": [9]}):
        with pytest.raises(ConfigError, match="each of fast needs one of slow above it"):
            FEATURES.create("volatility_ratio", **params)
    with pytest.raises(ConfigError, match="fast must be below slow"):
        FEATURES.create("ppo", fast=30)


def test_outputs_are_named_for_what_they_yield() -> None:
    outputs = [output for feature in FEATURES.values() for output in feature.outputs]
    assert len(outputs) == len(set(outputs))
    assert FEATURES.create("macd", fast=3, slow=5, signal=2).outputs == ("macd_3_5", "macd_signal_3_5_2")


@pytest.mark.parametrize("feature", FEATURES.values(), ids=lambda feature: feature.name)
def test_a_feature_tells_its_source_and_unit(feature: FeatureSpec) -> None:
    assert any(part.isdigit() for part in feature.reference.replace(",", " ").split())
    assert feature.units
    assert feature.theme != "other"
    assert FEATURES.entry(feature.name).component.__doc__


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("rsl", {}, "unknown feature 'rsl' at features.include; did you mean 'rsi'"),
        ("rsi", {"windw": 3}, "unknown key 'windw' at features.include.windw; did you mean 'window'"),
        ("rsi", {"window": 1}, "features.include.window = 1"),
        ("rsi", {"window": "14"}, "features.include.window = '14'"),
        ("rsi", {"window": True}, "features.include.window = True"),
        ("rsi", {"window": 14.5}, "features.include.window = 14.5"),
        ("log_return", {"windows": []}, "features.include.windows"),
        ("log_return", {"windows": [5, 0]}, "features.include.windows.1 = 0"),
        ("bollinger", {"deviations": -1.0}, "features.include.deviations = -1.0"),
        ("macd", {"fast": 26, "slow": 12}, "features.include: fast must be below slow, were 26 and 12"),
    ],
)
def test_wrong_parameters_are_refused_in_words(name, params, message) -> None:
    with pytest.raises(ConfigError) as error:
        FEATURES.create(name, where="features.include", **params)
    assert message in str(error.value)


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
