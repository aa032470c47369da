"""A whole run whose model is calibrated and abstains: what is kept, published and traded."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from gnomon.pipeline.model_pipeline import ModelPipeline

CONFIG = """\
project: cautious
data:
  source: {kind: synthetic, symbols: 2, start: "2015-01-01", end: "2017-06-01", seed: 5}
features: {set: basic}
labels: {kind: triple_barrier, horizons: [5]}
split: {kind: holdout, train: 0.5, valid: 0.3, test: 0.2}
models:
  logistic: {model_type: logistic_regression}
training: {calibration: temperature, conformal: {alpha: 0.3}, calibration_share: 0.8}
sizing: {kind: fixed, abstain: true}
report: {formats: [md]}
evaluation: {benchmarks: [cash]}
tracking: {enabled: false}
executor: {workers: 1}
"""


def test_a_calibrated_run_publishes_its_sets_and_trades_only_by_them(tmp_path: Path) -> None:
    (tmp_path / "gnomon.yaml").write_text(CONFIG)
    ModelPipeline(workspace=tmp_path).run()
    (folder,) = {path.parent for path in (tmp_path / ".gnomon" / "runs").rglob("metrics.json")}
    said = pl.read_parquet(next(folder.rglob("predictions.parquet")))
    assert {"allowed_short", "uncalibrated_long"} <= set(said.columns)
    quality = json.loads((folder / "metrics.json").read_text())["candidates"]["logistic"]["forecast"]["test"]
    assert {"set_coverage", "calibration_error_debiased", "brier_resolution"} <= set(quality["metrics"])
    assert set(quality["scores"]["columns"]["stage"]) == {"forecast", "uncalibrated"}
    report = next(folder.rglob("report.md")).read_text()
    assert "before calibration" in report
    assert "Sets of classes that could not be ruled out" in report
    targets = pl.read_parquet(next(folder.rglob("targets.parquet"))).filter(pl.col("target").is_not_null())
    both = targets.join(said.filter(pl.col("part") == "test"), on=["timestamp", "symbol"])
    allowed = pl.sum_horizontal("allowed_short", "allowed_flat", "allowed_long")
    traded = both.filter(pl.col("target") != 0.0)
    assert traded.filter(allowed != 1).is_empty()
    assert both.filter(allowed != 1).height > 0
