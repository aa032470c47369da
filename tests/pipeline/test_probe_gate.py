"""A run probes the user's own features first, and stops with exit 4 where one looks ahead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gnomon.cli.main import main
from gnomon.core.errors import DataError, GateError
from gnomon.features.base import FeatureSpec
from gnomon.features.registry import FEATURES
from gnomon.features.sets import FeatureSet
from gnomon.kernels.cross_section.regimes import rising_share
from gnomon.kernels.panel import panel_kernel
from gnomon.pipeline import ModelPipeline
from gnomon.pipeline.keys import FEATURES as KEY
from gnomon.pipeline.stages import features as stage
from gnomon.testing.features import MANY, synthetic_bars

CONFIG = """\
project: probed
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2016-01-01", seed: 3}
  frequency: 1d
  calendar: XNYS
features: {set: none, include: [rsi, FEATURE]}
plugins: [mine.py]
tracking: {enabled: false}
"""
PLUGIN = '''
import numpy as np

from gnomon.features import FeatureSpec, feature
from gnomon.kernels.base import kernel


@kernel(state_size=lambda params: 1)
def LOOP(state, x, columns, out, params):
    values = x[columns[0]]
    for t in range(values.size):
        BODY


@feature()
def NAME() -> FeatureSpec:
    """A feature of one's own."""
    return FeatureSpec(
        name="NAME", inputs=("close",), outputs=("NAME_1",), kernel=LOOP, warmup=1, reference="none"
    )
'''
PEEK = "out[0, t] = values[t + 1] if t + 1 < values.size else np.nan"
FRIDAY = "out[0, t] = values[t + 1] if t % 5 == 4 and t + 1 < values.size else values[t]"
BACK = """out[0, t] = values[t] - state[0]
        state[0] = values[t]"""


def workspace(folder: Path, name: str, body: str) -> Path:
    (folder / "gnomon.yaml").write_text(CONFIG.replace("FEATURE", name))
    (folder / "mine.py").write_text(PLUGIN.replace("LOOP", f"{name}_loop").replace("NAME", name).replace("BODY", body))
    return folder


@pytest.fixture(autouse=True)
def _forget():
    """What a test's plug-in registered is taken out again: other tests count features."""
    before = set(FEATURES._entries)
    yield
    for name in set(FEATURES._entries) - before:
        if FEATURES._entries[name].component.__module__ == "gnomon_plugin_mine":
            del FEATURES._entries[name]


@pytest.mark.parametrize(("name", "body"), [("gate_peek", PEEK), ("gate_friday", FRIDAY)])
def test_a_kernel_that_peeks_inside_its_chunk_stops_the_run(tmp_path, name, body, capsys):
    folder = workspace(tmp_path, name, body)
    with pytest.raises(
        GateError, match=rf"feature '{name}' looks ahead: column '{name}_1' of SYN00\d at 2015-\d\d-\d\d"
    ) as told:
        ModelPipeline(workspace=folder).run(until="features")
    assert "the cut 2015-" in str(told.value)
    assert main(["run", "--workspace", str(folder)]) == 4
    assert f"feature '{name}' looks ahead" in capsys.readouterr().err


def test_one_that_looks_back_is_used_and_the_command_agrees(tmp_path, capsys):
    folder = workspace(tmp_path, "gate_back", BACK)
    context = ModelPipeline(workspace=folder).run(until="features")
    assert "gate_back_1" in context.value(KEY).columns
    capsys.readouterr()
    assert main(["features", "probe", "--workspace", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["leaks"] == []
    assert found["cuts"] == 64
    assert found["columns"] == 2


def test_the_command_names_feature_row_and_cut(tmp_path, capsys):
    folder = workspace(tmp_path, "gate_told", PEEK)
    assert main(["features", "probe", "--workspace", str(folder), "--json", "--cuts", "all"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == 4
    (leak,) = found["leaks"]
    assert (leak["feature"], leak["column"], leak["symbol"]) == ("gate_told", "gate_told_1", "SYN001")
    assert leak["first_row"] == leak["cut"] == "2015-01-02 21:00:00+00:00"
    assert main(["features", "probe", "--workspace", str(folder)]) == 4
    out, err = capsys.readouterr()
    assert "2 columns of 2 features" in out
    assert "feature 'gate_told' looks ahead" in err
    for cuts in ("0", "-1", "many", "1.5", "٣"):
        assert main(["features", "probe", "--workspace", str(folder), "--cuts", cuts]) == 2


WINDOWS = """
import numpy as np
import polars as pl

from gnomon.features import feature_expression, feature_function

SEEN = {}
HELD = pl.DataFrame({"close": [1.0]})


@feature_expression(lookback=5)
def gate_expression() -> pl.Expr:
    return pl.col("close").shift(-1).fill_null(pl.col("close").mean())


@feature_function(lookback=2, inputs=("timestamp", "close"))
def gate_python(timestamp, close):
    SEEN[timestamp[-2]] = close[-1]
    return VALUE


@feature_function(lookback=2, inputs=("close",))
def gate_held(close):
    return close[-1] - HELD["close"][0]
"""


def test_features_without_a_kernel_are_probed_too(tmp_path, capsys):
    folder = workspace(tmp_path, "gate_expression, gate_python", BACK)
    (folder / "mine.py").write_text(WINDOWS.replace("VALUE", "close[-2]"))
    ModelPipeline(workspace=folder).run(until="features")
    assert "which is slow" in capsys.readouterr().err
    (folder / "mine.py").write_text(WINDOWS.replace("VALUE", "SEEN.get(timestamp[-1], np.nan)"))
    with pytest.raises(GateError, match=r"feature 'gate_python' looks ahead: column 'gate_python'"):
        ModelPipeline(workspace=folder).run(until="features")
    workspace(tmp_path, "gate_held", BACK)
    (folder / "mine.py").write_text(WINDOWS)
    with pytest.raises(
        GateError, match=r"'gate_held' reads the frame 'HELD' from outside its window.*data.side_tables"
    ):
        ModelPipeline(workspace=folder).run(until="features")
    for words in (["run"], ["features", "probe"]):
        assert main([*words, "--workspace", str(folder)]) == 4
    capsys.readouterr()
    assert main(["features", "show", "gate_held", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slow"]
    assert main(["features", "list"]) == 0
    assert "python (slow)" in capsys.readouterr().out


@panel_kernel(columns=("price",))
def share_that_will_rise(s, x, c, out, p):
    for t in range(x.shape[1]):
        rising = 0.0
        for i in range(c.size):
            rising += 1.0 if t + 1 < x.shape[1] and x[c[i], t + 1] > x[c[i], t] else 0.0
        for i in range(c.size):
            out[i, t] = rising / c.size


def test_a_cross_section_that_knows_the_next_moment_is_stopped():
    fields = {"name": "gate_rise", "inputs": ("close",), "outputs": ("gate_rise",), "warmup": 0, "reference": "none"}
    bars = synthetic_bars(("close",), symbols=MANY, bars=100)
    with pytest.raises(GateError, match="feature 'gate_rise' looks ahead"):
        stage.probe_features((FeatureSpec(kernel=share_that_will_rise, **fields),), bars, None)
    control = FeatureSpec(kernel=rising_share, params={"least": 5}, **fields)
    stage.probe_features((control,), bars, None)


def test_a_market_of_too_few_symbols_has_no_cross_section():
    specs = FeatureSet.cross_section().specs
    with pytest.raises(DataError, match=r"needs 5 symbols at a moment, the bars have 2; turn .* off"):
        stage.refuse_few_symbols(specs, 2)
    stage.refuse_few_symbols(specs, 5)
    stage.refuse_few_symbols(FeatureSet.default().specs, 1)


def test_the_package_own_features_are_not_probed_again():
    assert stage.users_own(FeatureSet.default().specs) == ()


def test_a_run_without_features_of_ones_own_pays_nothing(tmp_path, monkeypatch):
    folder = workspace(tmp_path, "gate_unused", BACK)
    (folder / "gnomon.yaml").write_text(CONFIG.replace(", FEATURE", ""))
    monkeypatch.setattr(stage, "probe_features", lambda *_: pytest.fail("probed"))
    ModelPipeline(workspace=folder).run(until="features")


def test_control_without_the_probe_the_run_goes_through(tmp_path, monkeypatch):
    folder = workspace(tmp_path, "gate_blind", PEEK)
    monkeypatch.setattr(stage, "probe_features", lambda *_: None)
    assert ModelPipeline(workspace=folder).run(until="features").value(KEY).height > 0
