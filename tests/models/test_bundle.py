"""A trained model as one folder: the same bits, the same bytes, features by name."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from gnomon.config.models import ModelConfig, TrainingConfig
from gnomon.core.errors import ConfigError, DataError, IntegrityError
from gnomon.core.hashing import hash_tree
from gnomon.models import TrainedModel
from gnomon.samples.transforms import rows_hash
from gnomon.testing.models import planted_samples
from gnomon.training import fit_model

QUICK = ModelConfig(model_type="lightgbm", params={"rounds": 20, "min_rows_in_leaf": 20})


# Values as a caller may have them: a tuple, an infinity, a date.
LINEAGE = {"labels": {"horizons": (5, 10), "upper": math.inf}, "start": date(2020, 1, 2), "split": None}


def trained_model() -> TrainedModel:
    trained, _ = fit_model(QUICK, planted_samples(600), planted_samples(200, part="valid"), seed=3, lineage=LINEAGE)
    return trained


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return trained_model()


def test_loaded_it_forecasts_the_same_bits(trained: TrainedModel, tmp_path: Path) -> None:
    other = planted_samples(100, part="other")
    trained.save(tmp_path / "a")
    loaded = TrainedModel.load(tmp_path / "a")
    np.testing.assert_array_equal(loaded.predict(other).probability, trained.predict(other).probability)
    assert loaded.meta == trained.meta
    assert loaded.scaler == trained.scaler
    loaded.save(tmp_path / "b")
    trained_model().save(tmp_path / "c")
    assert hash_tree(tmp_path / "a") == hash_tree(tmp_path / "b") == hash_tree(tmp_path / "c")


def test_features_are_taken_by_name(trained: TrainedModel) -> None:
    other = planted_samples(100, part="other")
    expected = trained.predict(other).probability
    order = [5, 3, 1, 0, 2, 4]
    more = np.concatenate([other.x[:, order], np.full((100, 1), 9.0, np.float32)], axis=1)
    names = (*(other.feature_names[i] for i in order), "something_else")
    np.testing.assert_array_equal(trained.predict(replace(other, x=more, feature_names=names)).probability, expected)
    fewer = replace(other, x=other.x[:, 1:], feature_names=("feature_O", *other.feature_names[2:]))
    with pytest.raises(DataError, match=r"wants features that the samples lack: \['feature_0'"):
        trained.predict(fewer)


def test_a_row_is_forecast_by_itself_through_the_scaler_too(trained: TrainedModel) -> None:
    other = planted_samples(97, part="other")
    together = trained.predict(other).probability
    for i in (0, 13, 96):
        np.testing.assert_array_equal(trained.predict(other.take(np.array([i]))).probability[0], together[i])


def test_samples_without_labels_can_be_predicted(trained: TrainedModel) -> None:
    other = planted_samples(20)
    bare = replace(
        other, horizons=(), **{n: getattr(other, n)[:, :0] for n in ("y", "label_end", "forward_return", "weight")}
    )
    np.testing.assert_array_equal(trained.predict(bare).probability, trained.predict(other).probability)


def test_the_facts_are_kept(trained: TrainedModel) -> None:
    meta = trained.meta
    train, valid = planted_samples(600), planted_samples(200, part="valid")
    assert (meta.model_type, meta.horizon, meta.seed, meta.rows) == ("lightgbm", 5, 3, 600)
    assert meta.trained_until == max(train.label_end.max(), valid.label_end.max())
    assert meta.config["rounds"] == 20
    assert meta.lineage == {"labels": {"horizons": [5, 10], "upper": "inf"}, "start": "2020-01-02", "split": None}


def test_a_broken_folder_is_refused(trained: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="holds no trained model"):
        TrainedModel.load(tmp_path)
    trained.save(tmp_path / "a")
    (tmp_path / "a" / "files.json").write_text("[]")
    with pytest.raises(IntegrityError, match=r"is not as it was written|holds no trained model"):
        TrainedModel.load(tmp_path / "a")


def test_a_model_of_a_kind_that_is_not_there_is_named(trained: TrainedModel, tmp_path: Path) -> None:
    replace(trained, meta=replace(trained.meta, model_type="lightgmb")).save(tmp_path / "a")
    with pytest.raises(ConfigError, match="did you mean 'lightgbm'"):
        TrainedModel.load(tmp_path / "a")


def test_every_flipped_byte_is_found_before_it_is_used(trained: TrainedModel, tmp_path: Path) -> None:
    trained.save(tmp_path / "a")
    draw = np.random.default_rng(0)
    files = sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 6
    for path in files * 5:
        data = bytearray(path.read_bytes())
        at = int(draw.integers(len(data)))
        data[at] ^= 1 << int(draw.integers(8))
        whole, _ = path.read_bytes(), path.write_bytes(data)
        with pytest.raises(IntegrityError, match=str(tmp_path)):
            TrainedModel.load(tmp_path / "a")
        path.write_bytes(whole)
    (tmp_path / "a" / "added").write_text("x")
    with pytest.raises(IntegrityError, match="added altered, missing or added"):
        TrainedModel.load(tmp_path / "a")
    (tmp_path / "a" / "added").unlink()
    TrainedModel.load(tmp_path / "a")


def test_a_projection_is_part_of_the_model(tmp_path: Path) -> None:
    train, other = planted_samples(600), planted_samples(100, part="other")
    training = TrainingConfig(projection={"kind": "random", "columns": "feature_*", "components": 4})
    made, _ = fit_model(QUICK, train, planted_samples(200, part="valid"), seed=3, training=training)
    again, _ = fit_model(QUICK, train, planted_samples(200, part="valid"), seed=4, training=training)
    assert made.projection is not None
    assert made.projection.rows_hash == made.scaler.rows_hash == rows_hash(train)
    assert made.projection.matrix != again.projection.matrix, "chance comes from the run's seed"
    assert made.feature_names == train.feature_names
    assert made.scaler.feature_names == tuple(f"feature_random_{k}" for k in range(4))
    made.save(tmp_path / "a")
    loaded = TrainedModel.load(tmp_path / "a")
    assert loaded.projection == made.projection
    np.testing.assert_array_equal(loaded.predict(other).probability, made.predict(other).probability)
    one = made.predict(other.take(np.array([5]))).probability
    np.testing.assert_array_equal(one[0], made.predict(other).probability[5])
