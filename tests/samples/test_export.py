"""Scaled tables: fitted on training rows only, labels by horizon, all files or none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnomon.core.errors import DataError
from gnomon.core.files import observed
from gnomon.core.hashing import hash_tree
from gnomon.samples import (
    PrincipalComponents,
    ProjectionParams,
    RobustScaler,
    Samples,
    ScalerParams,
    build_samples,
    export_scaled,
)

PARTS = {"train": np.array([0, 1, 2, 8, 9, 10]), "valid": np.array([4, 11]), "test": np.array([6, 7, 15])}


@pytest.fixture
def samples(tables: Any) -> Samples:
    return build_samples(tables.features, tables.labels, tables.bars)


def test_the_three_tables(samples: Samples, tmp_path: Path) -> None:
    fitted = export_scaled(samples, tmp_path / "scaled", **PARTS)
    assert sorted(path.name for path in (tmp_path / "scaled").iterdir()) == [
        "scaler.json",
        "test_scaled.parquet",
        "train_scaled.parquet",
        "val_scaled.parquet",
    ]
    assert ScalerParams.load(tmp_path / "scaled" / "scaler.json") == fitted
    for part, file in (("train", "train"), ("valid", "val"), ("test", "test")):
        rows = PARTS[part]
        table = pl.read_parquet(tmp_path / "scaled" / f"{file}_scaled.parquet")
        assert table.columns == ["timestamp", "symbol", "fast", "slow", "label_h2", "label_h4"]
        assert table.schema["timestamp"] == pl.Datetime("us", "UTC")
        assert table.schema["fast"] == pl.Float32
        assert table.schema["label_h2"] == pl.Int8
        assert table["timestamp"].to_physical().to_list() == samples.known_at[rows].tolist()
        assert table["symbol"].to_list() == [samples.symbols[s] for s in samples.symbol[rows]]
        train = samples.x[PARTS["train"]].astype(float)
        expected = (samples.x[rows] - train.mean(axis=0)) / train.std(axis=0)
        np.testing.assert_allclose(table.select("fast", "slow").to_numpy(), expected, rtol=1e-6)
        for h, bars in enumerate(samples.horizons):
            decided = samples.weight[rows, h] > 0
            labels = [int(y) if known else None for y, known in zip(samples.y[rows, h], decided, strict=True)]
            assert table[f"label_h{bars}"].to_list() == labels
    assert pl.read_parquet(tmp_path / "scaled" / "test_scaled.parquet")["label_h4"].null_count() == 3


def test_a_projection_comes_before_the_scaler(samples: Samples, tmp_path: Path) -> None:
    projection = PrincipalComponents(columns=("fast", "slow"), components=1)
    export_scaled(samples, tmp_path / "scaled", projection=projection, **PARTS)
    table = pl.read_parquet(tmp_path / "scaled" / "train_scaled.parquet")
    assert table.columns == ["timestamp", "symbol", "fast_pca_0", "label_h2", "label_h4"]
    assert table["fast_pca_0"].std(ddof=0) == pytest.approx(1.0)
    kept = ProjectionParams.load(tmp_path / "scaled" / "projection.json")
    assert kept == projection.fit(samples.take(PARTS["train"]))


def test_rows_that_are_tested_do_not_move_the_scaler(samples: Samples, tmp_path: Path) -> None:
    before = export_scaled(samples, tmp_path / "before", **PARTS)
    x = samples.x.copy()
    x[np.concatenate([PARTS["valid"], PARTS["test"]])] *= 100.0
    assert export_scaled(replace(samples, x=x), tmp_path / "after", **PARTS) == before
    # The control: a scaler fitted on all rows is moved.
    everything = {**PARTS, "train": np.arange(len(samples)), "valid": np.arange(0), "test": np.arange(0)}
    whole = export_scaled(samples, tmp_path / "whole", **everything)
    assert export_scaled(replace(samples, x=x), tmp_path / "moved", **everything).center != whole.center


def test_another_scaler_and_the_same_bytes_twice(samples: Samples, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert export_scaled(samples, tmp_path / name, scaler=RobustScaler(), **PARTS).kind == "robust"
    assert hash_tree(tmp_path / "a") == hash_tree(tmp_path / "b")


def test_a_failed_write_leaves_nothing(samples: Samples, tmp_path: Path) -> None:
    def full_disk(operation: str, path: Path) -> None:
        if path.name == "test_scaled.parquet":
            raise OSError(28, "No space left on device")

    with observed(full_disk), pytest.raises(OSError, match="No space"):
        export_scaled(samples, tmp_path / "scaled", **PARTS)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused(samples: Samples, tables: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 rows are in train, valid and test more than once"):
        export_scaled(samples, tmp_path / "x", **{**PARTS, "valid": np.array([0])})
    with pytest.raises(DataError, match="carry no labels"):
        export_scaled(build_samples(tables.features, None, tables.bars), tmp_path / "x", **PARTS)
    with pytest.raises(DataError, match=r"the features \['label_h2'\] are named like"):
        export_scaled(replace(samples, feature_names=("fast", "label_h2")), tmp_path / "x", **PARTS)
    with pytest.raises(DataError, match="a scaler needs training rows"):
        export_scaled(samples, tmp_path / "x", **{**PARTS, "train": np.arange(0)})
    assert not (tmp_path / "x").exists()
