"""How a run chooses: by validation rows or by folds, by any rule, and never by a test row."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from gnomon.core.errors import ConfigError
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import CROSS_VALIDATION, SELECTION, SPLIT

SMALL = """\
project: small
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2018-01-01", seed: 3}
  frequency: 1d
  calendar: XNYS
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2, embargo_bars: 5}
models:
  logistic: {model_type: logistic_regression}
  lightgbm: {model_type: lightgbm, params: {rounds: 10}}
execution: {fee_bps: 1.0, half_spread_bps: 1.0}
evaluation: {benchmarks: [buy_and_hold, cash]}
report: {formats: [md]}
tracking: {enabled: false}
"""
FOLDS = ("selection.by=cross_validation", "selection.splitter={kind: purged_kfold, folds: 3}")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "gnomon.yaml").write_text(SMALL)
    return folder


def run(folder: Path, *overrides: str):
    return ModelPipeline(workspace=open_workspace(folder, overrides=overrides)).run()


def test_by_folds(workspace):
    context = run(workspace, *FOLDS, "selection.rule={kind: one_standard_error, metric: log_loss}")
    frames, choice = context.value(CROSS_VALIDATION), context.value(SELECTION)
    assert frames["scores"].height == 6
    best = frames["summary"].filter(pl.col("metric") == "log_loss").sort("mean")
    assert set(choice["ranking"]) == {"logistic", "lightgbm"}
    if choice["chosen"] != best["model"][0]:
        assert choice["chosen"] == "logistic"  # the simpler one, within the error
    assert "one standard error" in choice["by"]
    assert "purged folds" in choice["by"]
    # Neither what was learned from nor what was judged reaches into the test rows.
    tested = context.value(SPLIT)["test"]["start"]
    assert frames["out_of_fold"]["timestamp"].max().isoformat() < tested
    metrics = json.loads((context.run.folder / "metrics.json").read_text())
    assert metrics["chosen"] == choice["chosen"]
    report = (context.run.folder / "report.md").read_text()
    assert "Candidates over purged folds" in report
    assert "Candidates fold by fold" in report


def test_by_trading_on_validation_rows(workspace):
    context = run(workspace, "selection.rule={kind: one_metric, metric: total_return}")
    scores = context.value(SELECTION)["scores"]
    # The same figure as the report's, from an account of its own.
    shown = json.loads((context.run.folder / "metrics.json").read_text())["validation"]
    for name, held in scores.items():
        assert held["valid_total_return"] == pytest.approx(shown[name]["total_return"])
    assert context.value(SELECTION)["chosen"] == max(scores, key=lambda name: scores[name]["valid_total_return"])


def test_a_rule_that_needs_folds_says_so(workspace):
    from gnomon.core.errors import GnomonError

    with pytest.raises(GnomonError, match=r"selection\.by: cross_validation"):
        run(workspace, "selection.rule={kind: one_standard_error}")


def test_a_wrong_rule_is_found_before_any_work(workspace):
    with pytest.raises(ConfigError, match="one_metric"):
        run(workspace, "selection.rule={kind: one_metrc}")


def test_other_folds_do_not_train_again(workspace):
    run(workspace, *FOLDS)
    context = run(workspace, "selection.by=cross_validation", "selection.splitter={kind: purged_kfold, folds: 2}")
    assert "cross_validate" in context.outcome.computed
    assert not [name for name in context.outcome.computed if name.startswith("train.")]
