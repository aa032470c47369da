"""How a run chooses: by validation rows or by folds, by any rule, and never by a test row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gnomon.core.errors import ConfigError, DataError
from gnomon.pipeline import ModelPipeline, open_workspace
from gnomon.pipeline.keys import BARS, CROSS_VALIDATION, FOLD, SAMPLES, SELECTION, SPLIT
from gnomon.simulation.workflow import BacktestingWorkflow
from gnomon.splits import PurgedKFold
from gnomon.training import CrossValidator

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
FOLDS = ("selection.splitter={kind: purged_kfold, folds: 3}",)
VALIDATION = "selection.by=validation"


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
    context = run(workspace, VALIDATION, "selection.rule={kind: one_metric, metric: total_return}")
    scores = context.value(SELECTION)["scores"]
    # The same figure as the report's, from an account of its own.
    shown = json.loads((context.run.folder / "metrics.json").read_text())["validation"]
    for name, held in scores.items():
        assert held["valid_total_return"] == pytest.approx(shown[name]["total_return"])
    assert context.value(SELECTION)["chosen"] == max(scores, key=lambda name: scores[name]["valid_total_return"])


def test_a_rule_that_needs_folds_says_so(workspace):
    from gnomon.core.errors import GnomonError

    with pytest.raises(GnomonError, match=r"selection\.by: cross_validation"):
        run(workspace, VALIDATION, "selection.rule={kind: one_standard_error}")


def test_a_wrong_rule_is_found_before_any_work(workspace):
    with pytest.raises(ConfigError, match="one_metric"):
        run(workspace, "selection.rule={kind: one_metrc}")


def test_other_folds_do_not_train_again(workspace):
    run(workspace, *FOLDS)
    context = run(workspace, "selection.splitter={kind: purged_kfold, folds: 2}")
    assert "cross_validate" in context.outcome.computed
    assert not [name for name in context.outcome.computed if name.startswith("train.")]


def test_by_default_the_best_ic_over_five_folds_is_chosen(workspace):
    context = ModelPipeline(workspace=open_workspace(workspace)).run(until="select")
    frames, choice = context.value(CROSS_VALIDATION), context.value(SELECTION)
    assert frames["scores"].height == 10
    means = {name: frames["scores"].filter(pl.col("model") == name)["ic"].mean() for name in choice["ranking"]}
    assert choice["chosen"] == max(means, key=lambda name: means[name])
    assert choice["by"] == "highest ic on purged folds of training and validation rows"
    for name, mean in means.items():
        assert choice["scores"][name]["fold_ic"] == pytest.approx(mean)
        assert "log_loss" in choice["scores"][name]  # the validation rows are still told of
    again = ModelPipeline(workspace=open_workspace(workspace)).run(until="select")
    assert not again.outcome.computed


def test_what_is_fitted_and_traded_apart_is_what_a_cross_validation_gives(workspace):
    context = run(workspace, *FOLDS)
    fold, config = context.value(FOLD), context.outcome.plan.setup.config
    samples = context.value(SAMPLES).take(np.sort(np.concatenate([fold.train, fold.valid])))
    whole = CrossValidator(
        splitter=PurgedKFold(folds=3),
        training=config.training,
        seed=config.seed,
        workflow=BacktestingWorkflow.from_config(config),
    )
    bars = context.value(BARS)
    last = pl.from_epoch(pl.Series([int(samples.known_at.max())]), time_unit="us").dt.replace_time_zone("UTC")[0]
    direct = whole.run({"logistic": config.models["logistic"]}, samples, bars=bars.filter(pl.col("timestamp") <= last))
    frames = {
        name: frame.filter(pl.col("model") == "logistic") for name, frame in context.value(CROSS_VALIDATION).items()
    }
    assert_frame_equal(frames["scores"], direct.scores.drop("seconds"))
    assert_frame_equal(frames["summary"], direct.summary)
    out = direct.out_of_fold("logistic")[1].to_frame().sort("timestamp", "symbol")
    assert_frame_equal(frames["out_of_fold"].drop("model"), out)


def test_another_candidate_costs_its_own_folds_alone(workspace):
    run(workspace, *FOLDS)
    other = "models.ridge={model_type: ridge}"
    computed = ModelPipeline(workspace=open_workspace(workspace, overrides=(*FOLDS, other))).run(until="select").outcome
    assert sorted(computed.computed) == ["cross_validate", "cross_validate.ridge", "select", "train.ridge"]


def test_one_candidate_pays_for_no_folds_unless_it_is_told_to(workspace, tmp_path):
    alone = "\n".join(line for line in SMALL.splitlines() if "lightgbm" not in line)
    (tmp_path / "gnomon.yaml").write_text(alone)

    def plan(*overrides: str) -> ModelPipeline:
        return ModelPipeline(workspace=open_workspace(tmp_path, overrides=overrides))

    names = [stage.name for stage in plan().plan.stages]
    assert not [name for name in names if name.startswith("cross_validate")]
    context = plan().run(until="select")
    assert context.value(SELECTION)["chosen"] == "logistic"
    assert context.value(SELECTION)["by"] == "it is the only candidate"
    assert "log_loss" in context.value(SELECTION)["scores"]["logistic"]
    scored = plan("selection.always=true", *FOLDS).run(until="select")
    assert scored.value(CROSS_VALIDATION)["scores"].height == 3
    assert "fold_ic" in scored.value(SELECTION)["scores"]["logistic"]
    assert scored.value(SELECTION)["by"] == "it is the only candidate"


def test_rows_that_do_not_make_the_folds_are_refused_with_the_way_out(workspace):
    many = "selection.splitter={kind: purged_kfold, folds: 5000}"
    with pytest.raises(DataError, match=r"(?s)cannot be cut into 5000.*selection\.by: validation"):
        ModelPipeline(workspace=open_workspace(workspace, overrides=[many])).run(until="select")
    # Control: the way out that is named works.
    context = ModelPipeline(workspace=open_workspace(workspace, overrides=[VALIDATION])).run(until="select")
    assert context.value(SELECTION)["by"] == "highest ic on validation rows"


def test_without_validation_rows_folds_choose_and_validation_cannot(workspace):
    none = ("split={kind: holdout, train: 0.8, valid: 0.0, test: 0.2}", *FOLDS)
    context = ModelPipeline(workspace=open_workspace(workspace, overrides=none)).run(until="select")
    assert context.value(SELECTION)["chosen"] in {"logistic", "lightgbm"}
    with pytest.raises(DataError, match=r"split\.valid above 0, or selection\.by: cross_validation"):
        ModelPipeline(workspace=open_workspace(workspace, overrides=(*none, VALIDATION))).run(until="select")
