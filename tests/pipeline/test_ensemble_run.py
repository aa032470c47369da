"""A run with an ensemble among its candidates: fitted from their models, forecast, traded and judged like them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import ConfigError, PlanError
from gnomon.pipeline import ModelPipeline, RunContext, open_workspace
from gnomon.pipeline.keys import CROSS_VALIDATION, EVALUATION, FORECAST, MODEL, SELECTION

SMALL = """\
project: small
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2017-06-01", seed: 3}
  frequency: 1d
  calendar: XNYS
labels: {kind: triple_barrier, horizons: [5, 10]}
split: {kind: holdout, train: 0.6, valid: 0.2, test: 0.2, embargo_bars: 10}
models:
  logistic: {model_type: logistic_regression}
  ridge: {model_type: ridge}
  blend: {model_type: ensemble, params: {members: [logistic, ridge], method: stacking, folds: 2}}
execution: {fee_bps: 1.0}
evaluation: {benchmarks: [cash]}
report: {formats: [md]}
tracking: {enabled: false}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble")
    (folder / "gnomon.yaml").write_text(SMALL)
    return folder


@pytest.fixture(scope="module")
def finished(workspace: Path) -> RunContext:
    return ModelPipeline(workspace=workspace).run()


def test_it_is_a_candidate_like_any_other(finished):
    assert finished.get_metadata("stages")["ensemble.blend"] == "done"
    assert "train.blend" not in finished.get_metadata("stages")
    blend, logistic = finished.value(MODEL.of("blend")), finished.value(MODEL.of("logistic"))
    forecast = finished.value(FORECAST.of("blend"))
    assert forecast.filter(pl.col("part") == "test").height > 100
    assert finished.value(EVALUATION.of("blend")).metrics
    assert set(finished.value(SELECTION)["ranking"]) == {"logistic", "ridge", "blend"}
    # The member's model is the candidate's, not another fit of it.
    member = blend.model.members["logistic"].model
    assert np.array_equal(member.coefficients, logistic.model.coefficients)
    assert blend.meta.rows == logistic.meta.rows
    metrics = json.loads((finished.run.folder / "metrics.json").read_text())
    assert "blend" in metrics["candidates"]
    report = (finished.run.folder / "report.md").read_text()
    assert "The members of blend" in report
    assert "How the members of blend differ" in report


def test_what_it_learned_from_ends_before_validation(finished):
    about = finished.value(MODEL.of("blend")).model.about
    first = finished.value(FORECAST.of("blend"))["timestamp"].min().timestamp() * 1e6
    assert about["out_of_fold"]["last_known_at"] < first


def test_a_second_run_computes_nothing(workspace, finished):
    again = ModelPipeline(workspace=workspace).run()
    assert set(again.get_metadata("stages").values()) <= {"reused", "done"}
    assert again.get_metadata("stages")["ensemble.blend"] == "reused"


def test_it_is_cross_validated_by_folds_within_folds(workspace):
    overrides = ("selection.by=cross_validation", "selection.splitter={kind: purged_kfold, folds: 2}")
    context = ModelPipeline(workspace=open_workspace(workspace, overrides=overrides)).run(until="select")
    assert set(context.value(CROSS_VALIDATION)["scores"]["model"]) == {"logistic", "ridge", "blend"}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("models.blend.params.members=[logistic, rigde]", "unknown member 'rigde'.*did you mean 'ridge'"),
        ("models.blend.params.members=[logistic]", "two members at least"),
        ("models.ridge.params={horizon: 10}", "models.ridge forecasts 10, the ensemble 'blend' the first horizon"),
        ("models.ridge.params={alpha_: 10}", r"models\.ridge\.params"),
        ("models.blend.params.method=gating", "gating needs `regime`"),
        ("models.blend.params.meta_params={q: 1}", r"models\.blend\.params\.meta\.params"),
    ],
)
def test_what_cannot_be_is_found_before_any_work(workspace, override, words):
    with pytest.raises(ConfigError, match=words):
        _ = ModelPipeline(workspace=open_workspace(workspace, overrides=[override])).plan


def test_a_pipeline_without_the_stage_says_what_is_missing(workspace):
    overrides = ["pipelines={short: [ingest, check, side_tables, features, labels, samples, split, train, forecast]}"]
    opened = open_workspace(workspace, overrides=[*overrides, "pipeline=short"])
    with pytest.raises(PlanError, match=r"'forecast.blend' reads 'model.blend', which no stage"):
        _ = ModelPipeline(workspace=opened).plan


def test_it_is_scored_by_the_forecasts_that_its_members_made_of_folds(workspace, monkeypatch):
    from gnomon.training import cross_validation

    fitted = []
    one = cross_validation.score_fold
    monkeypatch.setattr(
        cross_validation, "score_fold", lambda work, name, *rest: (fitted.append(name), one(work, name, *rest))[1]
    )
    overrides = (
        "selection.by=cross_validation",
        "selection.splitter={kind: purged_kfold, folds: 3}",
        "selection.ensembles=cross_fitted",
    )
    context = ModelPipeline(workspace=open_workspace(workspace, overrides=overrides)).run(until="select")
    found = context.value(CROSS_VALIDATION)
    # Nothing but the members is fitted on the folds, and the ensemble is scored on each of them all the same.
    assert sorted(set(fitted)) == ["logistic", "ridge"]
    assert found["scores"].group_by("model", maintain_order=True).len().rows() == [
        ("logistic", 3),
        ("ridge", 3),
        ("blend", 3),
    ]
    assert set(context.value(SELECTION)["ranking"]) == {"logistic", "ridge", "blend"}
    assert (
        found["out_of_fold"].filter(pl.col("model") == "blend").height
        == found["out_of_fold"].filter(pl.col("model") == "ridge").height
    )
