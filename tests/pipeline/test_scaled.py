"""Side tables with vectors, a projection and scaled tables: one run from a config to files in its folder."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import GateError
from gnomon.data.synthetic import Market, market_bars
from gnomon.pipeline import ModelPipeline
from gnomon.pipeline.keys import FOLD, MODEL, SAMPLES
from gnomon.pipeline.workspace import open_workspace
from gnomon.samples.base import Samples
from gnomon.samples.projection import ProjectionParams
from gnomon.samples.transforms import ScalerParams, rows_hash
from gnomon.training import fit

CONFIG = """\
project: vectors
data:
  source: {kind: parquet, path: bars.parquet, stamp: close}
  side_tables:
    news: {source: {kind: parquet, path: news.parquet}}
features: {set: none, include: [log_return, news_embedding], params: {news_embedding: {size: 6}}}
labels: {kind: triple_barrier, horizons: [5, 10]}
training: {projection: {kind: pca, columns: "news_*", components: 2}}
samples: {export_scaled: true}
models:
  logistic: {model_type: logistic_regression}
report: {formats: [md]}
tracking: {enabled: false}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    bars = market_bars(Market(symbols=2, start=date(2014, 1, 1), end=date(2016, 1, 1), seed=2))
    bars.write_parquet(tmp_path / "bars.parquet")
    news = bars.select("symbol", known_at=pl.col("timestamp") - timedelta(hours=3))
    vectors = np.random.default_rng(0).normal(size=(news.height, 6))
    news.with_columns(embedding=pl.Series(vectors.tolist())).write_parquet(tmp_path / "news.parquet")
    (tmp_path / "gnomon.yaml").write_text(CONFIG)
    return tmp_path


def test_vectors_are_projected_and_scaled_tables_written(workspace: Path) -> None:
    context = ModelPipeline(workspace=workspace).run()
    trained, samples, fold = context.value(MODEL.of("logistic")), context.value(SAMPLES), context.value(FOLD)
    assert "news_5" in samples.feature_names
    assert trained.projection.outputs == ("news_pca_0", "news_pca_1")
    assert trained.projection.rows_hash == rows_hash(samples.take(fold.train))
    folder = context.run.folder / "scaled"
    assert ScalerParams.load(folder / "scaler.json") == trained.scaler, "the tables are what the model learned from"
    assert ProjectionParams.load(folder / "projection.json") == trained.projection
    for part, file in (("train", "train"), ("valid", "val"), ("test", "test")):
        table = pl.read_parquet(folder / f"{file}_scaled.parquet")
        assert table.height == len(getattr(fold, part))
        assert table.columns[-4:] == ["news_pca_0", "news_pca_1", "label_h5", "label_h10"]
    assert "scaled/test_scaled.parquet" in context.run.manifest()["files"]


def test_a_projection_of_all_rows_stops_the_run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a plan that fits on more than the training rows is caught by the audit, exit 4."""
    held = {}
    honest = fit.projection_of

    class Everything:
        def __init__(self, *args, **settings) -> None:
            self.projection = honest(*args, **settings)

        def fit(self, train):
            return self.projection.fit(held["samples"])

    real = Samples.take

    def take(samples, rows):
        held.setdefault("samples", samples)
        return real(samples, rows)

    monkeypatch.setattr(Samples, "take", take)
    monkeypatch.setattr(fit, "projection_of", Everything)
    with pytest.raises(GateError, match="the projection leaks: it was fitted on") as caught:
        ModelPipeline(workspace=workspace).run()
    assert caught.value.exit_code == 4


def test_without_the_key_nothing_is_exported(workspace: Path) -> None:
    (workspace / "gnomon.yaml").write_text(CONFIG.replace("export_scaled: true", "export_scaled: false"))
    assert "scaled" not in [planned.name for planned in open_workspace(workspace).plan().stages]
