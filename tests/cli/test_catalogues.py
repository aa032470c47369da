"""`gnomon features`, `gnomon models`, `gnomon init`, `gnomon doctor`, `gnomon demo`."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.features.registry import FEATURES
from gnomon.models.base import ModelRegistry
from gnomon.pipeline.workspace import open_workspace
from gnomon.testing.features import synthetic_bars

pytestmark = pytest.mark.xdist_group("finished workspace")


def test_every_feature_is_listed_and_can_be_shown(say):
    rows = say("features", "list", "--json").object["features"]
    assert {row["feature"] for row in rows} == set(FEATURES.names())
    assert "rsi_14" in say("features", "list").out
    assert {row["feature"] for row in rows if row["cross_sectional"]} == set(FEATURES.cross_section_names(plugins=True))
    for row in rows:
        shown = say("features", "show", row["feature"], "--json").object
        assert shown["outputs"] == row["outputs"]
        assert shown["reference"]
    assert "window 14" in say("features", "show", "rsi").out
    assert "did you mean 'rsi'?" in say("features", "show", "rsii", code=2).err


def test_features_are_computed_over_the_workspaces_bars(finished, say, tmp_path):
    out = tmp_path / "f.parquet"
    found = say("features", "compute", "--out", out, "-w", finished, "--json").object
    frame = pl.read_parquet(out)
    assert frame.height == found["rows"]
    assert frame.columns == ["timestamp", "symbol", *found["features"]]
    run = open_workspace(finished).runs.get()
    assert found["rows"] == say("runs", "show", run.id, "-w", finished, "--json").object["metrics"]["source"]["rows"]
    assert "features are in" in say("features", "compute", "--out", out, "-w", finished).out


def test_features_of_bars_larger_than_memory_go_through_in_chunks(finished, say, tmp_path):
    bars = synthetic_bars(("open", "high", "low", "close", "volume"), bars=300)
    bars.write_parquet(tmp_path / "bars.parquet")
    words = ["features", "compute", "-w", tmp_path, "--data", tmp_path / "bars.parquet", "--json"]
    say(*words, "--out", tmp_path / "whole.parquet")
    found = say(*words, "--out", tmp_path / "parts", "--folder", "--chunk-rows", 100, "--compression", "zstd").object
    assert (found["rows"], found["rows_without_a_value"], found["bad_inputs"]) == (600, 0, {})
    assert len(list((tmp_path / "parts").iterdir())) == 6
    parts = pl.read_parquet(tmp_path / "parts" / "*.parquet").sort("symbol", "timestamp")
    assert_frame_equal(parts, pl.read_parquet(tmp_path / "whole.parquet"), check_exact=True)

    bars.with_columns(
        volume=pl.when(pl.int_range(pl.len()) == 200).then(float("inf")).otherwise("volume")
    ).write_parquet(tmp_path / "odd.parquet")
    words[5] = tmp_path / "odd.parquet"
    assert "non_finite" in say(*words, "--out", tmp_path / "odd", "--chunk-rows", 100, code=3).object["error"]
    (tmp_path / "gnomon.yaml").write_text("data: {checks: {non_finite: warning}}")
    found = say(*words, "--out", tmp_path / "odd", "--chunk-rows", 100).object
    assert found["bad_inputs"] == {"volume": 1}
    assert 0 < found["rows_without_a_value"] < 100
    assert "bad input (missing, NaN or infinite): volume 1" in say(*words[:-1], "--out", tmp_path / "odd").out


@pytest.mark.parametrize(
    ("change", "words", "code", "message"),
    [
        (lambda bars: bars.sort("timestamp", descending=True), [], 3, "earlier"),
        (lambda bars: pl.concat([bars, bars.slice(20, 1)]).sort("symbol", "timestamp"), [], 3, "stand twice"),
        (lambda bars: bars.with_columns(pl.col("timestamp").dt.replace_time_zone(None)), [], 3, "no time zone"),
        (lambda bars: bars.drop("close"), [], 3, "no column for close"),
        (lambda bars: bars, ["--compression", "zst"], 2, "did you mean 'zstd'"),
    ],
)
def test_bars_that_cannot_be_computed_are_refused(change, words, code, message, say, tmp_path):
    bars = synthetic_bars(("open", "high", "low", "close", "volume"), bars=60)
    change(bars).write_parquet(tmp_path / "bars.parquet")
    out = tmp_path / "out.parquet"
    said = say(
        *("features", "compute", "-w", tmp_path, "--data", tmp_path / "bars.parquet", "--out", out),
        *("--chunk-rows", 40, *words),
        code=code,
    )
    assert message in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bars.parquet"]


def test_what_needs_the_whole_history_is_not_done_in_chunks(say, tmp_path):
    (tmp_path / "gnomon.yaml").write_text("data: {repair: [{kind: drop_nonpositive}]}")
    said = say("features", "compute", "-w", tmp_path, "--out", tmp_path / "f", "--chunk-rows", 9, code=2)
    assert "data.repair needs the whole history" in said.err


def test_every_model_is_listed_and_each_setting_of_each_is_explained(say):
    rows = say("models", "list", "--json").object["models"]
    assert {row["model"] for row in rows} == set(ModelRegistry.models.names())
    assert "boosting" in say("models", "list").out
    for row in rows:
        shown = say("models", "show", row["model"], "--json").object
        unexplained = [setting["setting"] for setting in shown["settings"] if not setting["meaning"]]
        assert unexplained == []
    assert "learning_rate" in say("models", "show", "lightgbm").out
    assert "tuned" in say("models", "show", "logistic_regression").out
    assert "tuned" not in say("models", "show", "majority").out
    assert "did you mean 'lightgbm'?" in say("models", "show", "lightgb", code=2).err


def test_init_writes_a_workspace_that_plans(tmp_path, say):
    folder = tmp_path / "mine"
    assert f"cd {folder}" in say("init", folder).out
    assert "project: mine" in (folder / "gnomon.yaml").read_text()
    for words in ([], ["--env", "research"], ["--experiment", "cheap_costs"]):
        assert say("run", "-w", folder, "--dry-run", "--json", *words).object["pipeline"] == "default"
        assert say("config", "check", "-w", folder, "--json", *words).object["ok"]


def test_init_writes_over_nothing(tmp_path, say):
    found = say("init", tmp_path / "a", "--json").object
    assert len(found["files"]) == 4
    (tmp_path / "a" / "gnomon.yaml").write_text("project: kept\n")
    assert "exists already; nothing was written" in say("init", tmp_path / "a", code=2).err
    assert (tmp_path / "a" / "gnomon.yaml").read_text() == "project: kept\n"
    assert "Missing argument 'folder'" in say("init", code=2).err


def test_doctor_finds_this_installation_sound(finished, say):
    found = say("doctor", "-w", finished, "--json").object
    assert found["healthy"]
    what = {check["what"]: check for check in found["checks"]}
    assert what["workspace"]["finding"] == f"{finished}, 1 run"
    assert what["embedded data"]["status"] == "ok"
    assert "compiled kernels" in say("doctor", "-w", finished).out


def test_doctor_names_what_is_wrong_with_a_workspace(tmp_path, say):
    (tmp_path / "gnomon.yaml").write_text("sede: 3\n")
    said = say("doctor", "-w", tmp_path, code=1)
    assert "did you mean 'seed'?" in said.err
    found = say("doctor", "-w", tmp_path, "--json", code=1).object
    assert not found["healthy"]
    assert found["exit_code"] == 1


def test_a_demo_in_a_workspace_that_stands_runs_it_and_says_what_it_did(finished, say):
    said = say("demo", "-w", finished)
    assert "Bars of SYN001 and SYN002" in said.out
    assert "2 models trained" in said.out
    assert "Real daily" not in said.out, "these bars are made up, and it must not say otherwise"
    assert "Report (md)" in said.out
    assert say("demo", "-w", finished, "--json").object["run"] == open_workspace(finished).runs.get().id


def test_config_and_run_agree_on_how_bars_are_adjusted_and_restricted(workspace, say):
    section = ["--set", "data.adjust=forward", "--set", "data.unlisted=drop"]
    tables = [
        *["--set", "data.actions={kind: csv, path: actions.csv}"],
        *["--set", "data.universe={kind: csv, path: listings.csv, columns: {timestamp: listed}, zone: UTC}"],
    ]
    (workspace / "actions.csv").write_text("timestamp,symbol,split\n2016-01-04T00:00:00Z,SYN001,1.0\n")
    (workspace / "listings.csv").write_text("symbol,listed,delisted\nSYN001,2000-01-01,2030-01-01\n")
    assert say("config", "check", "-w", workspace, *section, *tables, "--json").object["ok"]
    found = say("run", "-w", workspace, *section, *tables, "--until", "check", "--json").object
    assert found["stages"]["check"] == "done"
    both = ["config", "check"], ["run", "--dry-run"]
    for words in both:
        said = say(*words, "-w", workspace, "--set", "data.adjust=forwards", code=2)
        assert "'backward' or 'forward'" in said.err
